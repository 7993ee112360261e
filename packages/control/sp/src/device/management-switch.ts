/**
 * The management network's switch on a rack switch: every board's port is in a VLAN of its own, so nobody is taken for another
 * board, and the technician's ports are closed until firmware opens them. It works while there is standby power; a datagram
 * that it does not pass on is counted at the port where it was stopped.
 */
import type { Datagram, Network, UdpSocket } from '@lodestone/host'
import { bits, type RegisterFile } from '@lodestone/rsf'
import { tagged, untagged } from '../protocol/vlan-tag.ts'
import { Line, type MainSimulation, monorailSimulation } from '../registers/monorail.ts'
import { FaultyBus } from './faulty-bus.ts'

/** Behind the boards' ports: two for a technician, and one to the host beside the switch. */
export const TECHNICIAN_PORTS = [40, 41] as const
export const HOST_PORT = 42
const TECHNICIAN_VLAN = 0x300

export type ManagementPort = Pick<Network, 'name' | 'bindUdp'>

interface Peer {
  readonly port: number
  readonly isUp: () => boolean
}

type Counter = 'rxUnicast' | 'rxMulticast' | 'txUnicast' | 'txMulticast' | 'closed' | 'wrongVlan'

export class ManagementSwitch {
  readonly bus: FaultyBus
  readonly #hasStandby: () => boolean
  readonly #file: RegisterFile
  readonly #device: MainSimulation
  readonly #peers = new Map<string, Peer>()
  readonly #vlans = new Map<number, number>()

  constructor(hasStandby: () => boolean) {
    const { platform, device } = monorailSimulation()
    this.#hasStandby = hasStandby
    this.#file = platform
    this.#device = device
    this.bus = new FaultyBus(platform, hasStandby)
    for (const port of TECHNICIAN_PORTS) this.#vlans.set(port, TECHNICIAN_VLAN + port)
    this.#vlans.set(HOST_PORT, TECHNICIAN_VLAN + HOST_PORT)
    for (let port = 0; port < device.portsCount; port++) {
      device.ports(port).status.onRead(() => this.#showLine(port))
    }
    this.reset()
  }

  /** Standby power comes: what was configured is as the board is made. */
  reset(): void {
    this.#file.reset()
    for (const [port, vlan] of this.#vlans) this.#configure(port, vlan)
  }

  /** Plugs a board's port in. @param address by which the network knows it. */
  connect(port: number, vlan: number, address: string, isUp: () => boolean): void {
    // A rack has no more places; a board beyond them is reached by nobody.
    if (port >= TECHNICIAN_PORTS[0]) return
    this.#peers.set(address, { port, isUp })
    this.#vlans.set(port, vlan)
    this.#configure(port, vlan)
  }

  /** Pulls it out again. */
  disconnect(address: string): void {
    this.#peers.delete(address)
  }

  /** The network as somebody at `port` has it: what is sent and received passes the switch. */
  attach(port: number, inner: Network): Network {
    return {
      name: inner.name,
      listenTcp: (options, onConnection) => inner.listenTcp(options, onConnection),
      connectTcp: (options) => inner.connectTcp(options),
      bindUdp: async (options, onDatagram): Promise<UdpSocket> => {
        const socket = await inner.bindUdp(options, (datagram) => this.#arrive(port, datagram, onDatagram))
        return {
          port: socket.port,
          send: (payload, address, toPort) => this.#leave(port, payload, address, toPort, socket),
          close: () => socket.close(),
        }
      },
    }
  }

  /** Whether a port passes datagrams on. */
  isOpen(port: number): boolean {
    return this.#hasStandby() && this.#device.ports(port).config.state.open
  }

  /** What a port did not pass on. */
  refused(port: number): { readonly closed: number; readonly wrongVlan: number } {
    const { closed, wrongVlan } = this.#device.ports(port)
    return { closed: Number(closed.state.count), wrongVlan: Number(wrongVlan.state.count) }
  }

  /** From `port` to the board of an address; to a group, to every board. */
  #leave(port: number, payload: Uint8Array, address: string, toPort: number, socket: UdpSocket): void {
    const isGroup = address.startsWith('ff')
    if (!this.#passes(port)) return
    this.#count(port, isGroup ? 'rxMulticast' : 'rxUnicast')
    for (const [each, peer] of this.#peers) {
      if ((!isGroup && each !== address) || !this.#passes(peer.port)) continue
      this.#count(peer.port, isGroup ? 'txMulticast' : 'txUnicast')
      socket.send(tagged(Number(this.#device.ports(peer.port).config.state.vlan), payload), each, toPort)
    }
  }

  /** From a board: only with the tag of the port that its address is at. */
  #arrive(port: number, datagram: Datagram, onDatagram: (datagram: Datagram) => void): void {
    const peer = this.#peers.get(datagram.remoteAddress)
    // Nothing on the management network has an address without a port at the switch.
    if (peer === undefined || !this.#passes(peer.port)) return
    const payload = untagged(Number(this.#device.ports(peer.port).config.state.vlan), datagram.payload)
    if (payload === undefined) return this.#count(peer.port, 'wrongVlan')
    this.#count(peer.port, 'rxUnicast')
    if (!this.#passes(port)) return
    this.#count(port, 'txUnicast')
    onDatagram({ ...datagram, payload })
  }

  #passes(port: number): boolean {
    if (!this.#hasStandby()) return false
    if (this.#device.ports(port).config.state.open) return true
    this.#count(port, 'closed')
    return false
  }

  #configure(port: number, vlan: number): void {
    this.#device.ports(port).config.update((config) => {
      config.vlan = bits(12, vlan)
      config.open = !TECHNICIAN_PORTS.some((each) => each === port)
      config.fitted = true
    })
  }

  #showLine(port: number): void {
    const peer = [...this.#peers.values()].find((each) => each.port === port)
    const isUp = peer === undefined ? this.#vlans.has(port) : peer.isUp()
    const line = isUp ? Line.Up : Line.Down
    this.#device.ports(port).status.update((status) => {
      status.phy = port < HOST_PORT
      if (!isUp) status.linkWasDown = true
      if (!isUp && port < HOST_PORT) status.mediaWasDown = true
      status.link = line
      status.mac = line
      status.media = line
    })
  }

  #count(port: number, counter: Counter): void {
    this.#device.ports(port)[counter].update((each) => (each.count = bits(32, (Number(each.count) + 1) >>> 0)))
  }
}
