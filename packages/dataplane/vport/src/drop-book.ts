/**
 * What is written down about a packet that goes no further: counters by reason, of its port or of the engine, a sample with
 * the reason, steps for whoever listens, and the nearest rules where a default denied it.
 */
import type { Arena } from '@lodestone/frame'
import { summarize } from '@lodestone/packet'
import { Drop, DROP_REASONS, dropReason } from './drop-reasons.ts'
import { DropRing, type DroppedPacket } from './drop-ring.ts'
import type { DropCount } from './engine-options.ts'
import type { EngineScope } from './engine-scope.ts'
import { explainDefault } from './layer.ts'
import { dropCountsOf } from './port-dump.ts'
import { PortCounter, type PortState } from './port-state.ts'
import type { Walk } from './walk.ts'

/** Near misses of drops that nobody watches are worked out at most this often. */
const EXPLAIN_PERIOD_MS = 10

export class DropBook {
  readonly #scope: EngineScope
  /** Of drops that belong to no port. */
  readonly #counts = new Float64Array(DROP_REASONS.length)
  readonly #ring = new DropRing()

  constructor(scope: EngineScope) {
    this.#scope = scope
  }

  /** By reason, of frames that reached no port. */
  counts(): readonly DropCount[] {
    return dropCountsOf(this.#counts)
  }

  /** The last of these, oldest first. */
  recent(): DroppedPacket[] {
    return this.#ring.list()
  }

  /** Of a port's packet. @param start of the frame as it came, outer headers included. */
  drop(state: PortState, walk: Walk, start: number, nowMs: number): void {
    const { arena } = this.#scope
    const { reason } = walk
    state.counters[PortCounter.drops] = state.counters[PortCounter.drops]! + 1
    state.dropCounts[reason] = state.dropCounts[reason]! + 1
    const isByRules = reason === Drop.defaultDeny || reason === Drop.protocolNeedsRule
    const isByDefault = isByRules || reason === Drop.noRoute || reason === Drop.notForPort
    if (isByDefault && walk.nearest === undefined && nowMs - state.explainedMs >= EXPLAIN_PERIOD_MS) {
      state.explainedMs = nowMs
      const layer = isByRules ? 'firewall' : reason === Drop.noRoute ? 'router' : 'gateway'
      explainDefault(state.layer(layer), walk)
    }
    if (walk.listener !== undefined) {
      walk.listener({
        kind: 'dropped',
        reason: dropReason(reason),
        ...(walk.detail === '' ? {} : { detail: walk.detail }),
        ...(walk.nearest === undefined ? {} : { nearest: walk.nearest }),
      })
    }
    const packet = arena.packet(walk.slot)
    const end = arena.end(walk.slot)
    state.cache.listener?.refused(walk, end - start, nowMs)
    const { detail, nearest, isOut } = walk
    state.drops.add(arena.bytes, start, end, nowMs, isOut, reason, packet, detail, nearest, ruleOf(walk))
  }

  /** A copy that could not be made. */
  count(reason: number): void {
    this.#counts[reason] = this.#counts[reason]! + 1
  }

  /** A drop that belongs to no port, or to one that is gone. */
  dropAtEngine(slot: number, reason: number, detail: string, nowMs: number): void {
    const { arena, tracer, node } = this.#scope
    this.#counts[reason] = this.#counts[reason]! + 1
    const start = arena.start(slot)
    const end = arena.end(slot)
    const packet = arena.packet(slot)
    if (tracer.isOn) {
      tracer.emit(node, packet, { kind: 'ingress', port: 'underlay', summary: summaryOf(arena, start, end) })
      tracer.emit(node, packet, { kind: 'dropped', reason: dropReason(reason), ...(detail === '' ? {} : { detail }) })
    }
    this.#ring.add(arena.bytes, start, end, nowMs, false, reason, packet, detail, undefined)
  }
}

function ruleOf({ reason, firewallRule, route }: Walk): string {
  if (reason === Drop.denyRule) return firewallRule
  return reason === Drop.dropRoute ? (route?.name ?? '') : ''
}

export function summaryOf(arena: Arena, start: number, end: number, isIp = false): string {
  // A frame that stays on the sled has no outer Ethernet header; its story began with the inner one.
  return isIp ? 'encapsulated, from this same sled' : summarize(arena.bytes, start, end)
}
