/** The operating system's random numbers, fit for secrets. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Random } from './random.ts'

export class OsRandom implements Random {
  u32(): number {
    return randomBytes(4).readUInt32LE()
  }

  float(): number {
    return this.u32() / 0x1_0000_0000
  }

  below(bound: number): number {
    return Math.floor(this.float() * bound)
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(randomBytes(length))
  }

  uuid(): string {
    return randomUUID()
  }

  fork(_label: string): Random {
    return this
  }
}
