/** The DHCPv4 client of one interface: sends what the machine asks for, and sets up address, routes and MTU of a lease. */
import type { Random, Timer, UdpSocket } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { UdpPort } from '@lodestone/packet'
import type { Interface } from '../interface.ts'
import type { Netstack } from '../netstack.ts'
import { type DhcpAction, type DhcpEvent, type DhcpMachine, type DhcpState, INITIAL, step } from './machine.ts'
import { decodeReply, type DhcpReply, encodeRequest } from './message.ts'

export interface DhcpClientOptions {
  readonly network: Netstack
  readonly interface: string
  /** Sent to the server. */
  readonly hostName?: string
  /** Called with each new or renewed lease, and with undefined when it is lost. */
  readonly onLease?: (lease: DhcpReply | undefined) => void
}

const BROADCAST = Ip.v4(0xffffffff)
const HOP_LIMIT = 64

export class DhcpClient {
  readonly #network: Netstack
  readonly #iface: Interface
  readonly #hostName: string | undefined
  readonly #onLease: (lease: DhcpReply | undefined) => void
  readonly #random: Random
  readonly #socket: UdpSocket
  #machine: DhcpMachine = INITIAL
  #timer: Timer | undefined
  #configured: DhcpReply | undefined

  /** Starts at once. Throws when the interface does not exist or has a client already. */
  constructor(options: DhcpClientOptions) {
    const iface = options.network.interface(options.interface)
    if (iface === undefined) throw new Error(`${options.network.name} has no interface ${options.interface}`)
    this.#network = options.network
    this.#iface = iface
    this.#hostName = options.hostName
    this.#onLease = options.onLease ?? (() => undefined)
    this.#random = options.network.stack.random.fork(`dhcp:${iface.name}`)
    this.#socket = options.network.stack.udp.bind(
      { address: `0.0.0.0%${iface.name}`, port: UdpPort.dhcpClient },
      (datagram) => {
        const reply = decodeReply(datagram.payload, iface.mac)
        if (reply !== undefined) this.#step({ kind: 'reply', reply, xid: this.#random.u32() })
      },
    )
    this.#step({ kind: 'start', xid: this.#random.u32() })
  }

  get state(): DhcpState {
    return this.#machine.state
  }

  get lease(): DhcpReply | undefined {
    return this.#configured
  }

  /** Gives the address back and takes it off the interface; `renew` asks for one again. */
  release(): void {
    this.#step({ kind: 'release', xid: this.#random.u32() })
  }

  /** Begins anew, with whatever a server offers now. */
  renew(): void {
    this.#step({ kind: 'start', xid: this.#random.u32() })
  }

  /** Stops; what is configured stays. */
  close(): void {
    this.#timer?.cancel()
    this.#socket.close()
    this.#iface.anyAddressPort = 0
  }

  #step(event: DhcpEvent): void {
    const { clock } = this.#network.stack
    const { next, actions } = step(this.#machine, event, clock.nowMs())
    this.#machine = next
    // Offers may be addressed to what they offer (RFC 2131 §4.1).
    this.#iface.anyAddressPort = next.state === 'selecting' || next.state === 'requesting' ? UdpPort.dhcpClient : 0
    for (const action of actions) this.#do(action)
    this.#timer?.cancel()
    this.#timer = undefined
    if (next.dueMs === Infinity) return
    this.#timer = clock.after(next.dueMs - clock.nowMs(), () => {
      this.#step({ kind: 'timer', xid: this.#random.u32() })
    })
  }

  #do(action: DhcpAction): void {
    switch (action.kind) {
      case 'discover':
        return this.#send('discover', undefined, undefined, undefined, undefined)
      case 'request':
        return this.#send('request', undefined, action.address, action.server, undefined)
      case 'renew':
        return this.#send('request', action.address, undefined, undefined, action.server)
      case 'rebind':
        return this.#send('request', action.address, undefined, undefined, undefined)
      case 'release':
        return this.#send('release', action.address, undefined, action.server, action.server)
      case 'configure':
        return this.#configure(action.lease)
      case 'deconfigure':
        return this.#deconfigure(action.lease)
    }
  }

  /** To `to`, or to everybody on the link. */
  #send(
    type: 'discover' | 'request' | 'release',
    current: Ip | undefined,
    requested: Ip | undefined,
    server: Ip | undefined,
    to: Ip | undefined,
  ): void {
    const { stack } = this.#network
    const payload = encodeRequest({
      type,
      xid: this.#machine.xid,
      elapsedS: Math.floor((stack.clock.nowMs() - this.#machine.startedMs) / 1000),
      mac: this.#iface.mac,
      current,
      requested,
      server,
      hostName: this.#hostName,
    })
    this.#network.batch(() => {
      stack.udp.sendFrom(
        current ?? Ip.v4(0),
        UdpPort.dhcpClient,
        to ?? BROADCAST,
        UdpPort.dhcpServer,
        payload,
        HOP_LIMIT,
        to === undefined ? this.#iface : undefined,
      )
    })
  }

  #configure(lease: DhcpReply): void {
    const name = this.#iface.name
    this.#removeRoutes()
    this.#configured = lease
    const address = new Prefix(lease.address!, lease.prefixLength) // because an acknowledged lease has one
    if (!this.#iface.prefixes.some((prefix) => prefix.equals(address))) this.#iface.addAddress(address)
    if (lease.mtuBytes !== undefined && lease.mtuBytes >= 576) {
      this.#iface.mtuBytes = Math.min(this.#iface.mtuBytes, lease.mtuBytes)
    }
    for (const route of lease.routes) {
      // Where two interfaces get a default route, that of the first is used.
      const metric = this.#iface.index
      this.#network.setInterfaceRoute(route.prefix, {
        interface: name,
        metric,
        ...(route.via === undefined ? {} : { via: route.via }),
      })
    }
    this.#onLease(lease)
  }

  #deconfigure(lease: DhcpReply): void {
    this.#removeRoutes()
    this.#configured = undefined
    this.#iface.removeAddress(lease.address!)
    this.#onLease(undefined)
  }

  #removeRoutes(): void {
    for (const route of this.#configured?.routes ?? []) {
      this.#network.removeInterfaceRoute(route.prefix, this.#iface.name)
    }
  }
}
