/** Whether an experiment is worth something: whether frames were delivered when the model wanted them to be. */
import type { LabInfo } from './lab-api.ts'

/** Frames that have to be measured before one can say that the machine was too slow. */
const FEWEST_FRAMES = 20

/** By the worst direction of a link; where none has carried enough, by all frames together. */
export function fidelityOf(links: LabInfo['links'], boundMs: number): LabInfo['fidelity'] {
  const sides = links.flatMap(({ name, a_to_b, b_to_a }) => [
    { link: name, ...a_to_b },
    { link: name, ...b_to_a },
  ])
  const frames = sides.reduce((sum, { delivered }) => sum + delivered, 0)
  const maxMs = Math.max(0, ...sides.map(({ late_max_ms }) => late_max_ms))
  const busy = sides.filter(({ delivered }) => delivered >= FEWEST_FRAMES)
  const worst = busy.toSorted((a, b) => b.late_p99_ms - a.late_p99_ms)[0]
  // Of few frames the latest one stands for the hundredth.
  const lateMs = worst?.late_p99_ms ?? (frames >= FEWEST_FRAMES ? maxMs : 0)
  return {
    valid: lateMs <= boundMs,
    judged: frames >= FEWEST_FRAMES,
    bound_ms: boundMs,
    frames,
    late_p99_ms: lateMs,
    late_max_ms: maxMs,
    worst_link: worst === undefined || worst.late_p99_ms === 0 ? null : worst.link,
  }
}

/** As a sentence. */
export function verdictOf({
  valid,
  judged,
  frames,
  late_p99_ms,
  late_max_ms,
  bound_ms,
  worst_link,
}: LabInfo['fidelity']): string {
  const latest = `the latest came ${late_max_ms.toFixed(1)} ms after its time`
  if (!judged) return `too few frames to say: ${frames}, ${frames === 0 ? 'none came yet' : latest}`
  if (valid)
    return `valid: 99 of 100 frames came within ${late_p99_ms.toFixed(3)} ms of their time (bound ${bound_ms} ms)`
  const where = worst_link === null ? '' : `on ${worst_link} `
  return `INVALID: ${where}frames came ${late_p99_ms.toFixed(1)} ms late (bound ${bound_ms} ms): this machine cannot keep up`
}
