/**
 * A port whose other end is in another process, reached by UDP: a frame is a datagram with a header of eight bytes before it.
 *
 *      0                   1                   2                   3
 *     | 'L' | 'T' | version 1 | flags 0 |      tunnel number (32 bits)      | frame …
 *
 * Loss and order are those of the network between. What is no datagram of this tunnel is counted and dropped.
 */
import type { Arena } from '@lodestone/frame'
import type { Datagram, Network, UdpSocket } from '@lodestone/host'
import type { FrameSink, Port } from './port.ts'

const HEADER_BYTES = 8
const MAGIC = 0x4c54_0100

export interface UdpTunnelOptions {
  readonly name: string
  readonly arena: Arena
  readonly network: Network
  readonly listen: { readonly address: string; readonly port: number }
  readonly peer: { readonly address: string; readonly port: number }
  /** The same at both ends; tells tunnels on one port apart from strangers. */
  readonly tunnel: number
}

export interface UdpTunnelCounters {
  readonly framesIn: number
  readonly framesOut: number
  /** Not of this tunnel, from somebody else, no slot, or nobody attached. */
  readonly dropped: number
}

export class UdpTunnelPort implements Port {
  readonly name: string
  readonly isUp = true
  readonly #arena: Arena
  readonly #peer: UdpTunnelOptions['peer']
  readonly #tunnel: number
  readonly #one = new Int32Array(1)
  readonly #message = new Uint8Array(HEADER_BYTES + 65_535)
  #socket: UdpSocket | undefined
  #sink: FrameSink | undefined
  #framesIn = 0
  #framesOut = 0
  #dropped = 0

  /** Rejects with a Node-style error. */
  static async open(options: UdpTunnelOptions): Promise<UdpTunnelPort> {
    const port = new UdpTunnelPort(options)
    port.#socket = await options.network.bindUdp(options.listen, (datagram) => port.#receive(datagram))
    return port
  }

  private constructor({ name, arena, peer, tunnel }: UdpTunnelOptions) {
    this.name = name
    this.#arena = arena
    this.#peer = peer
    this.#tunnel = tunnel
    const view = new DataView(this.#message.buffer)
    view.setUint32(0, MAGIC)
    view.setUint32(4, tunnel)
  }

  /** The port that it listens on. */
  get localPort(): number {
    return this.#socket?.port ?? 0
  }

  send(slots: Int32Array, count: number): void {
    const { address, port } = this.#peer
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const length = this.#arena.length(slot)
      // A copy, because the socket keeps what it is given until it is sent.
      const message = this.#message.slice(0, HEADER_BYTES + length)
      message.set(this.#arena.peek(slot), HEADER_BYTES)
      this.#socket?.send(message, address, port)
      this.#framesOut++
      this.#arena.free(slot)
    }
  }

  attach(sink: FrameSink): void {
    this.#sink = sink
  }

  onState(): () => void {
    return () => undefined // it cannot tell whether anybody is there
  }

  counters(): UdpTunnelCounters {
    return { framesIn: this.#framesIn, framesOut: this.#framesOut, dropped: this.#dropped }
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  #receive({ payload, remotePort }: Datagram): void {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    const isOurs =
      payload.length > HEADER_BYTES &&
      view.getUint32(0) === MAGIC &&
      view.getUint32(4) === this.#tunnel &&
      remotePort === this.#peer.port
    const slot = isOurs && this.#sink !== undefined ? this.#arena.from(payload.subarray(HEADER_BYTES)) : -1
    if (slot < 0) {
      this.#dropped++
      return
    }
    this.#framesIn++
    this.#one[0] = slot
    this.#sink!.receive(this.#one, 1)
  }
}
