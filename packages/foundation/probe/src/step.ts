/**
 * What can happen to a packet, as data. Every component that touches packets tells its part of the story in these
 * terms; the text that people read is a rendering of them and nothing more (`render.ts`). Version 1 of the format.
 */

export interface NamedValue {
  readonly name: string
  /** Already formatted for people: addresses as addresses, numbers in the base their field is read in. */
  readonly value: string
}

/** Why a packet went no further. Codes are append-only and never renumbered; each component owns a prefix. */
export interface DropReason {
  /** Stable, for machines: `SW_NAT_INGRESS_MISS`, `FW_DEFAULT_DENY`. */
  readonly code: string
  /** One sentence. */
  readonly sentence: string
  /** What to do about it, where that can be said. */
  readonly hint?: string
}

/** A rule that nearly decided differently. */
export interface NearMiss {
  readonly rule: string
  /** Each predicate that did not hold: what it wanted and what the packet has. */
  readonly failed: readonly { readonly predicate: string; readonly wanted: string; readonly actual: string }[]
}

export type Step =
  /** A stack or guest put the packet on its interface. */
  | { readonly kind: 'sent'; readonly interface: string; readonly summary: string }
  /** It crossed a link. */
  | {
      readonly kind: 'link'
      readonly link: string
      readonly from: string
      readonly to: string
      readonly bytes: number
      readonly delayMs: number
    }
  /** It entered a pipeline or engine by this port. */
  | { readonly kind: 'ingress'; readonly port: string; readonly summary: string }
  | { readonly kind: 'parser'; readonly states: readonly string[]; readonly error?: string }
  | {
      readonly kind: 'table'
      readonly table: string
      readonly keys: readonly NamedValue[]
      readonly hit: boolean
      /** The matched entry, as the control plane would write it; absent on a miss. */
      readonly entry?: string
      readonly action: string
      readonly parameters: readonly NamedValue[]
      /** On a miss: the entry that came closest. */
      readonly nearest?: readonly NearMiss[]
    }
  /** One layer of a packet engine. */
  | {
      readonly kind: 'layer'
      readonly layer: string
      readonly direction: 'in' | 'out'
      readonly verdict: 'allow' | 'deny' | 'modify' | 'hairpin'
      /** The rule that decided, or absent where the layer's default did. */
      readonly rule?: string
      /** `rule`, `default`, or the flow entry that remembered an earlier decision. */
      readonly source: 'rule' | 'default' | 'flow'
      readonly detail: string
      readonly nearest?: readonly NearMiss[]
    }
  /**
   * What a packet engine knows of the packet's connection, and what the packet makes of it; of explanations only. `cached`: a recorded row
   * answers in place of the layers. `stale`: it is older than what it depends on, so the layers are asked. `known`: no row in this direction yet.
   */
  | {
      readonly kind: 'flow'
      readonly flow: 'none' | 'new' | 'known' | 'cached' | 'stale'
      readonly detail: string
      /** Of the port's configuration. */
      readonly epoch: number
      /** In which firewall and NAT last agreed to the connection. */
      readonly madeEpoch?: number
      readonly ageMs?: number
      readonly idleMs?: number
      /** Until it is forgotten, without another packet. */
      readonly restMs?: number
      readonly tcp?: { readonly before: string; readonly after: string }
      /** Of a shared address. */
      readonly natPort?: number
      /** Whether the row says what the layers say now. False is a defect of the engine. */
      readonly agrees?: boolean
    }
  | { readonly kind: 'encap'; readonly detail: string }
  | { readonly kind: 'decap'; readonly detail: string }
  | { readonly kind: 'rewrite'; readonly field: string; readonly from: string; readonly to: string }
  /** A host's forwarding decision. */
  | {
      readonly kind: 'route'
      readonly prefix: string
      readonly nextHop: string
      readonly interface: string
      /** Of explanations, where measured delays and a draw decide: how likely a packet that is sent now takes this way, 0 … 1. */
      readonly chance?: number
    }
  | { readonly kind: 'egress'; readonly port: string }
  /** It reached a stack that accepts it. */
  | { readonly kind: 'delivered'; readonly to: string; readonly summary: string }
  /** Consumed where it was meant to be (a hairpinned request, a packet punted to the CPU). */
  | { readonly kind: 'punted'; readonly to: string; readonly detail: string }
  | {
      readonly kind: 'dropped'
      readonly reason: DropReason
      readonly detail?: string
      readonly nearest?: readonly NearMiss[]
    }

export interface StoryEvent {
  /** `arena.packet(slot)`: the same number at every hop. */
  readonly packet: number
  readonly atMs: number
  /** Which node of the topology: `switch0`, `sled1`, `web1`. */
  readonly node: string
  readonly step: Step
}
