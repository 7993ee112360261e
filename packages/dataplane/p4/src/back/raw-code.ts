/**
 * Values in network order: the little-endian number whose bytes, from the lowest, are those of a value on the wire. Fields of
 * header images lie in memory that way. What is only moved, compared with equality, combined bit by bit or hashed bytewise
 * stays in that order, which saves a swap where it is read and another where it is written.
 */
import type { Expression } from '../ir/index.ts'
import type { FunctionBuilder } from '../wasm/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import { imageBit, isRawSlot, pushRawSlot, slotWords } from './slot-code.ts'
import { type Word, pushRawWord } from './word-code.ts'
import { mask, STATE } from './value-class.ts'
import { type Chunk, pushPointer, storeBytes, swap } from './wire-code.ts'

/** Instructions that a swap of so many bytes takes, roughly. */
function swapCost(bytes: number): number {
  return bytes === 1 ? 0 : bytes === 2 ? 3 : bytes <= 4 ? 5 : 6
}

/** The value's bytes the other way round. */
export function swapped(value: bigint, bytes: number): bigint {
  let found = 0n
  for (let k = 0; k < bytes; k++) found = (found << 8n) | ((value >> BigInt(8 * k)) & 0xffn)
  return found
}

/** Where the bits of a field of a header image, or of a slice of one, begin, counted from address 0; undefined for all else. */
function imageBitOf(code: ExpressionCode, e: Expression): number | undefined {
  if (e.op === 'load') return imageBit(code, e.slot)
  if (e.op !== 'slice' || e.operand.op !== 'load') return undefined
  const bit = imageBit(code, e.operand.slot)
  return bit === undefined ? undefined : bit + e.operand.width - e.low - e.width
}

/** The word that a slice of a variable in network order is; undefined for all else. */
function rawWordOf(code: ExpressionCode, e: Expression): Word | undefined {
  if (e.op !== 'slice' || e.operand.op !== 'load' || e.width !== 64 || e.low % 64 !== 0 || e.operand.width <= 64)
    return undefined
  return isRawSlot(code, e.operand.slot) ? slotWords(code, e.operand.slot)[e.low / 64] : undefined
}

/** What is left to swap when a value of whole bytes, up to 64 bits, is pushed with `pushRaw`. */
function costOf(code: ExpressionCode, e: Expression): number {
  const bytes = e.width / 8
  switch (e.op) {
    case 'const':
      return 0
    case 'load':
    case 'slice': {
      const bit = imageBitOf(code, e)
      const isAtHand = (bit !== undefined && bit % 8 === 0) || rawWordOf(code, e) !== undefined
      return isAtHand || (e.op === 'load' && isRawSlot(code, e.slot)) ? 0 : swapCost(bytes)
    }
    case 'not':
      return costOf(code, e.operand)
    case 'and':
    case 'or':
    case 'xor':
      return Math.min(swapCost(bytes), costOf(code, e.left) + costOf(code, e.right))
    case 'concat':
    case 'cast':
      return Math.min(
        swapCost(bytes),
        segmentsOf(code, e).reduce((sum, one) => sum + (one === e ? swapCost(bytes) : costOf(code, one)), 0),
      )
    default:
      return swapCost(bytes)
  }
}

/** Whether `pushRaw` is cheaper than the value in host order with a swap behind it. */
export function isRaw(code: ExpressionCode, e: Expression): boolean {
  return e.width % 8 === 0 && e.width <= 64 && (e.width === 8 || costOf(code, e) < swapCost(e.width / 8))
}

/** Whether nothing at all is left to swap. */
export function isWhollyRaw(code: ExpressionCode, e: Expression): boolean {
  return e.width % 8 === 0 && e.width <= 64 && costOf(code, e) === 0
}

/** Pushes a value of whole bytes, up to 64 bits, in network order: as i32 up to 32 bits, else as i64. */
export function pushRaw(code: ExpressionCode, e: Expression): void {
  const { f } = code
  const bytes = e.width / 8
  const type = bytes <= 4 ? 'i32' : 'i64'
  if (e.op === 'const') return constant(f, bytes, swapped(e.value, bytes))
  if (!isRaw(code, e)) {
    code.push(e)
    return swap(f, bytes)
  }
  switch (e.op) {
    case 'load':
    case 'slice': {
      const bit = imageBitOf(code, e)
      if (bit !== undefined && bit % 8 === 0) return pushBytes(f, bit >> 3, bytes)
      const word = rawWordOf(code, e)
      if (word !== undefined) return pushRawWord(code, word)
      if (e.op === 'load' && isRawSlot(code, e.slot)) return pushRawSlot(code, e.slot)
      return code.push(e)
    }
    case 'not':
      pushRaw(code, e.operand)
      constant(f, bytes, mask(e.width))
      return f.op(`${type}.xor`)
    case 'and':
    case 'or':
    case 'xor':
      pushRaw(code, e.left)
      pushRaw(code, e.right)
      return f.op(`${type}.${e.op}`)
    case 'concat':
    case 'cast': {
      const segments = segmentsOf(code, e)
      if (segments[0] === e) return code.push(e)
      return pushSegments(code, segments, type)
    }
    default:
      // One byte.
      return code.push(e)
  }
}

