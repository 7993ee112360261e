/**
 * A port whose other end is a byte stream: QEMU's `-netdev stream` over a Unix socket, or a tunnel to another process over TCP. Each
 * frame is its length in four bytes, big-endian, and its bytes.
 *
 * A stream that is full loses frames, as a wire does: they are counted, nothing waits. Malformed lengths end the stream.
 */
import type { Arena } from '@lodestone/frame'
import type { TcpSocket } from '@lodestone/host'
import type { FrameSink, Port } from './port.ts'

const BATCH = 64
const HEADER_BYTES = 4
const FRAME_LIMIT = 65_535
/** Bytes that may wait in the stream before frames are lost. */
const BACKLOG_BYTES = 1 << 20

export interface StreamPortCounters {
  readonly framesIn: number
  readonly framesOut: number
  /** No stream, a full one, no slot, or nobody attached. */
  readonly dropped: number
}

export class StreamPort implements Port {
  readonly name: string
  readonly #arena: Arena
  readonly #batch = new Int32Array(BATCH)
  readonly #listeners = new Set<(isUp: boolean) => void>()
  #socket: TcpSocket | undefined
  #sink: FrameSink | undefined
  #rest: Buffer = Buffer.alloc(0)
  #framesIn = 0
  #framesOut = 0
  #dropped = 0

  constructor(name: string, arena: Arena) {
    this.name = name
    this.#arena = arena
  }

  /** Whether somebody is at the other end. */
  get isUp(): boolean {
    return this.#socket !== undefined
  }

  /** Takes a connected stream; one that was there before is closed. */
  connect(socket: TcpSocket): void {
    this.#socket?.destroy()
    this.#rest = Buffer.alloc(0)
    this.#socket = socket
    const gone = (): void => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#announce(false)
    }
    socket.on('data', (data: Buffer) => this.#receive(data))
    socket.on('error', () => socket.destroy())
    socket.on('close', gone)
    this.#announce(true)
  }

  send(slots: Int32Array, count: number): void {
    const arena = this.#arena
    const socket = this.#socket
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      if (socket === undefined || socket.writableLength > BACKLOG_BYTES) this.#dropped++
      else {
        const length = arena.length(slot)
        const message = Buffer.allocUnsafe(HEADER_BYTES + length)
        message.writeUInt32BE(length, 0)
        message.set(arena.peek(slot), HEADER_BYTES)
        socket.write(message)
        this.#framesOut++
      }
      arena.free(slot)
    }
  }

  attach(sink: FrameSink): void {
    this.#sink = sink
  }

  onState(fn: (isUp: boolean) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  counters(): StreamPortCounters {
    return { framesIn: this.#framesIn, framesOut: this.#framesOut, dropped: this.#dropped }
  }

  close(): void {
    this.#socket?.destroy()
  }

  #receive(data: Buffer): void {
    const bytes = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data])
    let at = 0
    let count = 0
    while (at + HEADER_BYTES <= bytes.length) {
      const length = bytes.readUInt32BE(at)
      if (length > FRAME_LIMIT) {
        this.#socket?.destroy()
        break
      }
      if (at + HEADER_BYTES + length > bytes.length) break
      const slot = this.#arena.from(bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length))
      at += HEADER_BYTES + length
      if (slot < 0) {
        this.#dropped++
        continue
      }
      this.#batch[count++] = slot
      if (count === BATCH) {
        this.#deliver(count)
        count = 0
      }
    }
    this.#deliver(count)
    this.#rest = at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at))
  }

  #deliver(count: number): void {
    if (count === 0) return
    this.#framesIn += count
    if (this.#sink !== undefined) return this.#sink.receive(this.#batch, count)
    this.#dropped += count
    for (let i = 0; i < count; i++) this.#arena.free(this.#batch[i]!)
  }

  #announce(isUp: boolean): void {
    for (const listener of [...this.#listeners]) listener(isUp)
  }
}
