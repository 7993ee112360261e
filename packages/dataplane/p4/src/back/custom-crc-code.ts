/**
 * crc16_custom and crc32_custom: what they compute is the control plane's to say. Per width, a block of memory 1 holds the
 * parameters and a table of 256 words that the host fills (`CUSTOM_CRC`).
 */
import type { FunctionRef } from '../wasm/index.ts'
import type { Runtime } from './runtime-code.ts'
import { STATE } from './value-class.ts'

export const CUSTOM_CRC = {
  /** Register at the beginning, as the loop keeps it: mirrored where data is reflected. */
  initial: 0,
  /** Exclusive or at the end. */
  final: 4,
  /** 1: bytes go in low bit first, and the table is for that. */
  isReflected: 8,
  /** 1: the register is mirrored at the end. */
  isMirrored: 12,
  table: 16,
} as const
export const CUSTOM_CRC_BYTES = 16 + 1024

/** (address, length, ignored) → i64 */
export function customCrcFunction(runtime: Runtime, block: number, bits: 16 | 32): FunctionRef {
  return runtime.once(`customCrc${bits}`, ['i32', 'i32', 'i32'], ['i64'], (f) => {
    const crc = f.local('i32', 'crc')
    const byte = f.local('i32', 'byte')
    const left = f.local('i32', 'left')
    const mirrored = f.local('i32', 'mirrored')
    const cell = (offset: number): void => {
      f.i32(0)
      f.access('i32.load', STATE, block + offset)
    }
    const entry = (): void => {
      f.i32(2)
      f.op('i32.shl')
      f.access('i32.load', STATE, block + CUSTOM_CRC.table)
    }
    cell(CUSTOM_CRC.initial)
    f.set(crc)
    f.block(undefined, (done) => {
      f.loop((again) => {
        f.get(1)
        f.op('i32.eqz')
        f.brIf(done)
        f.get(0)
        f.access('i32.load8_u', STATE, 0)
        f.set(byte)
        cell(CUSTOM_CRC.isReflected)
        f.if(
          undefined,
          () => {
            f.get(crc)
            f.get(byte)
            f.op('i32.xor')
            f.i32(0xff)
            f.op('i32.and')
            entry()
            f.get(crc)
            f.i32(8)
            f.op('i32.shr_u')
            f.op('i32.xor')
            f.set(crc)
          },
          () => {
            f.get(crc)
            f.i32(bits - 8)
            f.op('i32.shr_u')
            f.get(byte)
            f.op('i32.xor')
            f.i32(0xff)
            f.op('i32.and')
            entry()
            f.get(crc)
            f.i32(8)
            f.op('i32.shl')
            f.op('i32.xor')
            if (bits === 16) {
              f.i32(0xffff)
              f.op('i32.and')
            }
            f.set(crc)
          },
        )
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
    cell(CUSTOM_CRC.isMirrored)
    f.if(undefined, () => {
      f.i32(bits)
      f.set(left)
      f.loop((again) => {
        f.get(mirrored)
        f.i32(1)
        f.op('i32.shl')
        f.get(crc)
        f.i32(1)
        f.op('i32.and')
        f.op('i32.or')
        f.set(mirrored)
        f.get(crc)
        f.i32(1)
        f.op('i32.shr_u')
        f.set(crc)
        f.get(left)
        f.i32(1)
        f.op('i32.sub')
        f.set(left)
        f.get(left)
        f.brIf(again)
      })
      f.get(mirrored)
      f.set(crc)
    })
    f.get(crc)
    cell(CUSTOM_CRC.final)
    f.op('i32.xor')
    f.op('i64.extend_i32_u')
  })
}
