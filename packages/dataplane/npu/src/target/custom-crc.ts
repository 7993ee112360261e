/** Parameters of the custom crc algorithms, in the usual terms (as the catalogue of parametrised crc algorithms has them). */
import { CUSTOM_CRC, type Generated } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'
import { type ControlResult, done, refused } from './control-result.ts'

export interface CrcParameters {
  /** Without the leading one, highest power first: 0x8005. */
  readonly polynomial: number
  readonly initial: number
  readonly final: number
  readonly reflectInput: boolean
  readonly reflectOutput: boolean
}

export const STANDARD_CRC: Readonly<Record<'crc16_custom' | 'crc32_custom', CrcParameters>> = {
  crc16_custom: { polynomial: 0x8005, initial: 0, final: 0, reflectInput: true, reflectOutput: true },
  crc32_custom: {
    polynomial: 0x04c11db7,
    initial: 0xffffffff,
    final: 0xffffffff,
    reflectInput: true,
    reflectOutput: true,
  },
}

export function writeCrc(
  state: StateMemory,
  generated: Generated,
  algorithm: 'crc16_custom' | 'crc32_custom',
  parameters: CrcParameters,
): ControlResult {
  const bits = algorithm === 'crc16_custom' ? 16 : 32
  const { polynomial, initial, final, reflectInput, reflectOutput } = parameters
  for (const [name, value] of Object.entries({ polynomial, initial, final })) {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** bits) {
      return refused('badValue', `${algorithm}: ${name} ${value} does not fit into ${bits} bits`)
    }
  }
  const block = generated.layout.customCrc[bits]
  const { u32 } = state
  u32[(block + CUSTOM_CRC.initial) >> 2] = reflectInput ? mirror(initial, bits) : initial
  u32[(block + CUSTOM_CRC.final) >> 2] = final
  u32[(block + CUSTOM_CRC.isReflected) >> 2] = reflectInput ? 1 : 0
  u32[(block + CUSTOM_CRC.isMirrored) >> 2] = reflectInput === reflectOutput ? 0 : 1
  const reflected = mirror(polynomial, bits)
  for (let byte = 0; byte < 256; byte++) {
    let crc = reflectInput ? byte : (byte << (bits - 8)) >>> 0
    for (let k = 0; k < 8; k++) {
      if (reflectInput) crc = (crc >>> 1) ^ (crc & 1 ? reflected : 0)
      else crc = (crc << 1) ^ (crc & (2 ** (bits - 1)) ? polynomial : 0)
    }
    u32[((block + CUSTOM_CRC.table) >> 2) + byte] = bits === 16 ? crc & 0xffff : crc >>> 0
  }
  return done
}

function mirror(value: number, bits: number): number {
  let result = 0
  for (let k = 0; k < bits; k++) if (value & (1 << k)) result |= 1 << (bits - 1 - k)
  return result >>> 0
}
