/**
 * The `hash` statement. Inputs are concatenated in network order and padded with zero bits to whole bytes.
 *
 * crc32: IEEE 802.3 (reflected 0x04c11db7, initial and final all ones). crc16: ARC (reflected 0x8005, initial 0).
 * crc8: polynomial 0x07, not reflected, initial 0. csum16: RFC 1071, complemented. xor16: exclusive or of 16-bit words.
 * identity: the first eight bytes, as a number. crc16_custom, crc32_custom: see
 * `custom-crc-code`. mix: see `mix-code`.
 */
import type { Expression, HashAlgorithm, Program, Statement } from '../ir/index.ts'
import type { FunctionRef } from '../wasm/index.ts'
import { pushStaticCrc } from './crc-code.ts'
import { customCrcFunction } from './custom-crc-code.ts'
import type { ExpressionCode } from './expression-code.ts'
import { imageBit, storeSlot, storeSlotWord } from './slot-code.ts'
import { pushBits, pushWord } from './word-code.ts'
import { ARENA, STATE } from './value-class.ts'
import { CELL, type Layout } from './layout.ts'
import type { Runtime } from './runtime-code.ts'
import { mixFunction, pushStaticMix } from './mix-code.ts'
import { storeBits } from './varbit-code.ts'
import { chunksOf } from './wire-code.ts'

type Hash = Extract<Statement, { kind: 'hash' }>

const byteTables = new Map<number, Uint32Array<ArrayBuffer>>()

function byteTableOf(bits: 8 | 16 | 32): Uint32Array<ArrayBuffer> {
  const known = byteTables.get(bits) ?? crcTable(bits)
  byteTables.set(bits, known)
  return known
}

export function crcTable(bits: 8 | 16 | 32): Uint32Array<ArrayBuffer> {
  const polynomial = { 8: 0x07, 16: 0xa001, 32: 0xedb88320 }[bits]
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let k = 0; k < 8; k++) {
      if (bits === 8) crc = ((crc << 1) ^ (crc & 0x80 ? polynomial : 0)) & 0xff
      else crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0)
    }
    return crc >>> 0
  })
}

/**
 * Writes the statement's effect.
 * @param pushPayload pushes the address of the first byte that is not parsed.
 */
export function writeHashStatement(
  code: ExpressionCode,
  program: Program,
  layout: Layout,
  runtime: Runtime,
  statement: Hash,
  pushPayload: () => void,
): void {
  const { f } = code
  const inputs = statement.inputs.filter((input) => input.width > 0)
  const isStatic =
    !statement.payload && statement.skip === undefined && !inputs.some((input) => isVarbit(program, input))
  if (isStatic && statement.algorithm === 'identity') {
    return writeResult(code, program, statement, () => pushIdentity(code, inputs))
  }
  if (isStatic && statement.algorithm === 'csum16') {
    return writeResult(code, program, statement, () => {
      pushChecksumSum(code, inputs)
      f.call(foldChecksum(runtime))
    })
  }
  if (isStatic && statement.algorithm === 'mix') {
    return writeResult(code, program, statement, () => pushStaticMix(code, inputs))
  }
  const isPlainCrc = statement.algorithm === 'crc32' || statement.algorithm === 'crc16'
  if (isStatic && isPlainCrc && statement.from === undefined) {
    const bits = statement.algorithm === 'crc32' ? 32 : 16
    const groups = bits === 32 ? layout.crc32Groups : layout.crc16Groups
    return writeResult(code, program, statement, () => {
      pushStaticCrc(code, runtime, inputs, bits, groups, byteTableOf(bits))
    })
  }
  const length = writeBytes(code, program, layout, runtime, inputs, statement.payload ? pushPayload : undefined)
  const from = f.temp('i32')
  f.i32(layout.scratch)
  f.set(from)
  if (statement.skip !== undefined) {
    code.pushClamped32(statement.skip)
    const skip = f.stash('i32')
    for (const [local, operator] of [
      [from, 'i32.add'],
      [length, 'i32.sub'],
    ] as const) {
      f.get(local)
      f.get(skip)
      f.op(operator)
      f.set(local)
    }
  }
  writeResult(code, program, statement, () => {
    f.get(from)
    f.get(length)
    if (isCrc(statement.algorithm)) {
      if (statement.from === undefined) f.i32(0)
      else code.push(statement.from)
    }
    f.call(bytesFunction(runtime, layout, statement.algorithm))
  })
}

