/**
 * Ids of P4Runtime objects (P4Runtime 1.4, section 6.3): eight bits say what kind of object it is, the others are a hash
 * of its name, so that an id stays the same when other parts of the program change. `@id` gives one explicitly.
 */
import type { Annotation } from '../syntax/ast.ts'

export const ID_PREFIX = {
  action: 0x01,
  table: 0x02,
  valueSet: 0x03,
  controllerHeader: 0x04,
  actionProfile: 0x11,
  counter: 0x12,
  directCounter: 0x13,
  meter: 0x14,
  directMeter: 0x15,
  register: 0x16,
  digest: 0x17,
} as const

export type IdKind = keyof typeof ID_PREFIX

const SUFFIX_MASK = 0xffffff

export class Ids {
  readonly #used = new Set<number>()
  readonly #known = new Map<string, number>()

  /** The id of an object; the same for the same kind and name. */
  of(kind: IdKind, name: string, annotations: readonly Annotation[] = []): number {
    const key = `${kind} ${name}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const base = ID_PREFIX[kind] * (SUFFIX_MASK + 1)
    let suffix = givenId(annotations) ?? hashOf(name)
    while (this.#used.has(base + (suffix & SUFFIX_MASK))) suffix += 1
    const id = base + (suffix & SUFFIX_MASK)
    this.#used.add(id)
    this.#known.set(key, id)
    return id
  }
}

/** The number in `@id(n)`; its prefix bits, if any, are those of the kind anyway. */
export function givenId(annotations: readonly Annotation[]): number | undefined {
  const value = annotations.find((annotation) => annotation.name.text === 'id')?.values[0]
  return value?.kind === 'Integer' ? Number(BigInt.asUintN(24, value.value)) : undefined
}

/** Bob Jenkins's one-at-a-time hash, which p4c uses too: common programs get the same ids from both. */
function hashOf(name: string): number {
  let hash = 0
  for (const byte of new TextEncoder().encode(name)) {
    hash = (hash + byte) | 0
    hash = (hash + (hash << 10)) | 0
    hash ^= hash >>> 6
  }
  hash = (hash + (hash << 3)) | 0
  hash ^= hash >>> 11
  hash = (hash + (hash << 15)) | 0
  return hash & SUFFIX_MASK
}
