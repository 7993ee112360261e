/** The DHCPv6 client of one interface: sends what the machine asks for, and assigns the address of a lease. */
import type { Random, Timer, UdpSocket } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { UdpPort } from '@lodestone/packet'
import type { Interface } from '../interface.ts'
import type { Netstack } from '../netstack.ts'
import {
  type Dhcp6Action,
  type Dhcp6Event,
  type Dhcp6Machine,
  type Dhcp6State,
  INITIAL6,
  step6,
} from './dhcp6-machine.ts'
import { decodeReply6, type Dhcp6Reply, encodeRequest6 } from './dhcp6-message.ts'

export interface Dhcp6ClientOptions {
  readonly network: Netstack
  readonly interface: string
  /** Called with each new or renewed lease once its address is assigned, and with undefined when it is lost. */
  readonly onLease?: (lease: Dhcp6Reply | undefined) => void
}

/** RFC 8415 §7.1. */
const ALL_SERVERS = Ip.of('ff02::1:2')
const HOP_LIMIT = 64

type WithoutChance<T> = T extends unknown ? Omit<T, 'transaction' | 'jitter'> : never

export class Dhcp6Client {
  readonly #network: Netstack
  readonly #iface: Interface
  readonly #onLease: (lease: Dhcp6Reply | undefined) => void
  readonly #random: Random
  readonly #socket: UdpSocket
  readonly #unwatch: () => void
  #machine: Dhcp6Machine = INITIAL6
  #timer: Timer | undefined
  #lease: Dhcp6Reply | undefined

  /** Starts as soon as the interface has its link-local address. Throws when the interface does not exist or has a client. */
  constructor(options: Dhcp6ClientOptions) {
    const iface = options.network.interface(options.interface)
    if (iface === undefined) throw new Error(`${options.network.name} has no interface ${options.interface}`)
    const { stack } = options.network
    this.#network = options.network
    this.#iface = iface
    this.#onLease = options.onLease ?? (() => undefined)
    this.#random = stack.random.fork(`dhcp6:${iface.name}`)
    this.#socket = stack.udp.bind({ address: `::%${iface.name}`, port: UdpPort.dhcpv6Client }, (datagram) => {
      const reply = decodeReply6(datagram.payload, iface.mac, iface.index)
      if (reply !== undefined) this.#step({ kind: 'reply', reply })
    })
    this.#unwatch = options.network.onInterfaceChange(() => this.#startWhenReady())
    this.#startWhenReady()
  }

  get state(): Dhcp6State {
    return this.#machine.state
  }

  /** Undefined until its address is assigned. */
  get lease(): Dhcp6Reply | undefined {
    return this.#lease
  }

  /** Stops; what is configured stays. */
  close(): void {
    this.#timer?.cancel()
    this.#unwatch()
    this.#socket.close()
  }

  #startWhenReady(): void {
    const isIdle = this.#machine.state === 'init' && this.#timer === undefined
    if (isIdle && this.#iface.isUp && this.#iface.linkLocal !== undefined) this.#step({ kind: 'start' })
  }

  #step(event: WithoutChance<Dhcp6Event>): void {
    const { clock } = this.#network.stack
    const chance = { transaction: this.#random.u32() >>> 8, jitter: this.#random.float() * 0.2 - 0.1 }
    // because a union without two members that all its parts share, plus these, is the union again
    const { next, actions } = step6(this.#machine, { ...event, ...chance } as Dhcp6Event, clock.nowMs())
    this.#machine = next
    this.#timer?.cancel()
    this.#timer = undefined
    if (next.dueMs !== Infinity) {
      this.#timer = clock.after(next.dueMs - clock.nowMs(), () => this.#step({ kind: 'timer' }))
    }
    for (const action of actions) this.#do(action)
  }

  #do(action: Dhcp6Action): void {
    switch (action.kind) {
      case 'send':
        return this.#send(action)
      case 'configure':
        return this.#configure(action.lease)
      case 'deconfigure':
        this.#iface.removeAddress(action.lease.address!) // because a lease has one
        this.#lease = undefined
        return this.#onLease(undefined)
    }
  }

  #send({ type, to }: Extract<Dhcp6Action, { kind: 'send' }>): void {
    const { stack } = this.#network
    const source = this.#iface.linkLocal
    if (source === undefined) return
    const machine = this.#machine
    const payload = encodeRequest6({
      type,
      transaction: machine.transaction,
      mac: this.#iface.mac,
      associationId: this.#iface.index,
      elapsedMs: stack.clock.nowMs() - machine.startedMs,
      server: to?.server,
      address: type === 'solicit' ? undefined : (to ?? machine.reply)?.address,
    })
    this.#network.batch(() => {
      const { dhcpv6Client, dhcpv6Server } = UdpPort
      stack.udp.sendFrom(source, dhcpv6Client, ALL_SERVERS, dhcpv6Server, payload, HOP_LIMIT, this.#iface)
    })
  }

  /** RFC 8415 §18.2.10.1: the address has no prefix of its own; what is on the link is the routers' to say. */
  #configure(lease: Dhcp6Reply): void {
    const address = lease.address! // because a lease has one
    const key = address.toString()
    this.#iface.setDeprecated(key, lease.preferredS <= 0)
    if (this.#iface.addresses.some((each) => each.equals(address))) return this.#assigned(lease)
    this.#iface.addAddressChecked(Prefix.host(address), (isAssigned) => {
      if (isAssigned) this.#assigned(lease)
      else this.#step({ kind: 'conflict' })
    })
  }

  #assigned(lease: Dhcp6Reply): void {
    this.#lease = lease
    this.#onLease(lease)
  }
}
