/** Frames that entered each link are delivered, dropped for a reason, or under way; and none was longer than the link's MTU, or cut off. */
import type { Link } from '@lodestone/link'

/** What nobody may send, whatever is wrong elsewhere. */
const UNFIT = [
  ['LINK_OVERSIZE', "longer than the link's MTU"],
  ['LINK_RUNT', 'shorter than a header'],
] as const

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
      for (const [code, what] of UNFIT) {
        const count = drops[code]
        if (count !== undefined) problems.push(`${link.name} ${direction}: ${count} frames ${what}`)
      }
    }
    if (entered !== ended) problems.push(`${link.name}: ${entered} frames entered, ${ended} are accounted for`)
  }
  return problems
}
