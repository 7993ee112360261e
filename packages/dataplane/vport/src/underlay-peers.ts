/**
 * Who may send encapsulated frames. A frame without the mark for traffic from outside counts as the VPC's own in firewall rules,
 * so it must come from a sled; one with it, which may do less, comes from a switch or from a sled that knows the address's owner. Until a list is given everything is accepted.
 */
import type { Ip } from '@lodestone/net'
import { IPV6_SRC } from '@lodestone/packet'
import { wordsOf } from './address-words.ts'
import { Drop } from './drop-reasons.ts'
import { PEERS_DEPENDENCY, type Versions } from './versions.ts'
import { WordTable } from './word-table.ts'

export interface UnderlayPeerList {
  readonly sleds: readonly Ip[]
  /** Tunnel endpoints of the switches. The unspecified address, which a switch may send from, need not be listed. */
  readonly switches: readonly Ip[]
}

const IS_SLED = 1
const IS_SWITCH = 2

export class UnderlayPeers {
  #table: WordTable | undefined
  readonly #key = new Int32Array(4)
  readonly #versions: Versions

  constructor(versions: Versions) {
    this.#versions = versions
  }

  replace(peers: UnderlayPeerList | undefined): void {
    this.#versions.bump(PEERS_DEPENDENCY)
    if (peers === undefined) {
      this.#table = undefined
      return
    }
    const table = new WordTable(4, 5, 64)
    const enter = (ip: Ip, bit: number): void => {
      const words = wordsOf(ip)
      const found = table.find(words)
      const row = found < 0 ? table.insert(words) : found
      table.rows[row * 5 + 4] = table.rows[row * 5 + 4]! | bit
    }
    for (const ip of peers.sleds) enter(ip, IS_SLED)
    for (const ip of peers.switches) enter(ip, IS_SWITCH)
    const unspecified = new Int32Array(4)
    if (table.find(unspecified) < 0) table.rows[table.insert(unspecified) * 5 + 4] = IS_SWITCH
    this.#table = table
  }

  /** @param outerIp offset of the outer IPv6 header. @returns a drop reason, or none. */
  check(view: DataView, outerIp: number, isExternal: boolean): number {
    const table = this.#table
    if (table === undefined) return Drop.none
    const key = this.#key
    for (let i = 0; i < 4; i++) key[i] = view.getInt32(outerIp + IPV6_SRC + i * 4)
    const row = table.find(key)
    if (row < 0) return Drop.unknownSource
    const bits = table.rows[row * 5 + 4]!
    return isExternal || (bits & IS_SLED) !== 0 ? Drop.none : Drop.forgedExternal
  }
}