/** slot = hash, or base + hash mod max; `push` leaves the hash as i64. */
function writeResult(code: ExpressionCode, program: Program, statement: Hash, push: () => void): void {
  const { f } = code
  const { slot, base, max } = statement
  const { width } = program.slots[slot]!
  push()
  if (max !== undefined) {
    const hash = f.stash('i64')
    pushWord(code, code.words(max)[0]!)
    const divisor = f.stash('i64')
    f.get(divisor)
    f.op('i64.eqz')
    f.if(
      'i64',
      () => f.i64(0n),
      () => {
        f.get(hash)
        f.get(divisor)
        f.op('i64.rem_u')
      },
    )
  }
  const reduced = f.stash('i64')
  let value = reduced
  if (base !== undefined) {
    pushWord(code, code.words(base)[0]!)
    f.get(reduced)
    f.op('i64.add')
    value = f.stash('i64')
  }
  if (width <= 64) {
    return storeSlot(code, slot, () => {
      pushBits(code, [{ kind: 'local', local: value }], 0, width)
      if (width <= 32) f.op('i32.wrap_i64')
    })
  }
  for (let k = 0; k < Math.ceil(width / 64); k++) {
    storeSlotWord(code, slot, k, () => (k === 0 ? f.get(value) : f.i64(0n)))
  }
}

function pushIdentity(code: ExpressionCode, inputs: readonly Expression[]): void {
  const { f } = code
  const [first, ...rest] = inputs
  if (first === undefined) return f.i64(0n)
  const whole = rest.reduce((left, right): Expression => {
    return { op: 'concat', width: left.width + right.width, left, right }
  }, first)
  const { width } = whole
  pushBits(code, code.words(whole), Math.max(0, width - 64), Math.min(64, width))
  const padding = width < 64 ? (8 - (width % 8)) % 8 : 0
  if (padding === 0) return
  f.i64(BigInt(padding))
  f.op('i64.shl')
}

/** The unfolded sum of 16-bit words of the inputs, as i64. */
function pushChecksumSum(code: ExpressionCode, inputs: readonly Expression[]): void {
  const { f } = code
  f.i64(0n)
  let done = 0
  for (let from = 0; from < inputs.length;) {
    const count = done % 16 === 0 ? imageRun(code, inputs, from) : 0
    const part = count > 0 ? inputs.slice(from, from + count) : inputs.slice(from)
    if (count > 0) pushImageSum(code, part)
    else pushPieceSum(code, part)
    done += part.reduce((sum, { width }) => sum + width, 0)
    from += part.length
  }
}

/** How many inputs from this one on are fields of one image, side by side, and whole 16-bit words from a whole byte on. */
function imageRun(code: ExpressionCode, inputs: readonly Expression[], from: number): number {
  let best = 0
  let next: number | undefined
  let bits = 0
  for (let k = from; k < inputs.length; k++) {
    const input = inputs[k]!
    const bit = input.op === 'load' ? imageBit(code, input.slot) : undefined
    if (bit === undefined || (next === undefined ? bit % 8 !== 0 : bit !== next)) break
    next = bit + input.width
    bits += input.width
    if (bits % 16 === 0) best = k + 1 - from
  }
  return best
}

/** Adds the words of a piece of an image. The sum in the other byte order is 256 times this one, modulo 65535 (RFC 1071 §2). */
function pushImageSum(code: ExpressionCode, inputs: readonly Expression[]): void {
  const { f } = code
  const first = inputs[0]!
  if (first.op !== 'load') throw new Error('not a field of an image')
  const address = imageBit(code, first.slot)! >> 3
  const bytes = inputs.reduce((sum, { width }) => sum + width, 0) >> 3
  for (let at = 0; at < bytes; at += 4) {
    f.i32(0)
    f.access(bytes - at >= 4 ? 'i64.load32_u' : 'i64.load16_u', STATE, address + at)
    if (at > 0) f.op('i64.add')
  }
  shiftByte(code)
  f.op('i64.add')
}

