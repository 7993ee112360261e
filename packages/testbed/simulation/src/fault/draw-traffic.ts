/** What instances and the client outside send while things go wrong: connections that last, and packets that cannot arrive. */
import type { Random } from '@lodestone/host'
import type { SimEvent } from './sim-event.ts'

const MEAN_GAP_MS = 12_000
const STRAYS = 400

/** @param instances `[project, name]` of those that are there from the beginning. */
export function drawTraffic(
  random: Random,
  instances: readonly (readonly [string, string])[],
  durationMs: number,
): SimEvent[] {
  const events: SimEvent[] = []
  for (let atMs = 0; ;) {
    atMs += -MEAN_GAP_MS * Math.log(1 - random.float() * 0.999)
    if (atMs >= durationMs) return events
    if (random.below(4) === 0) {
      events.push({ atMs, forMs: 0, action: { kind: 'stray', ttl: 1 + random.below(2), count: STRAYS } })
      continue
    }
    const [project, instance] = instances[random.below(instances.length)]!
    const count = 4 + random.below(8)
    events.push({ atMs, forMs: 0, action: { kind: 'flow', project, instance, count } })
  }
}
