/**
 * An interface of this machine as a port: what arrives on it comes in here, what is sent here leaves by it. Frames cross between the
 * kernel's rings and the arena by one copy; a batch of them costs one system call to send and none to receive. Real time only.
 *
 * NOT IMPLEMENTED: checksums that a local sender left to the hardware (turn that off on a veth's other end); frames of more
 * than 2016 bytes, which are counted as dropped.
 */
import type { Arena } from '@lodestone/frame'
import { FRAME_BYTES, openPacketRing, type PacketRing, TX_DATA } from './os-packet-ring.ts'
import type { FrameSink, Port } from './port.ts'

/** Words of a frame's header. */
const STATUS = 0
const LENGTH = 1
const CAPTURED = 2
const MAC_AND_NET = 3
const VLAN = 6
const STATUS_USER = 1
const STATUS_VLAN_VALID = 0x10
const STATUS_SEND = 1
const FRAME_WORDS = FRAME_BYTES >> 2
const BATCH = 256
const RING_FRAMES = 1024
/** How long closing may take at most, while a thread waits. */
const WAIT_MS = 200
/** Longer frames are copied by the engine; shorter ones word by word, which needs no view of them. */
const SHORT_BYTES = 256

export interface AfPacketOptions {
  /** Of this machine: `eth0`, one end of a veth pair. */
  readonly device: string
  readonly arena: Arena
  /** Frames per ring and direction, a multiple of 32; default 1024. */
  readonly ringFrames?: number
  /** Whether frames are waited for; false: the owner calls `poll`. Default true. */
  readonly isWaiting?: boolean
}

export interface AfPacketCounters {
  readonly framesIn: number
  readonly framesOut: number
  /** No slot, a full ring, too long, or nobody attached. */
  readonly dropped: number
}

export class AfPacketPort implements Port {
  readonly name: string
  isUp = true
  readonly #arena: Arena
  readonly #ring: PacketRing
  readonly #bytes: Uint8Array
  readonly #words: Int32Array
  readonly #arenaBytes: Uint8Array
  readonly #batch = new Int32Array(BATCH)
  readonly #listeners = new Set<(isUp: boolean) => void>()
  readonly #txWords: number
  #rxNext = 0
  #txNext = 0
  #sink: FrameSink | undefined
  #framesIn = 0
  #framesOut = 0
  #dropped = 0
  #isClosing = false
  #isBusy = false

  /** Throws a Node-style error: `ENODEV`, `EPERM`, `ENOTSUP`. */
  constructor({ device, arena, ringFrames = RING_FRAMES, isWaiting = true }: AfPacketOptions) {
    this.name = device
    this.#arena = arena
    this.#arenaBytes = arena.bytes
    this.#ring = openPacketRing(device, ringFrames)
    this.#bytes = this.#ring.bytes
    this.#words = this.#ring.words
    this.#txWords = this.#ring.txOffset >> 2
    if (isWaiting) void this.#wait()
  }

  attach(sink: FrameSink): void {
    this.#sink = sink
  }

  onState(fn: (isUp: boolean) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  counters(): AfPacketCounters {
    return { framesIn: this.#framesIn, framesOut: this.#framesOut, dropped: this.#dropped }
  }

  send(slots: Int32Array, count: number): void {
    const arena = this.#arena
    const words = this.#words
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      const length = arena.length(slot)
      const at = this.#txWords + this.#txNext * FRAME_WORDS
      if (this.isUp && words[at + STATUS] !== 0) this.#ring.flush()
      if (!this.isUp || length > FRAME_BYTES - TX_DATA || Atomics.load(words, at + STATUS) !== 0) this.#dropped++
      else {
        this.#copyOut(arena.start(slot), (at << 2) + TX_DATA, length)
        words[at + LENGTH] = length
        Atomics.store(words, at + STATUS, STATUS_SEND)
        this.#txNext = this.#txNext + 1 === this.#ring.frames ? 0 : this.#txNext + 1
        this.#framesOut++
      }
      arena.free(slot)
    }
    if (this.isUp) this.#ring.flush()
  }

  /** Delivers what has arrived, up to a batch. @returns how many. */
  poll(): number {
    const arena = this.#arena
    const words = this.#words
    let count = 0
    while (count < BATCH) {
      const at = this.#rxNext * FRAME_WORDS
      const status = Atomics.load(words, at + STATUS)
      if ((status & STATUS_USER) === 0) break
      const length = words[at + CAPTURED]!
      const hasTag = (status & STATUS_VLAN_VALID) !== 0
      const slot = length === words[at + LENGTH] ? arena.alloc(hasTag ? length + 4 : length) : -1
      if (slot < 0) this.#dropped++
      else {
        const from = (at << 2) + (words[at + MAC_AND_NET]! & 0xffff)
        if (hasTag) this.#copyTagged(from, arena.start(slot), length, words[at + VLAN]!)
        else this.#copyIn(from, arena.start(slot), length)
        this.#batch[count++] = slot
      }
      Atomics.store(words, at + STATUS, 0)
      this.#rxNext = this.#rxNext + 1 === this.#ring.frames ? 0 : this.#rxNext + 1
    }
    if (count === 0) return 0
    this.#framesIn += count
    if (this.#sink !== undefined) this.#sink.receive(this.#batch, count)
    else {
      this.#dropped += count
      for (let i = 0; i < count; i++) arena.free(this.#batch[i]!)
    }
    return count
  }

  /** Takes the port down; its memory goes when nobody waits on it any more. */
  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.isUp = false
    if (!this.#isBusy) this.#ring.close()
    for (const listener of [...this.#listeners]) listener(false)
  }

  async #wait(): Promise<void> {
    this.#isBusy = true
    while (!this.#isClosing) {
      // Each turn of the event loop takes a batch at most, so that others have theirs.
      await this.#ring.readable(this.poll() === 0 ? WAIT_MS : 0)
    }
    this.#isBusy = false
    this.#ring.close()
  }

  #copyIn(from: number, to: number, length: number): void {
    if (length > SHORT_BYTES) return this.#arenaBytes.set(this.#bytes.subarray(from, from + length), to)
    const [source, target] = [this.#bytes, this.#arenaBytes]
    for (let i = 0; i < length; i++) target[to + i] = source[from + i]!
  }

  #copyOut(from: number, to: number, length: number): void {
    if (length > SHORT_BYTES) return this.#bytes.set(this.#arenaBytes.subarray(from, from + length), to)
    const [source, target] = [this.#arenaBytes, this.#bytes]
    for (let i = 0; i < length; i++) target[to + i] = source[from + i]!
  }

  /** The kernel took the VLAN tag out of the frame; back it goes. */
  #copyTagged(from: number, to: number, length: number, vlan: number): void {
    const target = this.#arenaBytes
    for (let i = 0; i < 12; i++) target[to + i] = this.#bytes[from + i]!
    const tpid = vlan >>> 16 === 0 ? 0x8100 : vlan >>> 16
    target[to + 12] = tpid >>> 8
    target[to + 13] = tpid & 0xff
    target[to + 14] = (vlan >>> 8) & 0xff
    target[to + 15] = vlan & 0xff
    for (let i = 12; i < length; i++) target[to + 4 + i] = this.#bytes[from + i]!
  }
}
