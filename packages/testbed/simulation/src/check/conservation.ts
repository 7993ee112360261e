/** Frames that entered each link are delivered, dropped for a reason, or under way. */
import type { Link } from '@lodestone/link'

export function conservationProblems(links: Iterable<Link>): string[] {
  const problems: string[] = []
  for (const link of links) {
    let entered = 0
    let ended = link.framesInFlight
    for (const direction of ['a-to-b', 'b-to-a'] as const) {
      const { framesIn, framesOut, duplicated, drops } = link.counters(direction)
      entered += framesIn + duplicated
      ended += framesOut
      for (const count of Object.values(drops)) ended += count
    }
    if (entered !== ended) problems.push(`${link.name}: ${entered} frames entered, ${ended} are accounted for`)
  }
  return problems
}
