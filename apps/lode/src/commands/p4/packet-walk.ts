/**
 * Packets that a program's parser accepts, made by walking it: bytes are random until a select asks for a value, which is
 * then written where the field was taken from. Every walk picks one of the cases that do not reject, so that walks together
 * see the ways through the parser that simple conditions open. What looks like an IP header gets values with which routers
 * forward a packet.
 */
import type { Expression, KeySet, Parser, Program, SlotId } from '@lodestone/p4'

type Evaluate = (e: Expression, load: (slot: SlotId) => bigint) => bigint

const STEPS_MAX = 64

export interface WalkOptions {
  readonly program: Program
  readonly evaluate: Evaluate
  /** Uniform below the bound. */
  readonly random: (bound: number) => number
  readonly length: number
}

/** A packet of this length, longer when the headers need more. */
export function walkPacket(options: WalkOptions): Uint8Array {
  const walk = new Walk(options)
  const block = options.program.blocks.find((one) => one.kind === 'parser')
  if (block?.kind === 'parser') walk.parser(options.program.parsers[block.parser]!)
  return walk.finish()
}

class Walk {
  readonly #options: WalkOptions
  readonly #bytes: Uint8Array
  /** First bit of the packet that a slot was taken from. */
  readonly #places = new Map<SlotId, number>()
  readonly #values = new Map<SlotId, bigint>()
  readonly #ipv4: number[] = []
  readonly #ipv6: number[] = []
  #at = 0

  constructor(options: WalkOptions) {
    this.#options = options
    this.#bytes = Uint8Array.from({ length: 1024 }, () => options.random(256))
    const { intrinsics } = options.program
    for (const name of ['packet.length', 'packet_length']) {
      const slot = intrinsics[name]
      if (slot !== undefined) this.#values.set(slot, BigInt(options.length))
    }
  }

  parser(parser: Parser): void {
    let current: number | 'accept' | 'reject' | 'noMatch' = 0
    for (let step = 0; step < STEPS_MAX && typeof current === 'number' && this.#at < 900; step++) {
      const state: Parser['states'][number] = parser.states[current]!
      for (const statement of state.body) {
        if (statement.kind === 'extract') this.#extract(statement.header)
        else if (statement.kind === 'lookahead') this.#take(statement.slot, 8 * this.#at)
        else if (statement.kind === 'advance') this.#at += Number(this.#evaluate(statement.bits)) >> 3
        else if (statement.kind === 'assign') this.#values.set(statement.slot, this.#evaluate(statement.value))
      }
      current = this.#select(state.select)
    }
  }

  finish(): Uint8Array {
    const frame = this.#bytes.slice(0, Math.max(this.#options.length, this.#at))
    for (const at of this.#ipv6) finishIpv6(frame, at)
    for (const at of this.#ipv4) finishIpv4(frame, at)
    return frame
  }

  #select(select: Parser['states'][number]['select']): number | 'accept' | 'reject' | 'noMatch' {
    const { keys, cases, otherwise } = select
    const good = cases.filter((one) => one.next !== 'reject' && one.valueSet === undefined)
    const hasDefault = otherwise !== 'reject' && otherwise !== 'noMatch'
    // Going on is more interesting than ending here.
    const choice = this.#options.random(hasDefault ? 4 * good.length + 1 : Math.max(1, good.length))
    const wanted = good[hasDefault ? choice >> 2 : choice]
    wanted?.keys.forEach((set, k) => this.#wish(keys[k]!, set))
    const values = keys.map((key) => this.#evaluate(key))
    const taken = cases.find((one) => {
      return one.valueSet === undefined && one.keys.every((set, k) => holds(set, values[k]!, keys[k]!.width))
    })
    return taken?.next ?? otherwise
  }

  #extract(id: number): void {
    const { program } = this.#options
    const header = program.headers[id]!
    let bit = 8 * this.#at
    const widths = header.fields.map((slot) => program.slots[slot]!.width)
    const isFixed = header.fields.every((slot) => program.slots[slot]!.kind !== 'varbit')
    if (!isFixed) return
    // Version and header length, 20 bytes: IPv4. Version, then a traffic class, 40 bytes: IPv6.
    const total = widths.reduce((sum, width) => sum + width, 0)
    if (widths[0] === 4 && widths[1] === 4 && total === 160) {
      this.#bytes[this.#at] = 0x45
      this.#bytes.fill(0, this.#at + 6, this.#at + 8)
      this.#ipv4.push(this.#at)
    } else if (widths[0] === 4 && total === 320) {
      this.#bytes[this.#at] = 0x60
      this.#ipv6.push(this.#at)
    }
    header.fields.forEach((slot, k) => {
      this.#take(slot, bit)
      bit += widths[k]!
    })
    this.#values.set(header.valid, 1n)
    this.#at = bit >> 3
  }

  #take(slot: SlotId, bit: number): void {
    this.#places.set(slot, bit)
    this.#values.delete(slot)
  }

  /** Makes an expression have a value of the set, where it is made of bits of the packet. */
  #wish(e: Expression, set: KeySet): void {
    const full = (1n << BigInt(e.width)) - 1n
    if (set.kind === 'any') return
    if (set.kind === 'exact') return this.#force(e, set.value, full)
    if (set.kind === 'ternary') return this.#force(e, set.value, set.mask)
    if (set.kind === 'lpm') return this.#force(e, set.value, full ^ (full >> BigInt(set.length)))
    this.#force(e, set.low, full)
  }

