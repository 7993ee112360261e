/**
 * Bits in network order: reading fields from a frame and writing runs of fields as bytes.
 *
 * A field is read through the smallest window of 1, 2, 4 or 8 bytes that ends with its last byte; the window may begin
 * up to 7 bytes before the field, which is always inside the arena because descriptors and head room lie in front.
 */
import type { Expression } from '../ir/index.ts'
import type { FunctionBuilder } from '../wasm/index.ts'
import { classOf, mask } from './value-class.ts'

const REVERSED = [7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0]

/** Pushes `width` (up to 64) bits that start `bit` bits after the pointer (none: after address 0), as i32 or i64 by width. */
export function pushField(
  f: FunctionBuilder,
  memory: number,
  pointer: number | undefined,
  bit: number,
  width: number,
): void {
  const first = bit >> 3
  const last = Math.ceil((bit + width) / 8)
  const below = 8 * last - (bit + width)
  const type = classOf(width)
  const span = last - first
  if (span > 8) {
    // Nine bytes: what is in the first eight, and the rest of the ninth.
    pushField(f, memory, pointer, bit, width - 8 + below)
    if (classOf(width - 8 + below) === 'i32') f.op('i64.extend_i32_u')
    f.i64(BigInt(8 - below))
    f.op('i64.shl')
    pushField(f, memory, pointer, 8 * last - 8, 8 - below)
    f.op('i64.extend_i32_u')
    return f.op('i64.or')
  }
  const bytes = span === 1 ? 1 : span === 2 ? 2 : span <= 4 ? 4 : 8
  pushWindow(f, memory, pointer, last - bytes, bytes)
  if (bytes === 8) {
    if (below > 0) {
      f.i64(BigInt(below))
      f.op('i64.shr_u')
    }
    if (type === 'i32') f.op('i32.wrap_i64')
  } else if (below > 0) {
    f.i32(below)
    f.op('i32.shr_u')
  }
  if (8 * bytes - below === width || (bytes === 8 && width === 32)) return
  if (type === 'i32') {
    f.i32(Number(BigInt.asIntN(32, mask(width))))
    f.op('i32.and')
  } else {
    f.i64(mask(width))
    f.op('i64.and')
  }
}

/** Big-endian load of 1, 2, 4 (i32) or 8 (i64) bytes at pointer + offset, which may be negative. */
function pushWindow(
  f: FunctionBuilder,
  memory: number,
  pointer: number | undefined,
  offset: number,
  bytes: 1 | 2 | 4 | 8,
): void {
  pushPointer(f, pointer)
  if (offset < 0) {
    f.i32(-offset)
    f.op('i32.sub')
  }
  const at = Math.max(0, offset)
  if (bytes === 1) return f.access('i32.load8_u', memory, at)
  if (bytes === 2) {
    f.access('i32.load8_u', memory, at)
    f.i32(8)
    f.op('i32.shl')
    pushPointer(f, pointer)
    if (offset < 0) {
      f.i32(-offset)
      f.op('i32.sub')
    }
    f.access('i32.load8_u', memory, at + 1)
    return f.op('i32.or')
  }
  if (bytes === 4) {
    f.access('i32.load', memory, at)
    return swap32(f)
  }
  f.load64Zero(memory, at)
  f.vector(REVERSED)
  f.swizzle()
  f.extractLane64(0)
}

export function pushPointer(f: FunctionBuilder, pointer: number | undefined): void {
  if (pointer === undefined) f.i32(0)
  else f.get(pointer)
}

/** Of a 16-bit value in an i32; the bits above are not 0 afterwards. */
function swap16(f: FunctionBuilder): void {
  f.i32(0x10001)
  f.op('i32.mul')
  f.i32(8)
  f.op('i32.shr_u')
}

/** A value of so many bytes (up to 8) on the stack, i32 up to 4 of them, the other way round. */
export function swap(f: FunctionBuilder, bytes: number): void {
  if (bytes === 1) return
  if (bytes === 2) {
    swap16(f)
    f.i32(0xffff)
    return f.op('i32.and')
  }
  if (bytes <= 4) {
    if (bytes === 3) {
      f.i32(8)
      f.op('i32.shl')
    }
    return swap32(f)
  }
  if (bytes < 8) {
    f.i64(BigInt(64 - 8 * bytes))
    f.op('i64.shl')
  }
  f.splat64()
  f.vector(REVERSED)
  f.swizzle()
  f.extractLane64(0)
}

function swap32(f: FunctionBuilder): void {
  const value = f.temp('i32')
  f.tee(value)
  f.i32(8)
  f.op('i32.rotl')
  f.i32(0x00ff00ff)
  f.op('i32.and')
  f.get(value)
  f.i32(8)
  f.op('i32.rotr')
  f.i32(0xff00ff00)
  f.op('i32.and')
  f.op('i32.or')
}

/** A piece of a run of fields: whole bytes, at most 64 bits. */
export interface Chunk {
  /** In bytes from the start of the run. */
  readonly offset: number
  readonly bytes: number
  readonly value: Expression
}

/** Cuts the concatenation of fields into byte-aligned pieces, at field borders where it can. Padded with zeros. */
export function chunksOf(fields: readonly Expression[]): Chunk[] {
  const chunks: Chunk[] = []
  let offset = 0
  let group: Expression[] = []
  let width = 0
  const flush = (): void => {
    const whole = group.length === 1 ? group[0]! : undefined
    for (let done = 0; done < width; done += 64) {
      const bits = Math.min(64, width - done)
      const value = whole?.width === bits ? whole : concatSlices(group, width, width - done - bits, bits)
      chunks.push({ offset, bytes: bits / 8, value })
      offset += bits / 8
    }
    group = []
    width = 0
  }
  for (const field of fields) {
    group.push(field)
    width += field.width
    if (width % 8 === 0) flush()
  }
  if (width > 0) {
    const padding = 8 - (width % 8)
    group.push({ op: 'const', width: padding, value: 0n })
    width += padding
    flush()
  }
  return chunks
}

