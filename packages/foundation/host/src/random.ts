/** Randomness as a capability: seeded where runs must repeat, the operating system's where secrets are made. */

export interface Random {
  /** Uniform in 0 … 2^32-1. */
  u32(): number
  /** Uniform in [0, 1). */
  float(): number
  /** Uniform integer in 0 … bound-1; `bound` at most 2^32. */
  below(bound: number): number
  bytes(length: number): Uint8Array
  /** A version 4 UUID (RFC 9562 §5.4). */
  uuid(): string
  /**
   * An independent generator named `label`. Two forks with different labels never share a sequence, and adding
   * a consumer does not shift the others, so a seed stays meaningful while code grows.
   */
  fork(label: string): Random
}
