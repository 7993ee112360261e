/**
 * The inside of a host: what its protocols share. Interfaces, local addresses, routes and neighbors; the turn (a batch
 * of frames, a timer, a call from outside) at whose end acknowledgments and frames leave; and the one place where
 * packets are dropped and counted. `Netstack` is the outside.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock, Random } from '@lodestone/host'
import type { Mac, Prefix } from '@lodestone/net'
import { Ip } from '@lodestone/net'
import type { Port } from '@lodestone/link'
import {
  ETHERNET_MIN,
  EtherType,
  ROW_SIZE,
  setEthernetDst,
  setEthernetEtherType,
  setEthernetSrc,
  summarize,
  summarizeIp,
} from '@lodestone/packet'
import type { Tracer } from '@lodestone/probe'
import { type AddressKey, AddressMap, keyOf, MAPPED_WORD } from './address-map.ts'
import { NS_DROP, NS_DROP_REASONS, type NsDrop } from './drop.ts'
import { DuplicateDetection } from './duplicate-detection.ts'
import { ErrorKind } from './error-kind.ts'
import { Icmp } from './icmp.ts'
import { Interface } from './interface.ts'
import { etherInput } from './ip-input.ts'
import { ListenerDiscovery } from './listener-discovery.ts'
import { Loopback } from './loopback.ts'
import { ipOf, NeighborCache } from './neighbor-cache.ts'
import { announce } from './ndp.ts'
import { PathMtu } from './path-mtu.ts'
import { Reassembly, type ReassemblyLimits } from './reassembly.ts'
import { type Hop, RouteTable } from './route-table.ts'
import { chooseSource } from './source-address.ts'
import type { TcpParameters } from './tcp/tcb.ts'
import { Tcp } from './tcp/tcp.ts'
import { Udp } from './udp.ts'

export interface StackOptions {
  /** The node's name in packet stories. */
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly arena: Arena
  readonly tracer: Tracer
  /** Whether packets for others are forwarded: a router. */
  readonly forwarding?: boolean
  /**
   * The strong host model (RFC 1122 §3.3.4.2): packets are taken only by the interface that has their destination address,
   * and leave by the one that has their source address. Default: the weak one, where addresses are the host's.
   */
  readonly strongHost?: boolean
  readonly tcp?: Partial<TcpParameters>
  readonly reassembly?: Partial<ReassemblyLimits>
}

/** Values in `localAddresses`. */
export const LOCAL_UNICAST = 1
export const LOCAL_BROADCAST = 2

export class Stack {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly arena: Arena
  readonly tracer: Tracer
  readonly isRouter: boolean
  readonly isStrongHost: boolean
  /** Where `parseFrame` describes the frame at hand. */
  readonly row: Int32Array<ArrayBuffer> = new Int32Array(ROW_SIZE)
  /** The destination of the packet at hand. */
  readonly key: Int32Array<ArrayBuffer> = new Int32Array(4)
  readonly interfaces: Interface[] = []
  /** Own addresses: scope 0, or the interface's index for link-local and broadcast addresses. */
  readonly localAddresses = new AddressMap()
  readonly routes = new RouteTable()
  readonly pathMtu = new PathMtu()
  readonly neighbors: NeighborCache
  readonly loopback: Loopback
  readonly icmp: Icmp
  readonly udp: Udp
  readonly tcp: Tcp
  readonly reassembly: Reassembly
  readonly duplicates: DuplicateDetection
  readonly listeners: ListenerDiscovery
  /** Of the last packet that was cut into fragments here. */
  fragmentIdentification: number
  /** Keeps the choice among equal paths different from that of the routers before and behind. */
  readonly hashSeed: number
  /** Time of this turn. */
  nowMs: number
  isClosed = false
  /** Changes whenever another source address might be chosen, besides with the routes' generation. */
  sourcesGeneration = 0
  readonly #drops = new Float64Array(NS_DROP_REASONS.length)
  readonly #watchers = new Set<() => void>()
  readonly #transmitting: Interface[] = []
  #depth = 0
  #received = 0
  #sent = 0
  #forwarded = 0
  #delivered = 0