  #force(e: Expression, value: bigint, mask: bigint): void {
    if (e.op === 'slice') return this.#force(e.operand, value << BigInt(e.low), mask << BigInt(e.low))
    if (e.op === 'cast') {
      const inner = (1n << BigInt(e.operand.width)) - 1n
      return this.#force(e.operand, value & inner, mask & inner)
    }
    if (e.op === 'concat') {
      const low = BigInt(e.right.width)
      this.#force(e.left, value >> low, mask >> low)
      return this.#force(e.right, value & ((1n << low) - 1n), mask & ((1n << low) - 1n))
    }
    if (e.op !== 'load') return
    const place = this.#places.get(e.slot)
    if (place === undefined || this.#values.has(e.slot)) return
    for (let k = 0; k < e.width; k++) {
      const shift = BigInt(e.width - 1 - k)
      if (((mask >> shift) & 1n) === 0n) continue
      const bit = place + k
      const flag = 0x80 >> (bit & 7)
      if (((value >> shift) & 1n) === 1n) this.#bytes[bit >> 3]! |= flag
      else this.#bytes[bit >> 3]! &= ~flag
    }
  }

  #evaluate(e: Expression): bigint {
    return this.#options.evaluate(e, (slot) => this.#load(slot))
  }

  #load(slot: SlotId): bigint {
    const value = this.#values.get(slot)
    const place = this.#places.get(slot)
    if (value !== undefined || place === undefined) return value ?? 0n
    let read = 0n
    for (let k = 0; k < this.#options.program.slots[slot]!.width; k++) {
      const bit = place + k
      read = (read << 1n) | BigInt((this.#bytes[bit >> 3]! >> (7 - (bit & 7))) & 1)
    }
    return read
  }
}

function holds(set: KeySet, value: bigint, width: number): boolean {
  if (set.kind === 'any') return true
  if (set.kind === 'exact') return value === set.value
  if (set.kind === 'range') return value >= set.low && value <= set.high
  const full = (1n << BigInt(width)) - 1n
  const mask = set.kind === 'ternary' ? set.mask : full ^ (full >> BigInt(set.length))
  return (value & mask) === (set.value & mask)
}

/** Length, time to live and checksum (RFC 791 §3.1) of the header at this offset. */
function finishIpv4(frame: Uint8Array, at: number): void {
  if (at + 20 > frame.length || frame[at] !== 0x45) return
  frame[at + 2] = (frame.length - at) >> 8
  frame[at + 3] = (frame.length - at) & 0xff
  frame[at + 8] = 64
  // An address that is neither multicast nor reserved.
  for (const offset of [12, 16]) frame[at + offset] = 1 + (frame[at + offset]! % 126)
  frame[at + 10] = 0
  frame[at + 11] = 0
  let sum = 0
  for (let k = 0; k < 20; k += 2) sum += (frame[at + k]! << 8) | frame[at + k + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16)
  frame[at + 10] = (~sum >> 8) & 0xff
  frame[at + 11] = ~sum & 0xff
}

/** Length, hop limit, and global unicast addresses (RFC 8200 §3). */
function finishIpv6(frame: Uint8Array, at: number): void {
  if (at + 40 > frame.length) return
  frame[at + 4] = (frame.length - at - 40) >> 8
  frame[at + 5] = (frame.length - at - 40) & 0xff
  frame[at + 7] = 64
  for (const offset of [8, 24]) frame[at + offset] = 0x20
}
