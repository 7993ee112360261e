/**
 * When `--at` means: `14:02`, `14:02:30`, `2026-11-23T14:02:30Z`, `-5m` (also s, h), or a generation of an instance's configuration, `17` or
 * `web1:17`, which stands for the last moment at which it was in force.
 */
import type { Emulation } from '../emulation.ts'

export type PastTime = { readonly ok: true; readonly atMs: number } | { readonly ok: false; readonly message: string }

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000 } as const
const DAY_MS = 86_400_000
/** A moment of the clock is shorter than this. */
const MOMENT_MS = 1e-6
const TIME_OF_DAY = /^\d\d:\d\d(:\d\d)?$/

/** @param names of instances that a generation may be of, the first one that there is. */
export function parsePastTime(emulation: Emulation, text: string, names: readonly string[]): PastTime {
  const { clock } = emulation.world
  const offsetMs = clock.wallMs() - clock.nowMs()
  const refuse = (message: string): PastTime => ({ ok: false, message })
  const since = /^-(\d+(?:\.\d+)?)([smh])$/.exec(text)
  if (since !== null) {
    // because the pattern has no other units
    return { ok: true, atMs: clock.nowMs() - Number(since[1]) * UNIT_MS[since[2] as keyof typeof UNIT_MS] }
  }
  const isTime = TIME_OF_DAY.test(text) || /^\d{4}-\d\d-\d\dT/.test(text)
  const generation = isTime ? null : /^(?:(.+):)?(\d+)$/.exec(text)
  if (generation !== null) {
    return generationEnd(emulation, Number(generation[2]), generation[1] === undefined ? names : [generation[1]])
  }
  const wallMs = TIME_OF_DAY.test(text) ? timeOfDay(text, clock.wallMs()) : Date.parse(text)
  if (Number.isNaN(wallMs)) {
    return refuse(
      `${JSON.stringify(text)} is no time: 14:02, 14:02:30, 2026-11-23T14:02:30Z, -5m, or a generation as in 17 or web1:17`,
    )
  }
  return { ok: true, atMs: wallMs - offsetMs }
}

/** The last time that clocks here showed it. */
function timeOfDay(text: string, nowWallMs: number): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(':').map(Number)
  const time = new Date(nowWallMs).setHours(hours, minutes, seconds, 0)
  return time > nowWallMs ? time - DAY_MS : time
}

function generationEnd(emulation: Emulation, generation: number, names: readonly string[]): PastTime {
  for (const name of names) {
    const all = emulation.sleds().flatMap((sled) => {
      const id = [...sled.agent.instances].find(([key, { desired }]) => key === name || desired.hostname === name)?.[1]
        .ports[0]?.id
      return sled.engine.generations().filter((each) => each.id === id || each.name === `${name}-nic0`)
    })
    if (all.length === 0) continue
    // Configurations that say the same have one entry, with the number of the last of them.
    const found = all.toSorted((a, b) => a.generation - b.generation).find((each) => each.generation >= generation)
    const kept = all.map((each) => each.generation).toSorted((a, b) => a - b)
    if (found === undefined) {
      return { ok: false, message: `${name} has no generation ${generation} yet; there are ${kept.join(', ')}` }
    }
    const { toMs } = found
    return { ok: true, atMs: Number.isFinite(toMs) ? toMs - MOMENT_MS : emulation.world.clock.nowMs() }
  }
  return {
    ok: false,
    message: `a generation is that of an instance; ${names.join(' and ')} are none: try web1:${generation}`,
  }
}
