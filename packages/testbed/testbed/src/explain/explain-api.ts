/** The engine's answers in the terms of the contract. */
import { invalidRequest } from '@lodestone/api'
import type { DropGroup, PathAnswer, PathQuestion as ApiQuestion } from '@lodestone/contract-testbed'
import type { ReconcilerStatus } from '@lodestone/nexus'
import type { NearMiss } from '@lodestone/probe'
import type { z } from 'zod'
import type { Emulation } from '../emulation.ts'
import { type AnsweredPath, explainPath, type PathQuestion } from './explain-path.ts'
import { freshnessOf } from './freshness.ts'
import { parsePastTime } from './past-time.ts'
import type { ExplainedPath } from './path-walk.ts'
import { type ChangeResolver, proposedConfigs } from './proposed-configs.ts'

/** What a question is asked of besides the rack itself. */
export interface ExplainRecords extends ChangeResolver {
  reconcilers(): readonly ReconcilerStatus[]
}

/** Throws what the question is refused with. */
export async function answerQuestion(
  emulation: Emulation,
  records: ExplainRecords,
  question: z.output<typeof ApiQuestion>,
): Promise<PathAnswer> {
  const { from, to, protocol, port, source_port: sourcePort, ip_version: ipVersion, bytes, packet, reply } = question
  const proposed = question.with ?? []
  if (proposed.length > 0 && question.at !== undefined) {
    throw invalidRequest('changes are proposed to what is configured now: leave out either "with" or "at"')
  }
  const changed = proposed.length === 0 ? undefined : await proposedConfigs(emulation, records, question, proposed)
  if (changed?.ok === false) throw invalidRequest(changed.message)
  const past = question.at === undefined ? undefined : parsePastTime(emulation, question.at, [from, to])
  if (past?.ok === false) throw invalidRequest(past.message)
  const asked: PathQuestion = {
    from,
    to,
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(ipVersion === undefined ? {} : { family: ipVersion === 'v4' ? 4 : 6 }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(packet === undefined ? {} : { packet: Uint8Array.from(Buffer.from(packet, 'hex')) }),
    ...(reply === undefined ? {} : { reply }),
  }
  const result = explainPath(emulation, asked, {
    ...(changed === undefined ? {} : { proposal: changed.proposal }),
    ...(past === undefined ? {} : { atMs: past.atMs }),
  })
  if (!result.ok) throw invalidRequest(result.message)
  const { version, source, destination, verdict, replyVerdict, paths, notChecked } = result.answer
  const { clock } = emulation.world
  const passed = new Set(paths.flatMap(nodesOf))
  return {
    version,
    question,
    source,
    destination,
    verdict,
    ...(replyVerdict === undefined ? {} : { reply_verdict: replyVerdict }),
    ...(past === undefined ? {} : { as_of: new Date(clock.wallMs() - clock.nowMs() + past.atMs).toISOString() }),
    ...(changed === undefined ? {} : { proposed_for: changed.vpcs.join(', ') }),
    paths: paths.map(({ reply: answer, ...path }) => ({
      ...apiPath(path),
      ...(answer === undefined ? {} : { reply: { ...answer, paths: answer.paths.map(apiPath) } }),
    })),
    freshness: past === undefined ? freshnessOf(emulation, records.reconcilers(), passed) : [],
    not_checked: [...notChecked],
  }
}

function apiPath({ nearest, events, environment, ...path }: ExplainedPath): Omit<PathAnswer['paths'][number], 'reply'> {
  return {
    ...path,
    ...(nearest === undefined ? {} : { nearest: nearest.map(nearMiss) }),
    events: events.map((event) => ({ ...event, step: { ...event.step } })),
    environment: environment.map((each) => ({ ...each })),
  }
}

function nodesOf({ events, reply }: AnsweredPath): string[] {
  return [...events, ...(reply?.paths ?? []).flatMap((path) => path.events)].map(({ node }) => node)
}

/** What the ports of an instance dropped, by port, direction, reason and rule; undefined where there is no such instance. */
export function instanceDrops(emulation: Emulation, name: string): DropGroup[] | undefined {
  for (const sled of emulation.sleds()) {
    for (const [id, instance] of sled.agent.instances) {
      if (id !== name && instance.desired.hostname !== name) continue
      const nowMs = emulation.world.clock.nowMs()
      const groups = new Map<string, DropGroup>()
      const stats = sled.engine.stats().perPort
      for (const port of instance.ports) {
        const totals = stats.find((each) => each.id === port.id)?.drops ?? []
        for (const drop of port.recentDrops()) {
          const key = `${port.id} ${drop.direction} ${drop.reason.code} ${drop.rule}`
          const before = groups.get(key)
          groups.set(key, {
            port: port.name,
            direction: drop.direction,
            reason: drop.reason,
            ...(drop.rule === '' ? {} : { rule: drop.rule }),
            total: totals.find(({ code }) => code === drop.reason.code)?.count ?? 0,
            recent: (before?.recent ?? 0) + 1,
            first_ago_ms: before?.first_ago_ms ?? nowMs - drop.atMs,
            last_ago_ms: nowMs - drop.atMs,
            summary: drop.summary,
            sample: Buffer.from(drop.sample).toString('hex'),
            detail: drop.detail,
            nearest: drop.nearest.map(nearMiss),
          })
        }
      }
      return [...groups.values()].toSorted((a, b) => a.last_ago_ms - b.last_ago_ms)
    }
  }
  return undefined
}

function nearMiss({ rule, failed }: NearMiss): DropGroup['nearest'][number] {
  return { rule, failed: failed.map((each) => ({ ...each })) }
}
