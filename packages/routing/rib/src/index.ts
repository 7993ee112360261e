export { Adjacency, type AdjacencyOptions, type PathFilter, Sweeper } from './adjacency.ts'
export {
  type Candidate,
  decide,
  type DecisionOptions,
  type DecisionStep,
  decisionSteps,
  type DecisionStepName,
  DEFAULT_DECISION,
} from './decision.ts'
export { grown, type NumberArray } from './grown.ts'
export { InternTable } from './intern-table.ts'
export {
  type LinkHop,
  type LinkSubnet,
  NextHopResolver,
  type NextHopResolverOptions,
  type NextHopWay,
} from './next-hop-resolver.ts'
export { NumberQueue } from './number-queue.ts'
export { type Announcement, isSameOffer, Offer, OfferTable } from './offer.ts'
export type { Oscillation } from './oscillation-watch.ts'
export {
  type BgpAttributes,
  type BgpPeerFacts,
  DEFAULT_PREFERENCE,
  describePath,
  type Path,
  type PathSource,
  type Protocol,
  PROTOCOLS,
  type Unusable,
} from './path.ts'
export { PathFlag, PathTable } from './path-table.ts'
export { maskedPrefix, PrefixTable } from './prefix-table.ts'
export { RouteStore } from './route-store.ts'
export { RouteFlag, RouteTable } from './route-table.ts'
export type { Route } from './route.ts'
export {
  type Explanation,
  type PathExplanation,
  Rib,
  type RibOptions,
  type RibWatcher,
  type RouteChange,
  type SubscribeOptions,
  type Verdict,
} from './rib.ts'
export { Subscription } from './subscription.ts'
