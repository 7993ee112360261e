/** The engine's answers in the terms of the contract. */
import { invalidRequest } from '@lodestone/api'
import type { DropGroup, PathAnswer, PathQuestion as ApiQuestion } from '@lodestone/contract-testbed'
import type { NearMiss } from '@lodestone/probe'
import type { z } from 'zod'
import type { Emulation } from '../emulation.ts'
import type { Rack } from '../rack.ts'
import { explainPath } from './explain-path.ts'

export function answerQuestion(rack: Rack, question: z.output<typeof ApiQuestion>): PathAnswer {
  const { from, to, protocol, port, source_port: sourcePort, bytes, packet } = question
  const result = explainPath(rack.emulation, {
    from,
    to,
    protocol,
    ...(port === undefined ? {} : { port }),
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(packet === undefined ? {} : { packet: Uint8Array.from(Buffer.from(packet, 'hex')) }),
  })
  if (!result.ok) throw invalidRequest(result.message)
  const { version, source, destination, verdict, paths, notChecked } = result.answer
  return {
    version,
    question,
    source,
    destination,
    verdict,
    paths: paths.map(({ nearest, events, ...path }) => ({
      ...path,
      ...(nearest === undefined ? {} : { nearest: nearest.map(nearMiss) }),
      events: events.map((event) => ({ ...event, step: { ...event.step } })),
    })),
    not_checked: [...notChecked],
  }
}

/** What the ports of an instance dropped, by port, direction and reason; undefined where there is no such instance. */
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
          const key = `${port.id} ${drop.direction} ${drop.reason.code}`
          const before = groups.get(key)
          groups.set(key, {
            port: port.name,
            direction: drop.direction,
            reason: drop.reason,
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