/** Pushes whether a field of an image, or a slice of one, has other bits than these under the mask; false where it is no such value. */
export function pushImageCompare(
  code: ExpressionCode,
  e: Expression,
  value: bigint,
  bits: bigint,
  op: 'eq' | 'ne',
): boolean {
  const { f } = code
  const bit = imageBitOf(code, e)
  if (bit === undefined || e.width > 64) return false
  const first = bit >> 3
  const last = Math.ceil((bit + e.width) / 8)
  const span = last - first
  if (span > 8) return false
  const below = BigInt(8 * last - bit - e.width)
  const size = ([1, 2, 4, 8] as const).find((one) => one >= span)!
  const type = size === 8 ? 'i64' : 'i32'
  const wanted = swapped(bits << below, span)
  f.i32(0)
  f.access(size === 1 ? 'i32.load8_u' : size === 2 ? 'i32.load16_u' : `${type}.load`, STATE, first)
  if (wanted !== mask(8 * size)) {
    constant(f, size, wanted)
    f.op(`${type}.and`)
  }
  const found = swapped((value & bits) << below, span)
  if (found === 0n && op === 'eq') {
    f.op(`${type}.eqz`)
    return true
  }
  constant(f, size, found)
  f.op(`${type}.${op}`)
  return true
}

function constant(f: FunctionBuilder, bytes: number, value: bigint): void {
  if (bytes <= 4) f.i32(Number(BigInt.asIntN(32, value)))
  else f.i64(BigInt.asIntN(64, value))
}

/** Bytes of memory as they lie there. */
function pushBytes(f: FunctionBuilder, at: number, bytes: number): void {
  f.i32(0)
  if (bytes === 1) return f.access('i32.load8_u', STATE, at)
  if (bytes === 2) return f.access('i32.load16_u', STATE, at)
  if (bytes <= 4) {
    f.access('i32.load', STATE, at)
    if (bytes === 4) return
    f.i32(0xffffff)
    return f.op('i32.and')
  }
  f.access('i64.load', STATE, at)
  if (bytes === 8) return
  f.i64(mask(8 * bytes))
  f.op('i64.and')
}

/** The parts in network order, each shifted to its bytes; constants together. */
function pushSegments(code: ExpressionCode, segments: readonly Expression[], type: 'i32' | 'i64'): void {
  const { f } = code
  let fixed = 0n
  let isFirst = true
  let at = 0
  for (const segment of segments) {
    const bytes = segment.width / 8
    if (segment.op === 'const') {
      fixed |= swapped(segment.value, bytes) << BigInt(8 * at)
    } else {
      pushRaw(code, segment)
      if (type === 'i64' && bytes <= 4) f.op('i64.extend_i32_u')
      if (at > 0) {
        constant(f, type === 'i32' ? 4 : 8, BigInt(8 * at))
        f.op(`${type}.shl`)
      }
      if (!isFirst) f.op(`${type}.or`)
      isFirst = false
    }
    at += bytes
  }
  if (!isFirst && fixed === 0n) return
  constant(f, type === 'i32' ? 4 : 8, fixed)
  if (!isFirst) f.op(`${type}.or`)
}

/**
 * A concatenation as parts of whole bytes, the highest first: constants together, and what has to be swapped together where it
 * adjoins. Only the expression itself when it has no such parts.
 */
function segmentsOf(code: ExpressionCode, e: Expression): readonly Expression[] {
  const leaves: Expression[] = []
  flatten(e, leaves)
  const parts: Expression[] = []
  let open: Expression | undefined
  for (const leaf of leaves) {
    open = open === undefined ? leaf : joined(open, leaf)
    if (open.width % 8 !== 0) continue
    const last = parts.at(-1)
    const isKept = (one: Expression): boolean => one.op !== 'const' && one.op !== 'concat' && costOf(code, one) === 0
    if (last !== undefined && (last.op === 'const') === (open.op === 'const') && !isKept(last) && !isKept(open)) {
      parts[parts.length - 1] = joined(last, open)
    } else parts.push(open)
    open = undefined
  }
  if (open !== undefined || parts.length < 2) return parts.length === 1 && parts[0]!.op === 'const' ? parts : [e]
  return parts
}

function flatten(e: Expression, into: Expression[]): void {
  if (e.op === 'concat') {
    flatten(e.left, into)
    flatten(e.right, into)
  } else if (e.op === 'cast' && !e.signed && e.operand.width < e.width) {
    into.push({ op: 'const', width: e.width - e.operand.width, value: 0n })
    flatten(e.operand, into)
  } else into.push(e)
}

function joined(left: Expression, right: Expression): Expression {
  const width = left.width + right.width
  if (left.op === 'const' && right.op === 'const') {
    return { op: 'const', width, value: (left.value << BigInt(right.width)) | right.value }
  }
  return { op: 'concat', width, left, right }
}

/** Stores a chunk at pointer (none: 0) + base + chunk.offset. */
export function storeChunk(
  code: ExpressionCode,
  memory: number,
  pointer: number | undefined,
  base: number,
  chunk: Chunk,
): void {
  const { f } = code
  const { bytes, value } = chunk
  const at = base + chunk.offset
  if (!isRaw(code, value)) {
    const push = (): void => (bytes <= 2 || bytes === 4 ? code.push(value) : code.push64(value))
    return storeBytes(f, memory, pointer, at, bytes, push)
  }
  if (bytes === 1 || bytes === 2 || bytes === 4 || bytes === 8) {
    pushPointer(f, pointer)
    pushRaw(code, value)
    return f.access(
      bytes === 1 ? 'i32.store8' : bytes === 2 ? 'i32.store16' : bytes === 4 ? 'i32.store' : 'i64.store',
      memory,
      at,
    )
  }
  pushRaw(code, value)
  if (bytes === 3) f.op('i64.extend_i32_u')
  const raw = f.stash('i64')
  for (let done = 0; done < bytes;) {
    const size = ([4, 2, 1] as const).find((one) => one <= bytes - done)!
    pushPointer(f, pointer)
    f.get(raw)
    if (done > 0) {
      f.i64(BigInt(8 * done))
      f.op('i64.shr_u')
    }
    f.access(size === 4 ? 'i64.store32' : size === 2 ? 'i64.store16' : 'i64.store8', memory, at + done)
    done += size
  }
}
