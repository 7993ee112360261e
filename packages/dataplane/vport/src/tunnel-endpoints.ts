/**
 * Which switches lead out of the rack: overlay prefix → tunnel endpoints (virtual to boundary). Of the endpoints of the
 * longest matching prefix, those with the lowest metric share the flows by rendezvous hashing: when one leaves, only
 * its own flows move.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { isInPrefix, prefixWords, type PrefixWords, wordsOf } from './address-words.ts'
import type { Versions } from './versions.ts'

export interface TunnelEndpoint {
  readonly address: Ip
  /** VNI of boundary traffic, normally 99. */
  readonly vni: number
  /** Lower is better; measured delay, for instance. */
  readonly metric: number
}

export interface TunnelRoute {
  readonly prefix: Prefix
  readonly endpoints: readonly TunnelEndpoint[]
}

interface Entry {
  readonly route: TunnelRoute
  readonly words: PrefixWords
  readonly best: readonly TunnelEndpoint[]
  /** Hash of each best endpoint's address. */
  readonly hashes: Int32Array
}

/** So that this choice, the floating IP's and the entropy port are independent although all come from one hash. */
const ENDPOINT_SALT = 0x5bd1e995

export class TunnelEndpoints {
  /** Longest prefix first. */
  #entries: readonly Entry[] = []
  #text = ''
  readonly #versions: Versions

  constructor(versions: Versions) {
    this.#versions = versions
  }

  /** Makes the table equal to `routes`. @returns whether anything changed. */
  replace(routes: readonly TunnelRoute[]): boolean {
    const entries = routes.map(entryOf).sort((a, b) => b.route.prefix.length - a.route.prefix.length)
    const text = JSON.stringify(entries.map((entry) => entry.route))
    if (text === this.#text) return false
    this.#text = text
    this.#entries = entries
    this.#versions.bumpWaysOut()
    return true
  }

  find(words: Int32Array, at: number, family: 4 | 6): Entry | undefined {
    for (const entry of this.#entries) if (isInPrefix(words, at, family, entry.words)) return entry
    return undefined
  }

  dump(): TunnelRoute[] {
    return this.#entries.map((entry) => entry.route)
  }

  /** The endpoint for a flow, or `undefined` when the route has none. */
  static choose(entry: Entry, flowHash: number): TunnelEndpoint | undefined {
    let chosen: TunnelEndpoint | undefined
    let highest = -1
    for (let i = 0; i < entry.best.length; i++) {
      const score = mix(flowHash ^ ENDPOINT_SALT, entry.hashes[i]!)
      if (score > highest) {
        highest = score
        chosen = entry.best[i]
      }
    }
    return chosen
  }
}

function entryOf(route: TunnelRoute): Entry {
  const endpoints = [...route.endpoints].sort((a, b) => a.metric - b.metric || a.address.compare(b.address))
  const best = endpoints.filter((endpoint) => endpoint.metric === endpoints[0]!.metric)
  const hashes = Int32Array.from(best, (endpoint) =>
    wordsOf(endpoint.address).reduce((hash, word) => mix(hash, word), 0),
  )
  return { route: { prefix: route.prefix.masked(), endpoints }, words: prefixWords(route.prefix), best, hashes }
}

/** Mixes two words. @returns 0 … 2^32-1. */
export function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ (a >>> 16), 0x7feb352d) ^ Math.imul(b ^ (b >>> 15), 0x846ca68b)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
  return (hash ^ (hash >>> 15)) >>> 0
}