function pushPieceSum(code: ExpressionCode, inputs: readonly Expression[]): void {
  const { f } = code
  for (const { offset, bytes, value } of chunksOf(inputs)) {
    // 2^16 is 1 modulo 65535, so a piece may be added whole once it stands at an even byte.
    const isOdd = (offset + bytes) % 2 === 1
    if (bytes > 4) {
      const words = code.words(value)
      for (const [low, width] of [
        [0, 32],
        [32, value.width - 32],
      ] as const) {
        pushBits(code, words, low, width)
        if (isOdd) shiftByte(code)
        f.op('i64.add')
      }
    } else {
      code.push64(value)
      if (isOdd) shiftByte(code)
      f.op('i64.add')
    }
  }
}

function shiftByte(code: ExpressionCode): void {
  code.f.i64(8n)
  code.f.op('i64.shl')
}

/** i64 sum → complemented 16-bit sum: the upper half, after adding the sum with its halves exchanged, has all carries in it. */
function foldChecksum(runtime: Runtime): FunctionRef {
  return runtime.once('foldChecksum', ['i64'], ['i64'], (f) => {
    const half = f.local('i32')
    f.get(0)
    f.get(0)
    f.i64(32n)
    f.op('i64.rotl')
    f.op('i64.add')
    f.i64(32n)
    f.op('i64.shr_u')
    f.op('i32.wrap_i64')
    f.tee(half)
    f.get(half)
    f.i32(16)
    f.op('i32.rotl')
    f.op('i32.add')
    f.i32(-1)
    f.op('i32.xor')
    f.i32(16)
    f.op('i32.shr_u')
    f.op('i64.extend_i32_u')
  })
}

/** Writes inputs and payload to the scratch area; @returns a local with the length in bytes. */
function writeBytes(
  code: ExpressionCode,
  program: Program,
  layout: Layout,
  runtime: Runtime,
  inputs: readonly Expression[],
  pushPayload: (() => void) | undefined,
): number {
  const { f } = code
  const at = f.temp('i32')
  f.i32(layout.scratch)
  f.set(at)
  storeBits(code, layout, runtime, inputs, STATE, at)
  if (pushPayload !== undefined) {
    const length = f.temp('i32')
    const room = f.temp('i32')
    f.i32(0)
    f.access('i32.load', STATE, CELL.frameEnd)
    pushPayload()
    f.op('i32.sub')
    f.set(length)
    writeTruncation(code, program, length)
    f.i32(layout.scratch + layout.scratchBytes)
    f.get(at)
    f.op('i32.sub')
    f.set(room)
    f.get(length)
    f.get(room)
    f.get(length)
    f.get(room)
    f.op('i32.lt_u')
    f.op('select')
    f.set(length)
    f.get(at)
    pushPayload()
    f.get(length)
    f.memoryCopy(STATE, ARENA)
    f.get(at)
    f.get(length)
    f.op('i32.add')
    f.set(at)
  }
  const length = f.temp('i32')
  f.get(at)
  f.i32(layout.scratch)
  f.op('i32.sub')
  f.set(length)
  return length
}

/** BMv2's payload ends where the packet is to be truncated, as if it were all of it. */
function writeTruncation(code: ExpressionCode, program: Program, length: number): void {
  const { f } = code
  const slot = program.intrinsics['target.truncate']
  if (program.isBmv2 !== true || slot === undefined) return
  // The slot holds the length plus one, and 0 for none: the latter is more than any length here.
  code.push({ op: 'load', width: 32, slot })
  f.i32(1)
  f.op('i32.sub')
  const kept = f.stash('i32')
  f.get(length)
  f.get(kept)
  f.get(length)
  f.get(kept)
  f.op('i32.lt_u')
  f.op('select')
  f.set(length)
}

function isCrc(algorithm: HashAlgorithm): boolean {
  return algorithm.startsWith('crc')
}

