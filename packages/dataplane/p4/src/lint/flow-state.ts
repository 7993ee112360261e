/**
 * What is known at a point of the program: which combinations of headers may be valid there, and whether the packet has
 * been dropped. Combinations rather than single headers, because `tcp.isValid()` says something about ipv4 too.
 */
import type { Range } from '../source/range.ts'

export interface Drop {
  readonly range: Range
  /** On every path that leads here. */
  readonly isMust: boolean
  /** By an action that a table chose. */
  readonly isByTable: boolean
  /** How many conditions surrounded it. */
  readonly depth: number
}

export interface FlowState {
  /** Bit i of a combination: header i is valid. Undefined: nothing is known. Empty: no path leads here. */
  readonly combinations: ReadonlySet<bigint> | undefined
  readonly drop: Drop | undefined
}

/** More combinations than this are given up. */
const MAX_COMBINATIONS = 600

export const UNREACHABLE: FlowState = { combinations: new Set(), drop: undefined }

export function isDead(state: FlowState): boolean {
  return state.combinations !== undefined && state.combinations.size === 0
}

export function joined(a: FlowState, b: FlowState): FlowState {
  if (isDead(a)) return b
  if (isDead(b)) return a
  const drop = joinedDrop(a.drop, b.drop)
  if (a.combinations === undefined || b.combinations === undefined) return { combinations: undefined, drop }
  const combinations = new Set([...a.combinations, ...b.combinations])
  return { combinations: combinations.size > MAX_COMBINATIONS ? undefined : combinations, drop }
}

function joinedDrop(a: Drop | undefined, b: Drop | undefined): Drop | undefined {
  const one = a ?? b
  if (one === undefined) return undefined
  return { ...one, isMust: a !== undefined && b !== undefined && a.isMust && b.isMust }
}

/** Only the combinations with (or without) the header. */
export function assuming(state: FlowState, bit: bigint, isValid: boolean): FlowState {
  if (state.combinations === undefined) return state
  const kept = [...state.combinations].filter((combination) => ((combination & bit) !== 0n) === isValid)
  return { ...state, combinations: new Set(kept) }
}

/** After the header became valid, invalid, or (undefined) either. */
export function withValidity(state: FlowState, bit: bigint, isValid: boolean | undefined): FlowState {
  if (state.combinations === undefined) return state
  const next = new Set<bigint>()
  for (const combination of state.combinations) {
    if (isValid !== false) next.add(combination | bit)
    if (isValid !== true) next.add(combination & ~bit)
  }
  return { ...state, combinations: next.size > MAX_COMBINATIONS ? undefined : next }
}

/** `to` becomes as valid as `from` is. */
export function withCopied(state: FlowState, to: bigint, from: bigint): FlowState {
  if (state.combinations === undefined) return state
  const next = new Set<bigint>()
  for (const combination of state.combinations) {
    next.add((combination & from) !== 0n ? combination | to : combination & ~to)
  }
  return { ...state, combinations: next }
}

export function isNeverValid(state: FlowState, bit: bigint): boolean {
  if (state.combinations === undefined || state.combinations.size === 0) return false
  for (const combination of state.combinations) if ((combination & bit) !== 0n) return false
  return true
}

export function isAlwaysValid(state: FlowState, bit: bigint): boolean {
  if (state.combinations === undefined) return true
  for (const combination of state.combinations) if ((combination & bit) === 0n) return false
  return true
}
