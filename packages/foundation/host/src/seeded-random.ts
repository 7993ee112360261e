/** Random numbers that repeat: xoroshiro128+ (from `pure-rand`) over a seed; forks hash their label into it. */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import type { Random } from './random.ts'

export class SeededRandom implements Random {
  readonly #seed: number
  readonly #generator: ReturnType<typeof xoroshiro128plus>

  constructor(seed: number) {
    this.#seed = seed | 0
    this.#generator = xoroshiro128plus(this.#seed)
  }

  u32(): number {
    return this.#generator.next() >>> 0
  }

  float(): number {
    return this.u32() / 0x1_0000_0000
  }

  below(bound: number): number {
    return Math.floor(this.float() * bound)
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let i = 0; i < length; i++) out[i] = this.u32() & 0xff
    return out
  }

  uuid(): string {
    return uuidFromBytes(this.bytes(16))
  }

  fork(label: string): Random {
    // FNV-1a over the label, mixed with the seed.
    let hash = 0x811c9dc5 ^ this.#seed
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b)
    return new SeededRandom(hash ^ (hash >>> 15))
  }
}

/** Formats 16 random bytes as a version 4 UUID; overwrites the version and variant bits. */
export function uuidFromBytes(bytes: Uint8Array): string {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
