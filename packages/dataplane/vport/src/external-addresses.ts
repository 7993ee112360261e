/**
 * Where external addresses of the rack's instances are: an address and a range of its ports → the sled, VPC and MAC that a switch
 * would send to. What an instance sends to such an address need not go to the switch and back.
 *
 * A flow that goes to a switch because its destination is nobody's here depends on the way out (`versions.ts`), one that takes the
 * short cut on the address; so whatever comes, goes or moves reaches exactly the flows that it is about.
 */
import type { Ip, Mac } from '@lodestone/net'
import { wordsOf } from './address-words.ts'
import type { Versions } from './versions.ts'
import { WordTable } from './word-table.ts'

export interface ExternalMapping {
  readonly external: Ip
  /** Ports of TCP and UDP, or identifiers of ICMP echo; both ends inclusive. All of them: 0 to 65535. */
  readonly firstPort: number
  readonly lastPort: number
  readonly vni: number
  /** Underlay address of the sled. */
  readonly sled: Ip
  /** MAC of the instance's interface. */
  readonly mac: Mac
}

interface Address {
  readonly mappings: readonly ExternalMapping[]
  readonly text: string
  readonly dependency: number
}

/** One owner of an address, with what a flow to it depends on. */
export interface ExternalOwner {
  readonly mapping: ExternalMapping
  readonly dependency: number
}

const KEY_WORDS = 5
const LAST_PORT = 0xffff

export class ExternalAddresses {
  readonly #table = new WordTable(KEY_WORDS, KEY_WORDS, 64)
  readonly #addresses: (Address | undefined)[] = []
  readonly #versions: Versions
  readonly #key = new Int32Array(KEY_WORDS)

  constructor(versions: Versions) {
    this.#versions = versions
  }

  /**
   * @param words where the address's words begin at `at`. @param port of the packet; -1 where it has none: then only an owner of
   * the whole address counts.
   */
  find(words: Int32Array, at: number, family: 4 | 6, port: number): ExternalOwner | undefined {
    this.#setKey(words, at, family)
    const row = this.#table.find(this.#key)
    if (row < 0) return undefined
    const { mappings, dependency } = this.#addresses[row]!
    for (const mapping of mappings) {
      const isOwner =
        port < 0
          ? mapping.firstPort === 0 && mapping.lastPort === LAST_PORT
          : port >= mapping.firstPort && port <= mapping.lastPort
      if (isOwner) return { mapping, dependency }
    }
    return undefined
  }

  /** Makes the table equal to `mappings`. @returns how many addresses changed. */
  replace(mappings: readonly ExternalMapping[]): number {
    const byAddress = new Map<string, ExternalMapping[]>()
    for (const mapping of mappings) {
      const key = mapping.external.toString()
      const list = byAddress.get(key)
      if (list === undefined) byAddress.set(key, [mapping])
      else list.push(mapping)
    }
    let changed = 0
    const wanted = new Set<number>()
    for (const list of byAddress.values()) {
      const sorted = list.toSorted((a, b) => a.firstPort - b.firstPort)
      if (this.#put(sorted)) changed++
      wanted.add(this.#table.find(this.#key))
    }
    const unwanted: number[] = []
    this.#table.forEach((row) => {
      if (!wanted.has(row)) unwanted.push(row)
    })
    for (const row of unwanted) {
      this.#versions.give(this.#addresses[row]!.dependency)
      this.#addresses[row] = undefined
      this.#table.remove(row)
    }
    return changed + unwanted.length
  }

  dump(): ExternalMapping[] {
    const all: ExternalMapping[] = []
    this.#table.forEach((row) => all.push(...this.#addresses[row]!.mappings))
    return all.toSorted((a, b) => a.external.compare(b.external) || a.firstPort - b.firstPort)
  }

  /** Leaves the address's key in `#key`. */
  #put(mappings: readonly ExternalMapping[]): boolean {
    const { external } = mappings[0]!
    const words = wordsOf(external)
    this.#setKey(words, 0, external.family)
    const row = this.#table.find(this.#key)
    const text = mappings.map((m) => `${m.firstPort}-${m.lastPort} ${m.vni} ${m.sled} ${m.mac}`).join()
    if (row >= 0 && this.#addresses[row]!.text === text) return false
    // Flows that went to a switch for want of an owner, and those that had another one.
    this.#versions.bump(this.#versions.wayOut(words, 0, external.family))
    if (row >= 0) {
      const { dependency } = this.#addresses[row]!
      this.#versions.bump(dependency)
      this.#addresses[row] = { mappings, text, dependency }
    } else {
      this.#addresses[this.#table.insert(this.#key)] = { mappings, text, dependency: this.#versions.take() }
    }
    return true
  }

  #setKey(words: Int32Array, at: number, family: 4 | 6): void {
    const key = this.#key
    key[0] = family
    for (let i = 0; i < 4; i++) key[1 + i] = i === 0 || family === 6 ? words[at + i]! : 0
  }
}
