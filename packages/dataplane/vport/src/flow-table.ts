/**
 * All flows of an engine: the memory that the kernel works in, the index over the rows, the blocks that hold a connection and
 * its two rows, and the wheel that tells when to look whether one is still used. What belongs to one port is in its
 * `FlowCache`.
 */
import type { Arena } from '@lodestone/frame'
import type { Random } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import { AT_PORT, AT_WHEEL } from './connection.ts'
import type { FlowCache } from './flow-cache.ts'
import { FlowIndex } from './flow-index.ts'
import { type FlowKey, META_EXTERNAL, META_OUT, metaAt, portsAt } from './flow-key.ts'
import { FlowMemory } from './flow-memory.ts'
import { instantiateKernel, type Kernel } from './kernel/kernel.ts'
import {
  BLOCK_BYTES,
  HASH_WORDS,
  KEY_BYTES_4,
  KEY_BYTES_6,
  KEY_EXTERNAL,
  KEY_OUT,
  KEY_SCRATCH,
  PARAM_DATA,
  PARAM_HASH_KEY,
  PARAM_SLOT_BYTES,
  PARAM_UNDERLAY,
  ROW_KEY,
} from './kernel/layout.ts'
import { TimingWheel } from './timing-wheel.ts'
import { Versions } from './versions.ts'

/** The part of a key that all flows of a port share. */
export interface PortKey {
  readonly vni: number
  /** The guest's MAC address, 6 bytes. */
  readonly mac: Uint8Array
}

export class FlowTable {
  readonly memory = new FlowMemory()
  readonly versions: Versions
  readonly kernel: Kernel
  readonly wheel: TimingWheel
  readonly index: FlowIndex
  /** By port number. */
  readonly caches: (FlowCache | undefined)[] = []
  readonly #startMs: number
  /** Blocks that were given back, chained through their first word. */
  #free = 0
  readonly #isWanted4: (row: number) => boolean
  readonly #isWanted6: (row: number) => boolean

  constructor(arena: Arena, underlay: Ip, random: Random, nowMs: number) {
    const { memory } = this
    this.#startMs = nowMs
    this.versions = new Versions(memory)
    this.index = new FlowIndex(memory)
    this.wheel = new TimingWheel(nowMs / 1000, memory, AT_WHEEL)
    this.kernel = instantiateKernel(arena.memory, memory.memory)
    memory.words[PARAM_DATA / 4] = arena.dataOffset
    memory.words[PARAM_SLOT_BYTES / 4] = arena.slotBytes
    this.#setHashKey(random)
    underlay.bytes.forEach((byte, i) => memory.view.setUint8(PARAM_UNDERLAY + i, byte))
    this.#isWanted4 = (row) => this.#isKeyOf(row, KEY_BYTES_4 / 4)
    this.#isWanted6 = (row) => this.#isKeyOf(row, KEY_BYTES_6 / 4)
  }

