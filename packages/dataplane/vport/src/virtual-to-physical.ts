/** Where the addresses of every VPC live: (VNI, address) → the sled and the MAC of the instance's interface. */
import type { Ip, Mac } from '@lodestone/net'
import { ipOfWords, wordsOf } from './address-words.ts'
import type { Versions } from './versions.ts'
import { WordTable } from './word-table.ts'

export interface VirtualMapping {
  readonly vni: number
  readonly ip: Ip
  /** Underlay address of the sled. */
  readonly sled: Ip
  /** MAC of the instance's interface. */
  readonly mac: Mac
}

/** A mapping as the overlay layer uses it. */
export interface MappingEntry {
  readonly mapping: VirtualMapping
  readonly dependency: number
}

/** Told of each mapping that changes what it was. */
export type MappingListener = (vni: number, ip: Ip, before: VirtualMapping | undefined) => void

export class VirtualToPhysical {
  readonly #table = new WordTable(6, 8, 64)
  readonly #entries: (MappingEntry | undefined)[] = []
  readonly #versions: Versions
  readonly #key = new Int32Array(6)

  constructor(versions: Versions) {
    this.#versions = versions
  }

  get count(): number {
    return this.#table.count
  }

  /** Looks up the address whose words begin at `at`. */
  find(vni: number, words: Int32Array, at: number, family: 4 | 6): MappingEntry | undefined {
    this.#setKey(vni, words, at, family)
    const row = this.#table.find(this.#key)
    return row < 0 ? undefined : this.#entries[row]
  }

  /** Adds or changes one mapping. @returns whether anything changed. */
  put(mapping: VirtualMapping, tell?: MappingListener): boolean {
    this.#setKey(mapping.vni, wordsOf(mapping.ip), 0, mapping.ip.family)
    const row = this.#table.find(this.#key)
    if (row < 0) {
      this.#entries[this.#table.insert(this.#key)] = { mapping, dependency: this.#versions.take() }
      tell?.(mapping.vni, mapping.ip, undefined)
      return true
    }
    const entry = this.#entries[row]!
    if (entry.mapping.sled.equals(mapping.sled) && entry.mapping.mac.equals(mapping.mac)) return false
    this.#entries[row] = { mapping, dependency: entry.dependency }
    this.#versions.bump(entry.dependency)
    tell?.(mapping.vni, mapping.ip, entry.mapping)
    return true
  }

  remove(vni: number, ip: Ip, tell?: MappingListener): boolean {
    this.#setKey(vni, wordsOf(ip), 0, ip.family)
    const row = this.#table.find(this.#key)
    if (row < 0) return false
    const { mapping, dependency } = this.#entries[row]!
    tell?.(vni, ip, mapping)
    this.#versions.give(dependency)
    this.#entries[row] = undefined
    this.#table.remove(row)
    return true
  }

  /** Makes the map equal to `mappings`; what stays the same keeps its version. @returns how many entries changed. */
  replace(mappings: readonly VirtualMapping[], tell?: MappingListener): number {
    const wanted = new Set<number>()
    let changed = 0
    for (const mapping of mappings) {
      if (this.put(mapping, tell)) changed++
      this.#setKey(mapping.vni, wordsOf(mapping.ip), 0, mapping.ip.family)
      wanted.add(this.#table.find(this.#key))
    }
    const unwanted: VirtualMapping[] = []
    this.#table.forEach((row) => {
      if (!wanted.has(row)) unwanted.push(this.#entries[row]!.mapping)
    })
    for (const mapping of unwanted) this.remove(mapping.vni, mapping.ip, tell)
    return changed + unwanted.length
  }

  dump(): VirtualMapping[] {
    const mappings: VirtualMapping[] = []
    this.#table.forEach((row) => mappings.push(this.#entries[row]!.mapping))
    return mappings.sort((a, b) => a.vni - b.vni || a.ip.compare(b.ip))
  }

  /** For messages: the address looked for. */
  static describe(vni: number, words: Int32Array, at: number, family: 4 | 6): string {
    return `${ipOfWords(words, at, family)} in VNI ${vni}`
  }

  #setKey(vni: number, words: Int32Array, at: number, family: 4 | 6): void {
    const key = this.#key
    key[0] = vni
    key[1] = family
    key[2] = words[at]!
    key[3] = family === 4 ? 0 : words[at + 1]!
    key[4] = family === 4 ? 0 : words[at + 2]!
    key[5] = family === 4 ? 0 : words[at + 3]!
  }
}
