/**
 * What an explanation says about a packet's connection: whether there is one, what the packet would make of it, whether a recorded row would
 * answer in place of the layers, and whether that row says what the layers say now. The last must always hold; where it does not, the engine is
 * wrong, and the explanation says so.
 */
import { Fragment, IPV6_SRC, ROW_END, ROW_L3, ROW_L4, TcpFlag, tcpFlags } from '@lodestone/packet'
import type { Step } from '@lodestone/probe'
import { compileFlow, isRowCurrent } from './compile-flow.ts'
import type { Connection } from './connection.ts'
import { IDLE_TTL_S } from './connection.ts'
import type { EngineScope } from './engine-scope.ts'
import {
  FLAG_SETTLED,
  FLAG_VALID,
  ROW_ADDRESSES_4,
  ROW_ADDRESS_6,
  ROW_BLOCK_4,
  ROW_BLOCK_6,
  ROW_FLAGS,
  ROW_LAST_HIT,
  ROW_MAX_BYTES,
  ROW_SIZE,
  ROW_TEMPLATE_4,
  ROW_TEMPLATE_6,
  TEMPLATE_BYTES,
  TEMPLATE_SOURCE,
} from './kernel/layout.ts'
import type { PortState } from './port-state.ts'
import { TCP_STATE_NAMES, TCP_TTL_S, TcpState } from './tcp-state.ts'
import { tcpAfter } from './tcp-tracking.ts'
import { PEERS_DEPENDENCY } from './versions.ts'
import { Verdict, WAIT, type Walk } from './walk.ts'

type FlowStep = Extract<Step, { kind: 'flow' }>

const SOURCE_BYTES = 16
/** Of packets without a TCP header. */
const NO_SEGMENT = -1

export class FlowWitness {
  readonly #walk: Walk
  readonly #port: PortState
  /** The row that would answer, or 0. */
  #row = 0
  #differs: string | undefined

  /** Before the walk begins. */
  constructor(walk: Walk, port: PortState, scope: EngineScope) {
    this.#walk = walk
    this.#port = port
    walk.onDecided = (limit) => this.#compare(scope, limit)
  }

  /** After it has ended, however it did. Nothing for packets that are no flow's. */
  tell(verdict: Verdict | typeof WAIT): FlowStep[] {
    if (verdict === WAIT) return []
    const walk = this.#walk
    if (walk.family === 0 || walk.isMulticast || walk.isIcmpError || verdict === Verdict.hairpin) return []
    const known = this.#port.cache.find(walk.key, walk.family)
    if (known === undefined || (walk.connection === undefined && verdict !== Verdict.deny)) {
      return verdict === Verdict.deny ? [] : [this.#opens(known)]
    }
    return [this.#goesOn(known, verdict)]
  }

  #opens(replaced: Connection | undefined): FlowStep {
    const walk = this.#walk
    const { cache } = this.#port
    const isTcp = walk.isTcp && walk.fragment !== Fragment.later
    const after = isTcp ? tcpAfter(undefined, walk.isOut, walk.bytes, walk.row[ROW_L4]!) : NO_SEGMENT
    if (isTcp && after <= TcpState.closed) {
      return { kind: 'flow', flow: 'none', detail: 'opens no connection', epoch: this.#port.context.epoch }
    }
    const parts = [replaced === undefined ? 'opens a connection' : `ends ${stateText(replaced)} and opens a new one`]
    if (isTcp) parts.push(`TCP Closed → ${TCP_STATE_NAMES[after]!}`)
    const pool = walk.nat?.pool
    if (pool !== undefined && walk.natPort >= 0) {
      parts.push(`leases port ${walk.natPort} of ${walk.nat!.externalText} (${pool.leased} of ${pool.size} in use)`)
    }
    parts.push(`${cache.count} of ${cache.limit} connections`)
    return {
      kind: 'flow',
      flow: 'new',
      detail: parts.join(', '),
      epoch: this.#port.context.epoch,
      restMs: (isTcp ? (TCP_TTL_S[after] ?? 0) : IDLE_TTL_S) * 1000,
      ...(isTcp ? { tcp: { before: 'Closed', after: TCP_STATE_NAMES[after]! } } : {}),
      ...(walk.natPort < 0 ? {} : { natPort: walk.natPort }),
    }
  }

  #goesOn(connection: Connection, verdict: Verdict): FlowStep {
    const walk = this.#walk
    const { cache, context } = this.#port
    const row = connection.row(walk.isOut)
    const isMade = (cache.table.memory.view.getUint8(row + ROW_FLAGS) & FLAG_VALID) !== 0
    const isCurrent = isRowCurrent(cache.table, row)
    const flow = isCurrent ? 'cached' : isMade ? 'stale' : 'known'
    const ageMs = walk.nowMs - connection.createdMs
    const began = `a connection that began ${seconds(ageMs)} ago from ${connection.initiator === 'out' ? 'inside' : 'outside'}`
    const parts = [`${began}, rule ${connection.firewallRule}`]
    const before = connection.tcpState
    const tcp = before < 0 || walk.fragment === Fragment.later ? undefined : this.#tcpChange(connection, verdict)
    if (tcp !== undefined)
      parts.push(tcp.before === tcp.after ? `TCP ${tcp.before}` : `TCP ${tcp.before} → ${tcp.after}`)
    const { nat, natPort } = connection
    if (nat !== undefined) parts.push(`${nat.externalText}${natPort < 0 ? '' : ` port ${natPort}`}`)
    const restMs = connection.restS(walk.nowMs) * 1000
    parts.push(`forgotten after ${seconds(restMs)} without a packet`)
    if (connection.isRefused) parts.push('the rules have turned against it')
    if (flow === 'cached') parts.push(`recorded row of ${connection.packets(walk.isOut)} packets`)
    if (flow === 'stale') {
      parts.push(
        connection.epoch === context.epoch
          ? 'the row is older than what it depends on, so the layers are asked'
          : `judged at epoch ${connection.epoch}, now ${context.epoch}: the layers are asked again`,
      )
    }
    const differs = this.#differenceOf(connection, verdict)
    if (differs !== undefined) parts.push(`THE ROW SAYS OTHERWISE THAN THE LAYERS (${differs}): this is a defect`)
    return {
      kind: 'flow',
      flow,
      detail: parts.join(', '),
      epoch: context.epoch,
      madeEpoch: connection.epoch,
      ageMs,
      idleMs: connection.idleMs(walk.nowMs),
      restMs,
      ...(tcp === undefined ? {} : { tcp }),
      ...(natPort < 0 ? {} : { natPort }),
      ...(flow === 'cached' ? { agrees: differs === undefined } : {}),
    }
  }

  #tcpChange(connection: Connection, verdict: Verdict): { before: string; after: string } {
    const walk = this.#walk
    const before = TCP_STATE_NAMES[connection.tcpState]!
    if (verdict === Verdict.deny) return { before, after: before }
    const next = tcpAfter(connection, walk.isOut, walk.bytes, walk.row[ROW_L4]!)
    return { before, after: next < 0 ? before : TCP_STATE_NAMES[next]! }
  }

