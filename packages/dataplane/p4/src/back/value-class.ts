/** The words generated code is written in: the two memories, and how a value of some width is held. */

/** Memory 0: the pipeline's own. Engines keep the base of the first memory at hand; most accesses are to this one. */
export const STATE = 0
/** Memory 1: the arena. */
export const ARENA = 1

export type Class = 'i32' | 'i64'

/** Of a value of up to 64 bits. */
export function classOf(width: number): Class {
  return width <= 32 ? 'i32' : 'i64'
}

/** All ones. */
export function mask(width: number): bigint {
  return (1n << BigInt(width)) - 1n
}
