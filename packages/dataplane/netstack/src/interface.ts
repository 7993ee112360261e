/** One network interface of a stack: a port with addresses, group memberships, counters and a transmit batch. */
import type { NetworkInterface } from '@lodestone/host'
import { type FrameSink, type Port } from '@lodestone/link'
import type { Ip } from '@lodestone/net'
import { type Mac, type Prefix } from '@lodestone/net'
import { AddressMap, keyOf } from './address-map.ts'
import type { Stack } from './stack.ts'

const TRANSMIT_BATCH = 256

export interface InterfaceCounters {
  readonly framesIn: number
  readonly bytesIn: number
  readonly framesOut: number
  readonly bytesOut: number
}

export interface Icmp6Listener {
  readonly types: readonly number[]
  /** The message from its type on, valid during the call. */
  readonly onMessage: (message: Uint8Array, from: Ip) => void
}

export class Interface implements NetworkInterface, FrameSink {
  /** From 1; also the scope of link-local addresses in tables. */
  readonly index: number
  readonly name: string
  readonly mac: Mac
  readonly macText: string
  mtuBytes: number
  /** Undefined on the loopback interface. */
  readonly port: Port | undefined
  /** Assigned addresses with their prefix lengths, link-local ones included. */
  readonly prefixes: Prefix[] = []
  linkLocal: Ip | undefined
  /** Whether IPv6 addresses are asked for before they are used. */
  detectsDuplicates = false
  /** Whether joined IPv6 groups are reported to multicast routers. */
  reportsGroups = false
  /** While a DHCP client waits for an address, UDP to this port is taken whatever its destination; else 0. */
  anyAddressPort = 0
  /** Told of router advertisements (RFC 4861 §4.2), when something listens. */
  onRouterAdvert: ((slot: number, l3: number, l4: number, end: number) => void) | undefined
  /** Told of router solicitations and advertisements that are in order (`Netstack.openIcmp6`). */
  readonly icmp6Sockets: Icmp6Listener[] = []
  framesIn = 0
  bytesIn = 0
  framesOut = 0
  bytesOut = 0
  readonly #stack: Stack
  readonly #deprecated = new Set<string>()
  readonly #groups = new Map<string, number>()
  readonly #groupKeys = new AddressMap()
  readonly #transmit = new Int32Array(TRANSMIT_BATCH)
  #transmitCount = 0
  #isAdminUp = true

  constructor(stack: Stack, index: number, name: string, mac: Mac, mtuBytes: number, port: Port | undefined) {
    this.#stack = stack
    this.index = index
    this.name = name
    this.mac = mac
    this.macText = mac.toString()
    this.mtuBytes = mtuBytes
    this.port = port
  }

  get isUp(): boolean {
    return this.#isAdminUp && (this.port === undefined || this.port.isUp)
  }

  /** Addresses (as text) whose preferred lifetime is over: not chosen as source while there is another. */
  get deprecated(): ReadonlySet<string> {
    return this.#deprecated
  }

  setDeprecated(address: string, isDeprecated: boolean): void {
    if (this.#deprecated.has(address) === isDeprecated) return
    if (isDeprecated) this.#deprecated.add(address)
    else this.#deprecated.delete(address)
    this.#stack.sourcesGeneration++
  }

  get addresses(): readonly Ip[] {
    return this.prefixes.map((prefix) => prefix.address)
  }

  /** Administrative state; the interface is up when its port is, too. */
  setUp(isUp: boolean): void {
    if (this.#isAdminUp === isUp) return
    const before = this.isUp
    this.#isAdminUp = isUp
    if (before !== this.isUp) this.#stack.interfaceChanged(this)
  }

  addAddress(prefix: Prefix): void {
    this.#stack.addAddress(this, prefix)
  }

  /** Also ends its detection. */
  removeAddress(address: Ip): void {
    this.#stack.duplicates.cancel(this, address)
    this.#stack.removeAddress(this, address)
  }

  /**
   * As `addAddress`, after duplicate address detection where the interface does it. `done` hears whether the address was
   * assigned; at once where nothing is detected.
   */
  addAddressChecked(prefix: Prefix, done: (isAssigned: boolean) => void = () => undefined): void {
    if (prefix.family === 6 && this.detectsDuplicates && this.port !== undefined) {
      return this.#stack.duplicates.start(this, prefix, done)
    }
    this.addAddress(prefix)
    done(true)
  }

  /** Joins a group; joins are counted. NOT IMPLEMENTED: IGMP. */
  join(group: Ip): void {
    const text = group.toString()
    const count = this.#groups.get(text) ?? 0
    this.#groups.set(text, count + 1)
    this.#groupKeys.set(0, keyOf(group), 1)
    if (count === 0) this.#stack.listeners.changed(this, group, true)
  }

  leave(group: Ip): void {
    const text = group.toString()
    const count = (this.#groups.get(text) ?? 0) - 1
    if (count > 0) {
      this.#groups.set(text, count)
    } else if (this.#groups.delete(text)) {
      this.#groupKeys.delete(0, keyOf(group))
      this.#stack.listeners.changed(this, group, false)
    }
  }

  isMember(key: Int32Array): boolean {
    return this.#groupKeys.get(0, key) >= 0
  }

  isMemberOf(group: Ip): boolean {
    return this.#groups.has(group.toString())
  }

  get groups(): readonly string[] {
    return [...this.#groups.keys()]
  }

  receive(slots: Int32Array, count: number): void {
    this.#stack.receive(this, slots, count)
  }

  /** Queues a whole frame for the port; the batch leaves at the end of the stack's turn. */
  transmit(slot: number): void {
    const arena = this.#stack.arena
    this.framesOut++
    this.bytesOut += arena.length(slot)
    if (this.#transmitCount === TRANSMIT_BATCH) this.flush()
    if (this.#transmitCount === 0) this.#stack.noteTransmit(this)
    this.#transmit[this.#transmitCount++] = slot
  }

  flush(): void {
    const count = this.#transmitCount
    if (count === 0) return
    this.#transmitCount = 0
    this.port!.send(this.#transmit, count) // because only interfaces with a port are transmitted on
  }

  counters(): InterfaceCounters {
    return {
      framesIn: this.framesIn,
      bytesIn: this.bytesIn,
      framesOut: this.framesOut,
      bytesOut: this.bytesOut,
    }
  }
}