  /** How the row that would answer differs from what the layers said; undefined where none would, or it does not. */
  #differenceOf(connection: Connection, verdict: Verdict): string | undefined {
    if (!isReplayed(this.#walk, connection, this.#port)) return undefined
    return verdict === Verdict.deny ? 'the layers drop the packet' : this.#differs
  }

  /** When the layers have agreed, and before anything is rewritten: makes a row of it beside the one that is there. */
  #compare(scope: EngineScope, limit: number): void {
    const walk = this.#walk
    const { connection, family } = walk
    if (connection === undefined || family === 0 || !isReplayed(walk, connection, this.#port)) return
    const { cache, underlaySource } = this.#port
    this.#row = connection.row(walk.isOut)
    const block = cache.table.takeBlock()
    if (block === 0) return
    const dependency = walk.isOut ? walk.dependency : PEERS_DEPENDENCY
    compileFlow(cache.table.memory.view, block, walk, {
      expected: (scope.versions.of(cache.number) + scope.versions.of(dependency)) | 0,
      dependency,
      maxBytes: limit,
      underlaySource,
    })
    this.#differs = rowDifference(cache.table.memory.view, this.#row, block, family, walk.isOut)
    cache.table.giveBlock(block)
  }
}

/** Whether the kernel would take the packet by its row. */
function isReplayed(walk: Walk, connection: Connection, port: PortState): boolean {
  const { table } = port.cache
  const row = connection.row(walk.isOut)
  if (walk.fragment !== Fragment.none || !isRowCurrent(table, row)) return false
  const { view } = table.memory
  if (walk.row[ROW_END]! - walk.row[ROW_L3]! > view.getUint16(row + ROW_MAX_BYTES, true)) return false
  if (!walk.isOut && !isSameSource(walk, view, row)) return false
  if (!walk.isTcp) return true
  const flags = tcpFlags(walk.bytes, walk.row[ROW_L4]!)
  const isPlain = (flags & (TcpFlag.ack | TcpFlag.syn | TcpFlag.fin | TcpFlag.rst)) === TcpFlag.ack
  return isPlain && (view.getUint8(row + ROW_FLAGS) & FLAG_SETTLED) !== 0
}

/** Another switch or sled sends what the flow's row is not for. */
function isSameSource(walk: Walk, view: DataView, row: number): boolean {
  const at = row + (walk.family === 4 ? ROW_TEMPLATE_4 : ROW_TEMPLATE_6) + TEMPLATE_SOURCE
  for (let i = 0; i < SOURCE_BYTES; i++) {
    if (view.getUint8(at + i) !== walk.bytes[walk.outerIp + IPV6_SRC + i]) return false
  }
  return true
}

/** Of two rows for one packet, but for key, counters and times. */
function rowDifference(view: DataView, row: number, other: number, family: 4 | 6, isOut: boolean): string | undefined {
  const isSame = (from: number, to: number): boolean => {
    for (let i = from; i < to; i++) if (view.getUint8(row + i) !== view.getUint8(other + i)) return false
    return true
  }
  const flagsOf = (at: number): number => view.getUint8(at + ROW_FLAGS) & ~FLAG_SETTLED
  if (!isSame(0, 8)) return 'what it depends on'
  if (!isSame(ROW_MAX_BYTES, ROW_MAX_BYTES + 2)) return 'the largest packet'
  if (flagsOf(row) !== flagsOf(other) || !isSame(ROW_FLAGS + 1, ROW_LAST_HIT)) return 'encapsulation or checksums'
  const isV4 = family === 4
  if (!isSame(isV4 ? ROW_ADDRESSES_4 : ROW_ADDRESS_6, isV4 ? ROW_BLOCK_4 : ROW_BLOCK_6)) return 'addresses or ports'
  const template = (isV4 ? ROW_TEMPLATE_4 : ROW_TEMPLATE_6) + (isOut ? 0 : SOURCE_BYTES)
  if (!isSame(template, Math.min(template + TEMPLATE_BYTES, ROW_SIZE))) return 'the headers in front'
  return undefined
}

function stateText(connection: Connection): string {
  const state = connection.tcpState
  return state < 0 ? 'the one that is there' : `the one in state ${TCP_STATE_NAMES[state]}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