/** As `chunksOf`, with neighbours joined where one store takes them: fewer and wider stores, with one byte swap each. */
export function wideChunksOf(fields: readonly Expression[]): Chunk[] {
  const chunks = chunksOf(fields)
  const wide: Chunk[] = []
  for (let from = 0; from < chunks.length;) {
    let best = chunks[from]!
    let count = 1
    let { bytes, value } = best
    for (let k = from + 1; k < chunks.length && bytes < 8; k++) {
      const right = chunks[k]!
      bytes += right.bytes
      value = { op: 'concat', width: 8 * bytes, left: value, right: right.value }
      if (bytes !== 2 && bytes !== 4 && bytes !== 8) continue
      best = { offset: best.offset, bytes, value }
      count = k + 1 - from
    }
    wide.push(best)
    from += count
  }
  return wide
}

/** Bits `low` … `low + bits - 1` of the concatenation of `fields`, which are `total` bits together. */
function concatSlices(fields: readonly Expression[], total: number, low: number, bits: number): Expression {
  let top = total
  let out: Expression | undefined
  for (const field of fields) {
    const bottom = top - field.width
    const from = Math.max(bottom, low)
    const to = Math.min(top, low + bits)
    if (from < to) {
      const piece: Expression =
        to - from === field.width ? field : { op: 'slice', width: to - from, low: from - bottom, operand: field }
      out = out === undefined ? piece : { op: 'concat', width: out.width + piece.width, left: out, right: piece }
    }
    top = bottom
  }
  if (out === undefined) throw new Error('empty slice')
  return out
}

/** Stores the low `bytes` (up to 8) bytes, in network order, of what `push` leaves: an i32 for 1, 2 and 4 bytes, else an i64. */
export function storeBytes(
  f: FunctionBuilder,
  memory: number,
  pointer: number | undefined,
  at: number,
  bytes: number,
  push: () => void,
): void {
  if (bytes <= 2 || bytes === 4) {
    pushPointer(f, pointer)
    push()
    if (bytes === 1) return f.access('i32.store8', memory, at)
    if (bytes === 2) {
      swap16(f)
      return f.access('i32.store16', memory, at)
    }
    swap32(f)
    return f.access('i32.store', memory, at)
  }
  push()
  let value: number | undefined
  if (bytes % 2 === 1) {
    value = f.temp('i64')
    f.tee(value)
  }
  if (bytes < 8) {
    f.i64(BigInt(64 - 8 * bytes))
    f.op('i64.shl')
  }
  f.splat64()
  f.vector(REVERSED)
  f.swizzle()
  const vector = f.temp('v128')
  f.set(vector)
  const lane = (bits: 16 | 32 | 64, index: number, offset: number): void => {
    pushPointer(f, pointer)
    f.get(vector)
    f.storeLane(bits, index, memory, at + offset)
  }
  if (bytes === 8) return lane(64, 0, 0)
  if (bytes >= 4) lane(32, 0, 0)
  if (bytes === 3 || bytes >= 6) lane(16, bytes === 3 ? 0 : 2, bytes === 3 ? 0 : 4)
  if (value === undefined) return
  pushPointer(f, pointer)
  f.get(value)
  f.access('i64.store8', memory, at + bytes - 1)
}

/** Stores `width` (up to 64) bits, which `push` leaves as i32 or i64 by width, at an absolute bit; bits around them stay. */
export function storeField(f: FunctionBuilder, memory: number, bit: number, width: number, push: () => void): void {
  const first = bit >> 3
  const last = Math.ceil((bit + width) / 8)
  const bytes = last - first
  const isNarrow = bytes <= 2 || bytes === 4
  const fit = (): void => {
    push()
    if (classOf(width) === 'i32' && !isNarrow) f.op('i64.extend_i32_u')
  }
  if (8 * bytes === width) return storeBytes(f, memory, undefined, first, bytes, fit)
  if (bytes > 8) {
    // The bits of the first byte, then the rest, which begins a byte.
    const head = 8 - (bit & 7)
    push()
    const value = f.stash('i64')
    storeField(f, memory, bit, head, () => {
      f.get(value)
      f.i64(BigInt(width - head))
      f.op('i64.shr_u')
      f.op('i32.wrap_i64')
    })
    return storeField(f, memory, bit + head, width - head, () => {
      f.get(value)
      if (classOf(width - head) === 'i32') f.op('i32.wrap_i64')
      const type = classOf(width - head)
      if (type === 'i32') f.i32(Number(BigInt.asIntN(32, mask(width - head))))
      else f.i64(mask(width - head))
      f.op(`${type}.and`)
    })
  }
  const type = isNarrow ? 'i32' : 'i64'
  const constant = (value: bigint): void =>
    type === 'i32' ? f.i32(Number(BigInt.asIntN(32, value))) : f.i64(BigInt.asIntN(64, value))
  const below = BigInt(8 * last - (bit + width))
  storeBytes(f, memory, undefined, first, bytes, () => {
    pushField(f, memory, undefined, 8 * first, 8 * bytes)
    if (type === 'i64' && classOf(8 * bytes) === 'i32') f.op('i64.extend_i32_u')
    constant(mask(8 * bytes) ^ (mask(width) << below))
    f.op(`${type}.and`)
    fit()
    if (below > 0n) {
      constant(below)
      f.op(`${type}.shl`)
    }
    f.op(`${type}.or`)
  })
}
