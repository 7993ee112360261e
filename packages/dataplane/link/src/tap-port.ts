/**
 * A TAP device as a port: what the kernel sends out of its interface arrives here, what is sent here the kernel receives.
 * Frames are read and written in place in the arena, up to a batch per turn of the event loop, so that neither side
 * starves. Runs in real time only.
 */
import type { Arena } from '@lodestone/frame'
import { type FrameDevice, openTap } from '@lodestone/host'
import type { FrameSink, Port } from './port.ts'

const BATCH = 64
const ETHERNET_HEADER_BYTES = 14

export interface TapPortOptions {
  /** Of the kernel's interface; at most 15 bytes. */
  readonly name: string
  readonly arena: Arena
  /** Largest layer-3 payload; default 1500. Longer frames of the kernel are cut by it, so give both sides the same. */
  readonly mtuBytes?: number
}

export interface TapPortCounters {
  readonly framesIn: number
  readonly framesOut: number
  /** No slot, nothing attached, or not taken by the kernel. */
  readonly dropped: number
}

export class TapPort implements Port {
  readonly name: string
  readonly #arena: Arena
  readonly #device: FrameDevice
  readonly #frameBytes: number
  readonly #batch = new Int32Array(BATCH)
  readonly #listeners = new Set<(isUp: boolean) => void>()
  #sink: FrameSink | undefined
  #isUp = true
  #framesIn = 0
  #framesOut = 0
  #dropped = 0

  /** Creates the kernel's interface, which is down and has no address yet. Throws a Node-style error. */
  constructor(options: TapPortOptions) {
    this.#arena = options.arena
    this.#frameBytes = (options.mtuBytes ?? 1500) + ETHERNET_HEADER_BYTES
    this.#device = openTap({ name: options.name, onReadable: () => this.#receive() })
    this.name = this.#device.name
  }

  get isUp(): boolean {
    return this.#isUp
  }

  send(slots: Int32Array, count: number): void {
    const arena = this.#arena
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      if (this.#isUp && this.#device.write(arena.peek(slot))) this.#framesOut++
      else this.#dropped++
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

  counters(): TapPortCounters {
    return { framesIn: this.#framesIn, framesOut: this.#framesOut, dropped: this.#dropped }
  }

  /** Takes the port down and the kernel's interface away. */
  close(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#device.close()
    for (const listener of [...this.#listeners]) listener(false)
  }

  #receive(): void {
    const arena = this.#arena
    let count = 0
    while (count < BATCH) {
      const slot = arena.alloc(this.#frameBytes)
      if (slot < 0) return this.#deliver(count) // the kernel keeps the rest
      const length = this.#device.read(arena.peek(slot))
      if (length === 0) {
        arena.free(slot)
        break
      }
      arena.setLength(slot, length)
      this.#batch[count++] = slot
    }
    this.#deliver(count)
  }

  #deliver(count: number): void {
    if (count === 0) return
    this.#framesIn += count
    if (this.#sink !== undefined) return this.#sink.receive(this.#batch, count)
    this.#dropped += count
    for (let i = 0; i < count; i++) this.#arena.free(this.#batch[i]!)
  }
}
