/**
 * Passwords: argon2id (RFC 9106) with a salt of the host's randomness. Hashing runs on this thread: a thread pool has
 * no place under a virtual clock. The parameters travel in the hash, so old hashes stay valid when they change.
 */
import { hashSync, verifySync } from '@node-rs/argon2'
import type { Random } from '@lodestone/host'

export interface PasswordCost {
  readonly memoryKiB: number
  readonly iterations: number
}

/** About 20 ms and 19 MiB: what OWASP recommends at least. */
export const DEFAULT_PASSWORD_COST: PasswordCost = { memoryKiB: 19_456, iterations: 2 }

/** `Algorithm.Argon2id`; the package exports a const enum, which type stripping cannot read. */
const ARGON2ID = 2
const SALT_BYTES = 16
const HASH_BYTES = 32

export function hashPassword(password: string, random: Random, cost: PasswordCost): string {
  return hashSync(password, {
    algorithm: ARGON2ID,
    memoryCost: cost.memoryKiB,
    timeCost: cost.iterations,
    parallelism: 1,
    salt: random.bytes(SALT_BYTES),
  })
}

/** What no password has, and takes as long to verify as what one has. Making it costs nothing. */
export function hashOfNobody(random: Random, { memoryKiB, iterations }: PasswordCost): string {
  const text = (length: number): string => Buffer.from(random.bytes(length)).toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memoryKiB},t=${iterations},p=1$${text(SALT_BYTES)}$${text(HASH_BYTES)}`
}

export function verifyPassword(hash: string, password: string): boolean {
  return verifySync(hash, password)
}
