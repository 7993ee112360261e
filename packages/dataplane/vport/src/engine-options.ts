/** What an engine is given, and what it says about itself. */
import type { Arena } from '@lodestone/frame'
import type { Clock, Random } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { Tracer } from '@lodestone/probe'
import type { PortCounter } from './port-state.ts'
import type { SourceNatUsage } from './snat-pools.ts'

export interface VportEngineOptions {
  /** Name of the sled in stories. */
  readonly node: string
  readonly arena: Arena
  readonly clock: Clock
  readonly tracer: Tracer
  /** Keys the hash of the flow table. Nothing else is random: the same packets always make the same choices. */
  readonly random: Random
  readonly underlayAddress: Ip
  /** Takes a frame whose bytes begin at the outer IPv6 header; the slot becomes the callee's. */
  readonly sendUnderlay: (slot: number) => void
  /** Default 9000. */
  readonly underlayMtuBytes?: number
  /** Largest IP packet towards the internet; default 1500. */
  readonly externalMtuBytes?: number
  /** Default 524288. Tables grow as needed. */
  readonly connectionsPerPort?: number
}

export interface DropCount {
  readonly code: string
  readonly count: number
}

export interface EngineStats {
  readonly ports: number
  readonly mappings: number
  /** Fragments that wait now for the first ones of their datagrams. */
  readonly heldFragments: number
  /** Encapsulated frames that reached no port, by reason. */
  readonly drops: readonly DropCount[]
  readonly perPort: readonly {
    readonly id: string
    readonly name: string
    readonly counters: Readonly<Record<keyof typeof PortCounter, number>>
    readonly drops: readonly DropCount[]
    readonly connections: number
    readonly sourceNat: readonly SourceNatUsage[]
  }[]
}
