/** A path of the arrays in the form that the decision steps take. Views are used again: the hot path makes no objects. */
import type { Candidate } from './decision.ts'
import type { BgpAttributes, PathSource } from './path.ts'
import type { RouteStore } from './route-store.ts'

export class PathView implements Candidate {
  slot = -1
  preference = 0
  // because `loadView` sets it before anybody looks
  source: PathSource = undefined as unknown as PathSource
  attributes: BgpAttributes | undefined = undefined
  metric = 0
  receivedAtMs = 0
  pathId = 0
}

/** Makes `view` show the path in `slot`. */
export function loadView(view: PathView, { paths, offers }: RouteStore, slot: number): void {
  const offer = offers.get(paths.offer[slot]!)
  view.slot = slot
  view.preference = offer.preference
  view.source = offer.source
  view.attributes = offer.attributes
  view.metric = offer.metric
  view.receivedAtMs = paths.receivedAtMs[slot]!
  view.pathId = paths.pathId(slot)
}
