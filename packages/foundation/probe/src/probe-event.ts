/**
 * What a probe says when it fires, and what there is to be watched. A provider is a kind of component (link, table, bgp, …), a node
 * the place in the topology, a unit the thing within it (a cable, a table, a peer), a name what happened there. The tuple
 * `provider:node:unit:name` is what probe programs match.
 */

export type ProbeValue = string | number | boolean

export interface ProbeEvent {
  readonly provider: string
  readonly node: string
  readonly unit: string
  readonly name: string
  readonly atMs: number
  /** The packet's number where one is concerned: the same at every hop. */
  readonly packet?: number
  readonly fields: Readonly<Record<string, ProbeValue | undefined>>
}

/** A kind of event that a provider has. */
export interface ProbePoint {
  readonly provider: string
  /** What the unit is: `cable`, `table`; empty where there is none. */
  readonly unit: string
  readonly name: string
  /** When it fires, one sentence. */
  readonly sentence: string
  /** Fields and what they hold; a name that ends in `*` stands for all that begin so. */
  readonly fields: Readonly<Record<string, string>>
}

/**
 * Something that can be watched. It costs nothing until somebody subscribes: a source listens to its component only while it has
 * subscribers.
 */
export interface ProbeSource {
  readonly points: readonly ProbePoint[]
  /** @returns the end of it. */
  subscribe(listener: (event: ProbeEvent) => void): () => void
}

/** Fields that every event has, whatever the probe. */
export const COMMON_FIELDS: Readonly<Record<string, string>> = {
  provider: 'kind of component',
  node: 'node of the topology',
  unit: 'thing within the node',
  probe: 'what happened',
  packet: 'number of the packet, the same at every hop',
  timestamp: 'nanoseconds since the start of the emulation',
}
