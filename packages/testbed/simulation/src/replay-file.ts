/** A run that can be had again: the seed, the timeline, and what came of it. JSON, so that people can read and change it. */
import { z } from 'zod'
import type { NodeFrames } from './check/last-frames.ts'
import type { SimEvent } from './fault/sim-event.ts'
import type { Verdict } from './simulation.ts'

const ReplayFile = z.object({
  format: z.literal('lodestone-simulation'),
  version: z.literal(1),
  seed: z.int(),
  minutes: z.number().positive(),
  /** A program of one's own; the usual rack without. */
  topology: z.string().optional(),
  hash: z.string(),
  problems: z.array(z.string()),
  /** For people: the last frames of each node before the failure, `ms link direction bytes packet`. */
  lastFrames: z.record(z.string(), z.array(z.string())).optional(),
  timeline: z.array(
    z.object({ atMs: z.number().min(0), forMs: z.number().min(0), action: z.object({ kind: z.string() }).loose() }),
  ),
})

export interface Replay {
  readonly seed: number
  readonly minutes: number
  readonly topology?: string | undefined
  readonly hash: string
  readonly problems: readonly string[]
  readonly timeline: readonly SimEvent[]
}

export function replayText(verdict: Verdict, minutes: number, topology?: string): string {
  const { seed, hash, failure, timeline } = verdict
  const problems = failure?.problems ?? []
  const lastFrames = lastFrameLines(failure?.lastFrames ?? [])
  const head = { format: 'lodestone-simulation', version: 1, seed, minutes, topology, hash, problems }
  const file = { ...head, timeline, lastFrames }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

/** By node, oldest first. */
export function lastFrameLines(nodes: readonly NodeFrames[]): Record<string, string[]> {
  return Object.fromEntries(
    nodes.map(({ node, frames }) => [
      node,
      frames.map(({ atMs, link, direction, bytes, packet }) => {
        return `${atMs.toFixed(3)} ${link} ${direction} ${bytes} ${packet}`
      }),
    ]),
  )
}

/** @returns the run, or what is wrong with the text, as a sentence. */
export function readReplay(
  text: string,
): { readonly ok: true; readonly value: Replay } | { readonly ok: false; readonly reason: string } {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return { ok: false, reason: `it is not JSON: ${(error as Error).message}` }
  }
  const parsed = ReplayFile.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return { ok: false, reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it is no stored simulation'}` }
  }
  // because what an action of each kind has besides is written by `replayText` from the same type
  return { ok: true, value: parsed.data as unknown as Replay }
}
