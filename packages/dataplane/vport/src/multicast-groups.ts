/**
 * Who receives what is sent to a multicast group of a VPC: ports of this sled that have subscribed, by their configuration or
 * because their guest has joined, and other sleds with such ports. A sender's sled sends one copy to each of these sleds; there a copy goes to each subscribed port whose source filter
 * admits it (RFC 3376 §3.2), and nowhere else.
 */
import type { Ip, Mac } from '@lodestone/net'
import { isAddress, wordsOf } from './address-words.ts'
import type { MulticastSubscription } from './port-config.ts'
import { WordTable } from './word-table.ts'

export interface MulticastGroup {
  readonly vni: number
  readonly group: Ip
  /** Underlay addresses of the sleds with subscribed ports; this sled's own may be among them. */
  readonly sleds: readonly Ip[]
}

/** What one port is sent of a group. */
export interface GroupSubscription extends MulticastSubscription {
  readonly vni: number
  /** Id of the port. */
  readonly port: string
  /** By the guest itself; otherwise it is configured. */
  readonly isJoined: boolean
}

/** A port, as far as groups are concerned. */
export interface GroupMember {
  readonly config: { readonly vni: number; readonly mac: Mac; readonly multicast?: readonly MulticastSubscription[] }
  readonly joined: { has(words: Int32Array, at: number, family: 4 | 6): boolean }
}

const KEY_WORDS = 6

export class MulticastGroups<M extends GroupMember = GroupMember> {
  readonly #own: Ip
  readonly #members = new Set<M>()
  #table = new WordTable(KEY_WORDS, KEY_WORDS)
  #remote: (readonly Uint8Array[])[] = []
  #groups: readonly MulticastGroup[] = []
  readonly #key = new Int32Array(KEY_WORDS)

  /** @param own underlay address of this sled. */
  constructor(own: Ip) {
    this.#own = own
  }

  add(member: M): void {
    this.#members.add(member)
  }

  remove(member: M): void {
    this.#members.delete(member)
  }

  /** Where the groups of all VPCs have subscribers; the whole table. */
  replace(groups: readonly MulticastGroup[]): void {
    const table = new WordTable(KEY_WORDS, KEY_WORDS)
    const remote: Uint8Array[][] = []
    for (const { vni, group, sleds } of groups) {
      this.#setKey(vni, wordsOf(group), 0, group.family)
      const found = table.find(this.#key)
      const row = found < 0 ? table.insert(this.#key) : found
      const list = (remote[row] ??= [])
      for (const sled of sleds) if (!sled.equals(this.#own)) list.push(sled.bytes)
    }
    this.#table = table
    this.#remote = remote
    this.#groups = groups
  }

  dump(): readonly MulticastGroup[] {
    return this.#groups
  }

  /** Other sleds that get a copy. The group's words begin at `at`. */
  sledsOf(vni: number, words: Int32Array, at: number, family: 4 | 6): readonly Uint8Array[] {
    this.#setKey(vni, words, at, family)
    const row = this.#table.find(this.#key)
    return row < 0 ? NONE : this.#remote[row]!
  }

  /** Ports of this sled that have subscribed to the group. */
  membersOf(vni: number, words: Int32Array, at: number, family: 4 | 6): M[] {
    const found: M[] = []
    for (const member of this.#members) {
      if (member.config.vni !== vni) continue
      const isSubscribed = member.config.multicast?.some(
        ({ group }) => group.family === family && isAddress(words, at, family, wordsOf(group)),
      )
      if (isSubscribed === true || member.joined.has(words, at, family)) found.push(member)
    }
    return found
  }

  #setKey(vni: number, words: Int32Array, at: number, family: 4 | 6): void {
    const key = this.#key
    key[0] = vni
    key[1] = family
    for (let i = 0; i < 4; i++) key[2 + i] = i === 0 || family === 6 ? words[at + i]! : 0
  }
}

const NONE: readonly Uint8Array[] = []

/** Whether the address whose words begin at `at` is a multicast one. */
export function isGroup(words: Int32Array, at: number, family: 4 | 6): boolean {
  const first = words[at]!
  return family === 4 ? first >>> 28 === 0xe : first >>> 24 === 0xff
}

/**
 * Whether a group reaches beyond a link: not 224.0.0.0/24 (RFC 5771 §4), and of IPv6 a scope above link-local (RFC 4291 §2.7).
 */
export function isForwardable(words: Int32Array, at: number, family: 4 | 6): boolean {
  const first = words[at]!
  if (!isGroup(words, at, family)) return false
  return family === 4 ? first >>> 8 !== 0xe00000 : ((first >>> 16) & 0xf) > 2
}