  constructor(options: StackOptions) {
    this.name = options.name
    this.clock = options.clock
    this.random = options.random.fork(`netstack:${options.name}`)
    this.arena = options.arena
    this.tracer = options.tracer
    this.isRouter = options.forwarding ?? false
    this.isStrongHost = options.strongHost ?? false
    this.nowMs = options.clock.nowMs()
    this.hashSeed = this.random.fork('flow-hash').u32() | 0
    this.neighbors = new NeighborCache(this)
    this.duplicates = new DuplicateDetection(this)
    this.listeners = new ListenerDiscovery(this)
    this.icmp = new Icmp(this)
    this.udp = new Udp(this)
    this.tcp = new Tcp(this, options.tcp ?? {})
    this.reassembly = new Reassembly(this, options.reassembly ?? {})
    this.fragmentIdentification = this.random.fork('fragments').u32()
    this.loopback = new Loopback(this)
  }

  // ── Turns ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Begins a turn, or joins the one that is running. Every entry from outside does this. */
  enter(): void {
    if (this.#depth++ === 0) this.nowMs = this.clock.nowMs()
  }

  /** Ends a turn: what TCP owes is sent, intercepted frames are handed over, frames leave by their ports. */
  leave(): void {
    if (this.#depth > 1) {
      this.#depth--
      return
    }
    try {
      do {
        this.tcp.endTurn()
        this.udp.endTurn()
        while (this.#transmitting.length > 0) this.#transmitting.pop()!.flush()
      } while (this.tcp.hasWork || this.udp.hasWork)
    } finally {
      this.#depth = 0 // also when a callback of the application threw
    }
  }

  receive(iface: Interface, slots: Int32Array, count: number): void {
    this.enter()
    try {
      for (let i = 0; i < count; i++) etherInput(this, iface, slots[i]!)
    } finally {
      this.leave()
    }
  }

  noteTransmit(iface: Interface): void {
    this.#transmitting.push(iface)
  }

  // ── Interfaces and addresses ───────────────────────────────────────────────────────────────────────────────────────

  addInterface(name: string, mac: Mac, mtuBytes: number, port: Port | undefined): Interface {
    if (this.interfaces.some((iface) => iface.name === name)) throw new Error(`there is an interface ${name} already`)
    const most = this.arena.slotBytes - this.arena.headroomBytes - ETHERNET_MIN
    if (mtuBytes > most) throw new Error(`an MTU of ${mtuBytes} does not fit the arena's slots (at most ${most})`)
    const iface = new Interface(this, this.interfaces.length + 1, name, mac, mtuBytes, port)
    this.interfaces.push(iface)
    if (port !== undefined) {
      port.attach(iface)
      port.onState(() => this.interfaceChanged(iface))
    }
    return iface
  }

  interface(name: string): Interface | undefined {
    return this.interfaces.find((iface) => iface.name === name)
  }

  addAddress(iface: Interface, prefix: Prefix): void {
    const ip = prefix.address
    if (iface.prefixes.some((each) => each.address.equals(ip))) this.removeAddress(iface, ip)
    iface.prefixes.push(prefix)
    const isScoped = ip.family === 6 && ip.isLinkLocal
    this.localAddresses.set(isScoped ? iface.index : 0, keyOf(ip), LOCAL_UNICAST)
    if (isScoped) iface.linkLocal ??= ip
    if (ip.family === 6) iface.join(solicitedNode(ip))
    if (!isScoped) this.routes.addConnected(prefix, iface)
    if (ip.family === 4 && prefix.length < 31) {
      this.localAddresses.set(iface.index, keyOf(prefix.last()), LOCAL_BROADCAST)
    }
    this.enter()
    if (iface.isUp) announce(this, iface, ip)
    this.leave()
    this.#notify()
  }

  removeAddress(iface: Interface, ip: Ip): void {
    const at = iface.prefixes.findIndex((prefix) => prefix.address.equals(ip))
    if (at < 0) return
    const prefix = iface.prefixes[at]!
    iface.prefixes.splice(at, 1)
    iface.setDeprecated(ip.toString(), false)
    const isScoped = ip.family === 6 && ip.isLinkLocal
    const isElsewhere = !isScoped && this.interfaces.some((other) => other.addresses.some((each) => each.equals(ip)))
    if (!isElsewhere) this.localAddresses.delete(isScoped ? iface.index : 0, keyOf(ip))
    if (iface.linkLocal?.equals(ip) === true) iface.linkLocal = iface.addresses.find((each) => each.isLinkLocal)
    if (ip.family === 6) iface.leave(solicitedNode(ip))
    const masked = prefix.masked()
    const isShared = iface.prefixes.some((each) => each.masked().equals(masked))
    if (!isScoped && !isShared) this.routes.removeConnected(prefix, iface)
    if (ip.family === 4 && prefix.length < 31 && !isShared) {
      this.localAddresses.delete(iface.index, keyOf(prefix.last()))
    }
    this.#notify()
  }

  /** The port or the operator took it up or down. */
  interfaceChanged(iface: Interface): void {
    this.enter()
    if (!iface.isUp) this.neighbors.flush(iface)
    this.duplicates.interfaceChanged(iface)
    this.routes.refresh()
    if (iface.isUp) for (const ip of iface.addresses) announce(this, iface, ip)
    this.leave()
    this.#notify()
  }

  onInterfaceChange(fn: () => void): () => void {
    this.#watchers.add(fn)
    return () => void this.#watchers.delete(fn)
  }

  /** Whether `key` is an address of this host, as seen from `iface`: a `LOCAL_…` value, or -1. */
  localKind(iface: Interface, key: AddressKey): number {
    const kind = this.localAddresses.get(0, key)
    return kind >= 0 ? kind : this.localAddresses.get(iface.index, key)
  }

  /** Whether an address of this host, given as key, belongs to `iface` or to no link at all. */
  isAddressOf(iface: Interface, key: AddressKey): boolean {
    return hasKey(iface, key) || hasKey(this.loopback.interface, key)
  }

  /** The interface whose address `key` is; undefined for addresses of no link and of others. */
  interfaceWith(key: AddressKey): Interface | undefined {
    for (let i = 0; i < this.interfaces.length; i++) {
      const iface = this.interfaces[i]!
      if (iface.port !== undefined && hasKey(iface, key)) return iface
    }
    return undefined
  }

  /** Whether this host has the address (in the zone, where one is given or needed). */
  hasAddress(ip: Ip, zone: string | undefined): boolean {
    const isScoped = ip.family === 6 && ip.isLinkLocal
    const iface = zone === undefined ? undefined : this.interface(zone)
    if (isScoped) return iface !== undefined && this.localAddresses.get(iface.index, keyOf(ip)) === LOCAL_UNICAST
    if (ip.family === 4 && ip.isLoopback) return true
    return this.localAddresses.get(0, keyOf(ip)) === LOCAL_UNICAST
  }

  /** By which interface, and preferably from which address, packets to `ip` leave. Zoned addresses are not routed. */
  route(ip: Ip): { readonly interface: Interface; readonly source: Ip | undefined } | undefined {
    const key = keyOf(ip)
    if (this.localAddresses.get(0, key) === LOCAL_UNICAST)
      return { interface: this.loopback.interface, source: undefined }
    if (ip.isMulticast || (ip.family === 6 && ip.isLinkLocal)) return undefined
    const route = this.routes.match(ip.family, key)
    return route && { interface: route.usable[0]!.interface, source: route.source }
  }

  /** The address this host uses towards `destination` when it leaves by `iface`; undefined when it has none. */
  sourceFor(destination: Ip, iface: Interface, preferred?: Ip): Ip | undefined {
    if (preferred !== undefined && preferred.family === destination.family) return preferred
    const { family } = destination
    const isLinkScope = family === 6 && (destination.isLinkLocal || destination.isMulticast)
    if (isLinkScope && iface.linkLocal !== undefined) return iface.linkLocal
    const own = chooseSource(iface.prefixes, iface.deprecated, destination)
    if (own !== undefined) return own
    const lo = this.loopback.interface
    const fallback = chooseSource(lo.prefixes, lo.deprecated, destination)
    if (fallback !== undefined || this.isStrongHost) return fallback
    for (const other of this.interfaces) {
      const found = chooseSource(other.prefixes, other.deprecated, destination)
      if (found !== undefined) return found
    }
    return undefined
  }

  // ── Packets ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A slot for an IP packet of `length` bytes that starts at its IP header, 4-byte aligned, with room for Ethernet in
   * front. @returns -1 (counted) when there is none.
   */
  allocIp(length: number): number {
    const slot = this.arena.alloc(ETHERNET_MIN + length)
    if (slot < 0) {
      this.#drops[NS_DROP.NO_SLOT]!++
      return -1
    }
    this.arena.shift(slot, ETHERNET_MIN)
    return slot
  }

  /** Prepends Ethernet to a packet and queues the frame. `mac` holds the destination at `at`. */
  transmitIp(iface: Interface, mac: Uint8Array, at: number, slot: number): void {
    if (!iface.isUp) return this.drop(slot, NS_DROP.INTERFACE_DOWN)
    const { arena } = this
    const isV6 = arena.bytes[arena.start(slot)]! >>> 4 === 6
    if (!arena.shift(slot, -ETHERNET_MIN)) return this.drop(slot, NS_DROP.TOO_BIG)
    const start = arena.start(slot)
    setEthernetDst(arena.bytes, start, mac, at)
    setEthernetSrc(arena.bytes, start, iface.mac.bytes)
    setEthernetEtherType(arena.bytes, start, isV6 ? EtherType.ipv6 : EtherType.ipv4)
    iface.transmit(slot)
  }

  /** Hands a packet (starting at its IP header) to the neighbor that is the next hop, or the destination itself. */
  toHop(hop: Hop, destination: AddressKey, slot: number): void {
    let neighbor = hop.neighbor
    if (neighbor === undefined || neighbor.state === 'gone') {
      neighbor = this.neighbors.obtain(hop.interface, hop.viaKey ?? destination)
      if (neighbor === undefined) return this.drop(slot, NS_DROP.NEIGHBOR_TABLE)
      if (hop.viaKey !== undefined) hop.neighbor = neighbor
    }
    this.neighbors.output(neighbor, slot)
  }

  /** Nobody answered for the next hop of this packet (which starts at its IP header). */
  neighborFailed(slot: number): void {
    this.icmp.failed(slot, ErrorKind.host, 0)
    this.drop(slot, NS_DROP.NEIGHBOR_UNREACHABLE)
  }

  drop(slot: number, reason: NsDrop): void {
    this.#drops[reason]!++
    if (this.tracer.isOn) {
      this.tracer.emit(this.name, this.arena.packet(slot), { kind: 'dropped', reason: NS_DROP_REASONS[reason]! })
    }
    this.arena.free(slot)
  }

  /** A fragment that stays here until the others come: its story ends, and what they make together is a packet of its own. */
  hold(slot: number, detail: string): void {
    if (this.tracer.isOn)
      this.tracer.emit(this.name, this.arena.packet(slot), { kind: 'punted', to: 'reassembly', detail })
    this.arena.free(slot)
  }

  /** Counts something that was refused before it had a slot. */
  countDrop(reason: NsDrop): void {
    this.#drops[reason]!++
  }

  noteReceived(): void {
    this.#received++
  }

  /** This host originates the packet in `slot`, which starts at its IP header. */
  noteSent(slot: number, iface: Interface): void {
    this.#sent++
    if (!this.tracer.isOn) return
    const { arena } = this
    const summary = summarizeIp(arena.bytes, arena.start(slot), arena.end(slot))
    this.tracer.emit(this.name, arena.packet(slot), { kind: 'sent', interface: iface.name, summary })
  }

  /** The same for a whole frame (ARP). */
  noteSentFrame(slot: number, iface: Interface): void {
    this.#sent++
    if (!this.tracer.isOn) return
    const { arena } = this
    const summary = summarize(arena.bytes, arena.start(slot), arena.end(slot))
    this.tracer.emit(this.name, arena.packet(slot), { kind: 'sent', interface: iface.name, summary })
  }

  noteForwarded(slot: number, prefix: Prefix, hop: Hop, destination: AddressKey): void {
    this.#forwarded++
    if (!this.tracer.isOn) return
    this.tracer.emit(this.name, this.arena.packet(slot), {
      kind: 'route',
      prefix: prefix.toString(),
      nextHop: (hop.via ?? ipOf(destination)).toString(),
      interface: hop.interface.name,
    })
  }

  /** A protocol accepted the packet whose IP header is at `l3` of `slot`. The slot is still the caller's. */
  noteDelivered(slot: number, l3: number): void {
    this.#delivered++
    if (!this.tracer.isOn) return
    const { arena } = this
    const summary = summarizeIp(arena.bytes, l3, arena.end(slot))
    this.tracer.emit(this.name, arena.packet(slot), { kind: 'delivered', to: this.name, summary })
  }

  /** Drops by code (those that occurred), and how many packets were received, sent, forwarded and delivered. */
  counters(): Readonly<Record<string, number>> {
    const counters: Record<string, number> = {
      received: this.#received,
      sent: this.#sent,
      forwarded: this.#forwarded,
      delivered: this.#delivered,
    }
    if (this.duplicates.conflicts > 0) counters['duplicateAddresses'] = this.duplicates.conflicts
    for (const [name, count] of Object.entries(this.tcp.counts)) {
      if (count > 0) counters[`tcp${name[0]!.toUpperCase()}${name.slice(1)}`] = count
    }
    for (let i = 0; i < this.#drops.length; i++) {
      if (this.#drops[i]! > 0) counters[NS_DROP_REASONS[i]!.code] = this.#drops[i]!
    }
    return counters
  }

  close(): void {
    this.enter()
    this.tcp.close()
    this.reassembly.close()
    this.duplicates.close()
    this.listeners.close()
    this.icmp.echo.close()
    this.neighbors.close()
    this.leave()
    this.isClosed = true
  }

  #notify(): void {
    this.sourcesGeneration++
    for (const watcher of [...this.#watchers]) watcher()
  }
}

/** RFC 4291 §2.7.1. */
export function solicitedNode(ip: Ip): Ip {
  const bytes = new Uint8Array(16)
  bytes.set([0xff, 0x02])
  bytes[11] = 1
  bytes[12] = 0xff
  bytes.set(ip.bytes.subarray(13), 13)
  return Ip.fromBytes(bytes, 0, 16)
}

function hasKey(iface: Interface, key: AddressKey): boolean {
  for (let i = 0; i < iface.prefixes.length; i++) {
    const ip = iface.prefixes[i]!.address
    if (ip.family === 4) {
      if (key[2] === MAPPED_WORD && key[0] === 0 && key[1] === 0 && key[3] === (ip.word(0) | 0)) return true
    } else if (
      key[0] === (ip.word(0) | 0) &&
      key[1] === (ip.word(1) | 0) &&
      key[2] === (ip.word(2) | 0) &&
      key[3] === (ip.word(3) | 0)
    ) {
      return true
    }
  }
  return false
}
