export { Adjacency, type AdjacencyOptions, type Announcement } from './adjacency.ts'
export {
  decide,
  type DecisionOptions,
  type DecisionStep,
  decisionSteps,
  type DecisionStepName,
  DEFAULT_DECISION,
} from './decision.ts'
export { InternTable } from './intern-table.ts'
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
export { maskedPrefix, PrefixTable } from './prefix-table.ts'
export type { Route } from './route.ts'
export {
  type Explanation,
  type PathExplanation,
  Rib,
  type RibOptions,
  type RibWatcher,
  type RouteChange,
  type Verdict,
} from './rib.ts'
