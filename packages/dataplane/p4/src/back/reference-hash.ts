/** Hash algorithms over bytes, bit by bit, for the interpreter. See `hash-code.ts` for what they are. */
import type { HashAlgorithm } from '../ir/index.ts'
import { mixOf } from './mix-code.ts'

export function hashOf(algorithm: HashAlgorithm, bytes: Uint8Array): bigint {
  switch (algorithm) {
    case 'crc32':
    case 'crc32_custom':
      return BigInt((reflectedCrc(bytes, 0xedb88320, 0xffffffff) ^ 0xffffffff) >>> 0)
    case 'crc16':
    case 'crc16_custom':
      return BigInt(reflectedCrc(bytes, 0xa001, 0))
    case 'crc8': {
      let crc = 0
      for (const byte of bytes) {
        crc ^= byte
        for (let k = 0; k < 8; k++) crc = ((crc << 1) ^ (crc & 0x80 ? 0x07 : 0)) & 0xff
      }
      return BigInt(crc)
    }
    case 'csum16': {
      let sum = 0
      bytes.forEach((byte, k) => {
        sum += k % 2 === 0 ? byte << 8 : byte
      })
      while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
      return BigInt(sum ^ 0xffff)
    }
    case 'xor16':
      return BigInt(bytes.reduce((sum, byte, k) => sum ^ (k % 2 === 0 ? byte << 8 : byte), 0))
    case 'mix':
      return mixOf(bytes)
    case 'identity':
      return bytes.subarray(0, 8).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  }
}

function reflectedCrc(bytes: Uint8Array, polynomial: number, initial: number): number {
  let crc = initial
  for (const byte of bytes) {
    crc ^= byte
    for (let k = 0; k < 8; k++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0)
  }
  return crc >>> 0
}
