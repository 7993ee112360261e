/**
 * The same slow path, asked: what would happen to a frame now, as steps. It works on a copy of the frame, looks at live connections and
 * changes none. Of a shadow (`shadow-port.ts`) a frame may also be carried out, so that the next one is asked about after it.
 */
import { ETHERNET_MIN, ethernetDstNumber, IPV6_DST, ROW_L3, ROW_SIZE, summarize } from '@lodestone/packet'
import type { Step } from '@lodestone/probe'
import { Drop, dropReason } from './drop-reasons.ts'
import type { Tunnel } from './encapsulation.ts'
import type { EngineScope } from './engine-scope.ts'
import { FlowWitness } from './flow-witness.ts'
import { META_EXTERNAL, META_OUT } from './flow-key.ts'
import { type OuterProblem, openOuter } from './outer-check.ts'
import { WAITS } from './held-fragments.ts'
import { hashOfWalk, parseInner } from './parse-inner.ts'
import type { PortState } from './port-state.ts'
import { tellRewrites } from './rewrite-steps.ts'
import { walkSlowPath } from './slow-path.ts'
import { type Direction, type Explanation, EXPLANATION_VERSION, Verdict, WAIT, Walk } from './walk.ts'

/** @param commits of a shadow only: the packet leaves its connection, port lease and TCP state behind. */
export function explainFrame(
  port: PortState,
  frame: Uint8Array,
  direction: Direction,
  scope: EngineScope,
  commits = false,
): Explanation {
  const { arena } = scope
  const { name, vni, mac } = port.config
  const steps: Step[] = []
  const slot = arena.from(frame)
  const walk = new Walk(arena.bytes, arena.view)
  const refuse = (reason: number, detail: string): Explanation => {
    walk.deny(reason, detail)
    return dropped(walk, steps)
  }
  if (slot < 0) return refuse(Drop.noBuffer, 'no free frame to explain with')
  try {
    walk.slot = slot
    walk.start = arena.start(slot)
    walk.end = arena.end(slot)
    const isOut = direction === 'out'
    const where = isOut ? name : 'underlay'
    steps.push({ kind: 'ingress', port: where, summary: summarize(arena.bytes, walk.start, walk.end) })
    const { limitIn, limitOut } = port
    const nowMs = scope.clock.nowMs()
    if (isOut && limitOut?.has(frame.length, nowMs) === false) return refuse(Drop.rateOut, limitOut.text)
    let flags = META_OUT
    let outerIp = -1
    if (!isOut) {
      const tunnel: Tunnel = { vni: 0, isExternal: false, isMulticast: false, innerStart: 0, innerEnd: 0 }
      const row = new Int32Array(ROW_SIZE)
      const problem: OuterProblem = { reason: Drop.none, detail: '' }
      if (!openOuter(scope, walk.start, walk.end, ETHERNET_MIN, row, tunnel, problem)) {
        return refuse(problem.reason, problem.detail)
      }
      const to = ethernetDstNumber(arena.bytes, tunnel.innerStart)
      const isForGroup = tunnel.isMulticast && (arena.bytes[tunnel.innerStart]! & 1) !== 0
      if (tunnel.vni !== vni || (to !== mac.toNumber() && !isForGroup)) {
        return refuse(Drop.notOursVni, `VNI ${tunnel.vni} or the inner MAC is not the port’s`)
      }
      outerIp = row[ROW_L3]!
      walk.start = tunnel.innerStart
      walk.end = tunnel.innerEnd
      flags = tunnel.isExternal ? META_EXTERNAL : 0
      steps.push({ kind: 'decap', detail: `Geneve VNI ${tunnel.vni}` })
    }
    const reason = parseInner(walk, flags)
    const family = walk.family
    walk.reset()
    walk.family = family
    walk.isOut = isOut
    walk.isExternal = flags === META_EXTERNAL
    walk.outerIp = outerIp
    walk.nowMs = nowMs
    walk.isDryRun = !commits
    walk.listener = (step) => steps.push(step)
    if (reason !== Drop.none) return refuse(reason, '')
    walk.flowHash = hashOfWalk(walk)
    const witness = commits ? undefined : new FlowWitness(walk, port, scope)
    const verdict = walkSlowPath(walk, port, scope)
    steps.push(...(witness?.tell(verdict) ?? []))
    if (verdict === Verdict.deny) return dropped(walk, steps)
    if (verdict === WAIT) {
      steps.push({ kind: 'punted', to: 'fragments', detail: WAITS })
      return { version: EXPLANATION_VERSION, verdict: 'waiting', detail: WAITS, steps }
    }
    if (verdict === Verdict.hairpin) {
      steps.push({ kind: 'punted', to: 'gateway', detail: walk.detail })
      return walk.hairpin < 0
        ? { version: EXPLANATION_VERSION, verdict: 'hairpin', steps }
        : { version: EXPLANATION_VERSION, verdict: 'hairpin', steps, frame: arena.peek(walk.hairpin).slice() }
    }
    if (!isOut && limitIn?.has(arena.length(slot), nowMs) === false) return refuse(Drop.rateIn, limitIn.text)
    tellRewrites(walk)
    if (isOut) steps.push({ kind: 'encap', detail: walk.detail })
    steps.push({ kind: 'egress', port: isOut ? 'underlay' : name })
    return {
      version: EXPLANATION_VERSION,
      verdict: isOut ? 'forwarded' : 'delivered',
      steps,
      frame: arena.peek(slot).slice(),
      ...(walk.copies.length === 0 ? {} : { copies: walk.copies.map((to) => copyFor(arena.peek(slot), to)) }),
    }
  } finally {
    arena.free(slot)
    if (walk.hairpin >= 0) arena.free(walk.hairpin)
    if (walk.answer >= 0) arena.free(walk.answer)
  }
}

function copyFor(frame: Uint8Array, destination: Uint8Array): Uint8Array {
  const copy = frame.slice()
  copy.set(destination, IPV6_DST)
  return copy
}

function dropped(walk: Walk, steps: Step[]): Explanation {
  const reason = dropReason(walk.reason)
  steps.push({
    kind: 'dropped',
    reason,
    ...(walk.detail === '' ? {} : { detail: walk.detail }),
    ...(walk.nearest === undefined ? {} : { nearest: walk.nearest }),
  })
  return {
    version: EXPLANATION_VERSION,
    verdict: 'dropped',
    reason,
    ...(walk.detail === '' ? {} : { detail: walk.detail }),
    ...(walk.nearest === undefined ? {} : { nearest: walk.nearest }),
    steps,
  }
}
