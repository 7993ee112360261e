/**
 * Parser value sets (P4-16 §12.11) from the control plane's side. A set is rows of value and mask, or of bounds, in memory 1
 * (`ValueSetLayout`); the parser looks at them from the first on.
 */
import type { Generated, KeySet, Program } from '@lodestone/p4'
import type { StateMemory } from '../state-memory.ts'
import { canonical } from '../table/packed-key.ts'
import { type ControlResult, done, refused } from './control-result.ts'

type Declared = Program['valueSets'][number]
type Layout = Generated['layout']['valueSets'][number]

export class ValueSetControl {
  readonly name: string
  readonly size: number
  readonly #set: Declared
  readonly #layout: Layout
  readonly #state: StateMemory
  #members: (readonly KeySet[])[] = []

  constructor(set: Declared, layout: Layout, state: StateMemory) {
    this.name = set.name
    this.size = set.size
    this.#set = set
    this.#layout = layout
    this.#state = state
  }

  get members(): readonly (readonly KeySet[])[] {
    return this.#members
  }

  add(keys: readonly KeySet[]): ControlResult {
    if (this.#members.length >= this.size) return refused('full', `${this.name}: all ${this.size} members are in use`)
    const problem = this.#problem(keys)
    if (problem !== undefined) return refused('badValue', `${this.name}: ${problem}`)
    if (this.#indexOf(keys) >= 0) return refused('exists', `${this.name} has this member already`)
    this.#members.push(keys)
    this.#write()
    return done
  }

  remove(keys: readonly KeySet[]): ControlResult {
    const index = this.#indexOf(keys)
    if (index < 0) return refused('notFound', `${this.name} has no such member`)
    this.#members.splice(index, 1)
    this.#write()
    return done
  }

  /** All members at once. */
  replace(members: readonly (readonly KeySet[])[]): ControlResult {
    if (members.length > this.size) {
      return refused('full', `${this.name} has room for ${this.size} members, not ${members.length}`)
    }
    for (const keys of members) {
      const problem = this.#problem(keys)
      if (problem !== undefined) return refused('badValue', `${this.name}: ${problem}`)
    }
    this.#members = [...members]
    this.#write()
    return done
  }

  #indexOf(keys: readonly KeySet[]): number {
    const text = (member: readonly KeySet[]): string =>
      member.map((key) => Object.values(key).map(String).join(':')).join()
    const wanted = text(keys)
    return this.#members.findIndex((member) => text(member) === wanted)
  }

  #problem(keys: readonly KeySet[]): string | undefined {
    const declared = this.#set.keys
    if (keys.length !== declared.length) {
      return `a member has ${declared.length} keys (${declared.map((key) => key.name).join(', ')}), not ${keys.length}`
    }
    for (const [k, key] of keys.entries()) {
      const { name, width, match } = declared[k]!
      if (!allowed(match, key.kind)) return `'${name}' is a key of kind ${match}: it takes no ${key.kind}`
      const values =
        key.kind === 'exact' || key.kind === 'lpm'
          ? [key.value]
          : key.kind === 'ternary'
            ? [key.value, key.mask]
            : key.kind === 'range'
              ? [key.low, key.high]
              : []
      for (const value of values) {
        if (value < 0n || value >= 1n << BigInt(width))
          return `${value} does not fit into the ${width} bits of '${name}'`
      }
      if (key.kind === 'lpm' && !(key.length >= 0 && key.length <= width)) {
        return `/${key.length} is no prefix of the ${width} bits of '${name}'`
      }
      const same = canonical(key, width)
      if ('value' in key && 'value' in same && key.value !== same.value) {
        return `${key.value} of '${name}' has bits set that do not take part in the match: without them it is ${same.value}`
      }
      if (key.kind === 'range' && key.low > key.high) return `the range ${key.low}..${key.high} of '${name}' is empty`
    }
    return undefined
  }

  #write(): void {
    const { address, rowBytes, keys } = this.#layout
    const { u64, u32 } = this.#state
    this.#members.forEach((member, row) => {
      member.forEach((set, k) => {
        const { width, offset, words } = keys[k]!
        const [first, second] = rowOf(set, width, this.#set.keys[k]!.match === 'range')
        const at = (address + 8 + row * rowBytes + offset) >> 3
        for (let word = 0; word < words; word++) {
          u64[at + word] = BigInt.asUintN(64, first >> BigInt(64 * word))
          u64[at + words + word] = BigInt.asUintN(64, second >> BigInt(64 * word))
        }
      })
    })
    u32[address >> 2] = this.#members.length
  }
}

function allowed(match: string, kind: KeySet['kind']): boolean {
  if (kind === 'exact') return true
  switch (match) {
    case 'lpm':
      return kind === 'lpm' || kind === 'any'
    case 'ternary':
      return kind === 'ternary' || kind === 'any'
    case 'range':
      return kind === 'range' || kind === 'any'
    case 'optional':
      return kind === 'any'
    default:
      return false
  }
}

/** (value, mask), or (low, high) for a range. */
function rowOf(set: KeySet, width: number, isRange: boolean): readonly [bigint, bigint] {
  const full = (1n << BigInt(width)) - 1n
  switch (set.kind) {
    case 'any':
      return isRange ? [0n, full] : [0n, 0n]
    case 'exact':
      return isRange ? [set.value, set.value] : [set.value, full]
    case 'lpm': {
      const mask = full ^ ((1n << BigInt(width - set.length)) - 1n)
      return [set.value & mask, mask]
    }
    case 'ternary':
      return [set.value & set.mask, set.mask]
    case 'range':
      return [set.low, set.high]
  }
}