  #setHashKey(random: Random): void {
    const { view } = this.memory
    for (let word = 0; word < HASH_WORDS; word++) {
      // Multipliers are odd, so that they lose nothing.
      const isMultiplier = word >= HASH_WORDS - 3
      view.setUint32(PARAM_HASH_KEY + word * 8, random.u32() | (isMultiplier ? 1 : 0), true)
      view.setUint32(PARAM_HASH_KEY + word * 8 + 4, random.u32(), true)
    }
  }

  /** The form of time that rows hold: milliseconds modulo 2^32. */
  stampOf(nowMs: number): number {
    return Math.floor(nowMs - this.#startMs) >>> 0
  }

  /** Writes the key where the kernel and `find` look for it. @returns its hash. */
  writeKey(key: FlowKey, family: 4 | 6, port: PortKey): number {
    this.#putKey(KEY_SCRATCH, key, family, port)
    return family === 4 ? this.kernel.hash4() : this.kernel.hash6()
  }

  #putKey(to: number, key: FlowKey, family: 4 | 6, port: PortKey): void {
    const { view } = this.memory
    const addressWords = family === 4 ? 2 : 8
    for (let i = 0; i < addressWords; i++) view.setInt32(to + i * 4, key[i]!)
    const meta = key[metaAt(family)]!
    const at = to + addressWords * 4
    view.setInt32(at, key[portsAt(family)]!)
    view.setInt32(at + 4, ((meta & 0xff) << 24) | port.vni)
    const { mac } = port
    view.setInt32(at + 8, (mac[0]! << 24) | (mac[1]! << 16) | (mac[2]! << 8) | mac[3]!)
    view.setUint16(at + 12, (mac[4]! << 8) | mac[5]!)
    const flags = ((meta & META_OUT) === 0 ? 0 : KEY_OUT) | ((meta & META_EXTERNAL) === 0 ? 0 : KEY_EXTERNAL)
    view.setUint16(at + 14, flags, true)
  }

  /** @returns the row of a key, or 0. */
  find(key: FlowKey, family: 4 | 6, port: PortKey): number {
    return this.findHashed(this.writeKey(key, family, port), family)
  }

  /** @param hash what `writeKey` has just said. */
  findHashed(hash: number, family: 4 | 6): number {
    return this.index.find(hash, family === 4 ? this.#isWanted4 : this.#isWanted6)
  }

  /** Gives a row its key and enters it. @param hash of the key. @returns false when the index is full. */
  enter(row: number, key: FlowKey, family: 4 | 6, port: PortKey, hash: number): boolean {
    this.#putKey(row + ROW_KEY, key, family, port)
    return this.index.insert(hash, row)
  }

  /** Takes a row out of the index. */
  leave(row: number, family: 4 | 6): void {
    const { words } = this.memory
    const bytes = family === 4 ? KEY_BYTES_4 : KEY_BYTES_6
    const from = (row + ROW_KEY) >> 2
    for (let i = 0; i < bytes / 4; i++) words[(KEY_SCRATCH >> 2) + i] = words[from + i]!
    this.index.remove(family === 4 ? this.kernel.hash4() : this.kernel.hash6(), row)
  }

  /** Reads a row's key back. */
  readKey(row: number, family: 4 | 6, key: FlowKey): void {
    const { view } = this.memory
    const addressWords = family === 4 ? 2 : 8
    const at = row + ROW_KEY
    for (let i = 0; i < addressWords; i++) key[i] = view.getInt32(at + i * 4)
    const rest = at + addressWords * 4
    key[portsAt(family)] = view.getInt32(rest)
    const flags = view.getUint16(rest + 14, true)
    key[metaAt(family)] =
      view.getUint8(rest + 4) |
      ((flags & KEY_OUT) === 0 ? 0 : META_OUT) |
      ((flags & KEY_EXTERNAL) === 0 ? 0 : META_EXTERNAL)
  }

  /** @returns a block of zeros, or 0 when memory is exhausted. */
  takeBlock(): number {
    const freed = this.#free
    if (freed === 0) return this.memory.take(BLOCK_BYTES, true)
    const { words } = this.memory
    this.#free = words[freed >> 2]!
    words.fill(0, freed >> 2, (freed + BLOCK_BYTES) >> 2)
    return freed
  }

  giveBlock(at: number): void {
    this.memory.words[at >> 2] = this.#free
    this.#free = at
  }

  /**
   * Forgets what has been idle for too long, and goes on with whatever else is done in steps.
   * @param limit how many connections to look at. @returns whether there is nothing left to do now.
   */
  tend(nowMs: number, limit: number): boolean {
    this.index.move(limit * 8)
    let isDone = this.wheel.advance(nowMs / 1000, (at) => this.#cacheOf(at).look(at, nowMs), limit)
    for (let i = 0; i < this.caches.length; i++) {
      const cache = this.caches[i]
      if (cache?.isClosing !== true) continue
      if (cache.clearSome(nowMs, limit)) this.forget(cache)
      else isDone = false
    }
    return isDone && !this.index.isMoving
  }

  /** Of a port that has no connections any more. */
  forget(cache: FlowCache): void {
    this.caches[cache.number] = undefined
    this.versions.give(cache.number)
  }

  #cacheOf(at: number): FlowCache {
    const cache = this.caches[this.memory.words[(at + AT_PORT) >> 2]!]
    if (cache === undefined) throw new Error('a connection outlived its port')
    return cache
  }

  #isKeyOf(row: number, count: number): boolean {
    const { words } = this.memory
    const at = (row + ROW_KEY) >> 2
    for (let i = 0; i < count; i++) if (words[at + i] !== words[(KEY_SCRATCH >> 2) + i]) return false
    return true
  }
}
