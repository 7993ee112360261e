/**
 * CRCs of inputs whose length is known when the program is compiled, without a loop over bytes. A CRC is linear: each
 * byte contributes the CRC of itself followed by the bytes that are still to come, which is a table lookup of its own, so
 * the lookups of a group of `GROUP` bytes do not wait for each other; only the register carries over from group to group.
 */
import type { Expression } from '../ir/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import type { Runtime } from './runtime-code.ts'
import { STATE } from './value-class.ts'
import { isRaw, pushRaw } from './raw-code.ts'
import { chunksOf } from './wire-code.ts'

/** Bytes taken at once; one table each. Tables of bytes that no input has are never touched. */
export const GROUP = 32

/** The widths of reflected CRCs that have group tables. */
export type CrcBits = 16 | 32

const tables = new Map<CrcBits, Uint32Array<ArrayBuffer>>()

/** `GROUP` tables of 256: table k holds the CRCs, with initial value 0, of a byte and k zero bytes behind it. */
function groupTable(bits: CrcBits, byteTable: Uint32Array): Uint32Array<ArrayBuffer> {
  const known = tables.get(bits)
  if (known !== undefined) return known
  const table = new Uint32Array(256 * GROUP)
  table.set(byteTable)
  for (let k = 256; k < table.length; k++) {
    const before = table[k - 256]!
    table[k] = (before >>> 8) ^ table[before & 0xff]!
  }
  tables.set(bits, table)
  return table
}

/**
 * Pushes the CRC of the inputs as i64.
 * @param address of `groupTable` in memory 1.
 */
export function pushStaticCrc(
  code: ExpressionCode,
  runtime: Runtime,
  inputs: readonly Expression[],
  bits: CrcBits,
  address: number,
  byteTable: Uint32Array,
): void {
  const { f } = code
  const table = groupTable(bits, byteTable)
  runtime.data(`crc${bits} groups`, address, table)
  // As 32-bit halves: shortening a 64-bit value costs an instruction, here once for four bytes.
  const bytes = chunksOf(inputs).flatMap(({ bytes: count, value }) => {
    const areRaw = isRaw(code, value)
    if (areRaw) pushRaw(code, value)
    else code.push(value)
    let low: number
    let high: number
    if (value.width <= 32) high = low = f.stash('i32')
    else {
      const whole = f.stash('i64')
      f.get(whole)
      f.op('i32.wrap_i64')
      low = f.stash('i32')
      f.get(whole)
      f.i64(32n)
      f.op('i64.shr_u')
      f.op('i32.wrap_i64')
      high = f.stash('i32')
    }
    return Array.from({ length: count }, (_, k) => {
      const shift = 8 * (areRaw ? k : count - 1 - k)
      return { local: shift >= 32 ? high : low, shift: shift % 32 }
    })
  })
  const ones = bits === 32
  if (bytes.length === 0) return f.i64(0n)
  // 64 bits wide: V8 performs a 32-bit load twice when it also becomes the operand of an instruction.
  const crc = f.temp('i64')
  for (let from = 0; from < bytes.length; from += GROUP) {
    const group = bytes.slice(from, from + GROUP)
    const lookup = (k: number, pushIndex: () => void): void => {
      pushIndex()
      f.i32(0x3fc)
      f.op('i32.and')
      f.access('i64.load32_u', STATE, address + 1024 * (group.length - 1 - k))
    }
    // In fours, so that the sum waits for no more than the last of them.
    for (let four = 0; four < group.length; four += 4) {
      group.slice(four, four + 4).forEach(({ local, shift }, k) => {
        lookup(four + k, () => {
          // Four times the byte, by one shift.
          f.get(local)
          f.i32(Math.abs(shift - 2))
          f.op(shift > 2 ? 'i32.shr_u' : 'i32.shl')
        })
        if (k > 0) f.op('i64.xor')
      })
      if (four > 0) f.op('i64.xor')
    }
    if (from === 0) {
      if (ones) {
        f.i64(BigInt(initial(table, group.length) >>> 0))
        f.op('i64.xor')
      }
    } else {
      const register = f.temp('i32')
      f.get(crc)
      f.op('i32.wrap_i64')
      f.set(register)
      for (let k = 0; k < Math.min(bits / 8, group.length); k++) {
        lookup(k, () => {
          f.get(register)
          f.i32(Math.abs(8 * k - 2))
          f.op(k === 0 ? 'i32.shl' : 'i32.shr_u')
        })
        f.op('i64.xor')
      }
      if (group.length < bits / 8) {
        f.get(crc)
        f.i64(BigInt(8 * group.length))
        f.op('i64.shr_u')
        f.op('i64.xor')
      }
    }
    f.set(crc)
  }
  f.get(crc)
  if (ones) {
    f.i64(0xffffffffn)
    f.op('i64.xor')
  }
}

/** What an initial value of all ones has become after `length` zero bytes. */
function initial(table: Uint32Array, length: number): number {
  let crc = 0xffffffff
  for (let k = 0; k < length; k++) crc = (crc >>> 8) ^ table[crc & 0xff]!
  return crc
}