/** (address, length) → i64, over bytes in memory 1; for a crc (address, length, hash of what went before). */
function bytesFunction(runtime: Runtime, layout: Layout, algorithm: HashAlgorithm): FunctionRef {
  if (algorithm === 'csum16' || algorithm === 'xor16') return sixteenBitFunction(runtime, algorithm)
  if (algorithm === 'identity') return identityFunction(runtime)
  if (algorithm === 'mix') return mixFunction(runtime)
  if (algorithm === 'crc16_custom') return customCrcFunction(runtime, layout.customCrc[16], 16)
  if (algorithm === 'crc32_custom') return customCrcFunction(runtime, layout.customCrc[32], 32)
  const bits = algorithm === 'crc8' ? 8 : algorithm.startsWith('crc16') ? 16 : 32
  const table = { 8: layout.crc8Table, 16: layout.crc16Table, 32: layout.crc32Table }[bits]
  return runtime.once(`crc${bits}`, ['i32', 'i32', 'i32'], ['i64'], (f) => {
    runtime.data(`crc${bits} bytes`, table, byteTableOf(bits))
    const crc = f.local('i32', 'crc')
    f.get(2)
    if (bits === 32) {
      f.i32(-1)
      f.op('i32.xor')
    }
    f.set(crc)
    f.block(undefined, (done) => {
      f.loop((again) => {
        f.get(1)
        f.op('i32.eqz')
        f.brIf(done)
        // A reflected crc consumes its low byte; crc8 is its own next index.
        f.get(crc)
        f.get(0)
        f.access('i32.load8_u', STATE, 0)
        f.op('i32.xor')
        f.i32(0xff)
        f.op('i32.and')
        f.i32(2)
        f.op('i32.shl')
        f.access('i32.load', STATE, table)
        if (bits > 8) {
          f.get(crc)
          f.i32(8)
          f.op('i32.shr_u')
          f.op('i32.xor')
        }
        f.set(crc)
        f.get(0)
        f.i32(1)
        f.op('i32.add')
        f.set(0)
        f.get(1)
        f.i32(1)
        f.op('i32.sub')
        f.set(1)
        f.br(again)
      })
    })
    f.get(crc)
    if (bits === 32) {
      f.i32(-1)
      f.op('i32.xor')
    }
    f.op('i64.extend_i32_u')
  })
}

function identityFunction(runtime: Runtime): FunctionRef {
  return runtime.once('identity', ['i32', 'i32'], ['i64'], (f) => {
    const value = f.local('i64', 'value')
    const end = f.local('i32', 'end')
    f.get(0)
    f.get(1)
    f.i32(8)
    f.get(1)
    f.i32(8)
    f.op('i32.lt_u')
    f.op('select')
    f.op('i32.add')
    f.set(end)
    f.block(undefined, (done) => {
      f.loop((again) => {
        f.get(0)
        f.get(end)
        f.op('i32.eq')
        f.brIf(done)
        f.get(value)
        f.i64(8n)
        f.op('i64.shl')
        f.get(0)
        f.access('i64.load8_u', STATE, 0)
        f.op('i64.or')
        f.set(value)
        f.get(0)
        f.i32(1)
        f.op('i32.add')
        f.set(0)
        f.br(again)
      })
    })
    f.get(value)
  })
}

function sixteenBitFunction(runtime: Runtime, algorithm: 'csum16' | 'xor16'): FunctionRef {
  return runtime.once(algorithm, ['i32', 'i32'], ['i64'], (f) => {
    const sum = f.local('i64', 'sum')
    const operator = algorithm === 'csum16' ? 'i64.add' : 'i64.xor'
    f.block(undefined, (done) => {
      f.loop((again) => {
        f.get(1)
        f.op('i32.eqz')
        f.brIf(done)
        f.get(sum)
        f.get(0)
        f.access('i64.load8_u', STATE, 0)
        f.i64(8n)
        f.op('i64.shl')
        f.op(operator)
        f.set(sum)
        f.get(1)
        f.i32(1)
        f.op('i32.eq')
        f.brIf(done)
        f.get(sum)
        f.get(0)
        f.access('i64.load8_u', STATE, 1)
        f.op(operator)
        f.set(sum)
        f.get(0)
        f.i32(2)
        f.op('i32.add')
        f.set(0)
        f.get(1)
        f.i32(2)
        f.op('i32.sub')
        f.set(1)
        f.br(again)
      })
    })
    f.get(sum)
    if (algorithm === 'csum16') f.call(foldChecksum(runtime))
  })
}

function isVarbit(program: Program, e: Expression): boolean {
  return e.op === 'load' && program.slots[e.slot]!.kind === 'varbit'
}
