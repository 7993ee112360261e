/**
 * The decision process: which of a prefix's paths are used (RFC 4271 §9.1.2.2, with RFC 4456 §9 for reflected routes).
 *
 * It is a list of named steps. Each step removes the candidates that another candidate beats *at that step*; what is
 * left goes to the next. Elimination, not sorting: MED compares only within a neighbour AS and so is no order at all,
 * and elimination makes the result a function of the set, never of arrival order (unless `oldest` is asked for).
 *
 * Invariant: `explain` runs the same code with a recorder, so the reason given is the step that decided.
 */
import { type BgpAttributes, describePath, type Path, PROTOCOLS } from './path.ts'

export interface DecisionOptions {
  /** Prefer the path that arrived first among otherwise equal external ones (RFC 5004). Makes results order-dependent. */
  readonly preferOldest: boolean
  /** Compare MEDs of different neighbour ASes too. */
  readonly alwaysCompareMed: boolean
  /** Multipath only over equal AS_PATHs, instead of AS_PATHs of equal length (relaxed). */
  readonly multipathNeedsSameAsPath: boolean
  /** A path without MED counts as one with the highest, not the lowest. */
  readonly missingMedIsWorst: boolean
}

/** What the steps look at. A `Path` is one; the RIB runs the same steps over views of its arrays. */
export type Candidate = Pick<Path, 'preference' | 'source' | 'attributes' | 'metric' | 'receivedAtMs' | 'pathId'>

export const DEFAULT_DECISION: DecisionOptions = {
  preferOldest: false,
  alwaysCompareMed: false,
  multipathNeedsSameAsPath: false,
  missingMedIsWorst: false,
}

export type DecisionStepName =
  | 'preference'
  | 'protocol'
  | 'local-pref'
  | 'as-path-length'
  | 'origin'
  | 'med'
  | 'external-over-internal'
  | 'metric'
  | 'oldest'
  | 'router-id'
  | 'cluster-list-length'
  | 'peer-address'
  | 'path-id'
  /** Not comparators: why a path that tied for best is nevertheless not used. */
  | 'as-path-differs'
  | 'fan-out'

export interface DecisionStep {
  readonly name: DecisionStepName
  /** Multipath is over the paths that are equal at every step that is not a tie-break. */
  readonly isTieBreak: boolean
  /** What is compared, the least wins; absent where it is no number. The RIB keeps these in arrays (`Ranking`). */
  readonly value?: (path: Candidate) => number
  /** Negative when `a` wins. */
  compare(a: Candidate, b: Candidate): number
  /** Only paths of one group are compared; absent: all are. */
  group?(path: Candidate): number
  /** What the step looks at, for people. */
  describe(path: Candidate): string
}

const ORIGIN_NAMES = ['IGP', 'EGP', 'INCOMPLETE'] as const

/** A step over numbers, of which the least wins. */
function numberStep(
  name: DecisionStepName,
  value: (path: Candidate) => number,
  describe: (path: Candidate) => string,
): DecisionStep {
  return { name, isTieBreak: false, value, compare: (a, b) => value(a) - value(b), describe }
}

/** A step over BGP attributes; paths without any are equal to each other, and never get here together with paths that have them. */
function attributeStep(
  name: DecisionStepName,
  value: (attributes: BgpAttributes) => number,
  describe: (attributes: BgpAttributes) => string,
): DecisionStep {
  return numberStep(
    name,
    ({ attributes }) => (attributes === undefined ? 0 : value(attributes)),
    ({ attributes }) => (attributes === undefined ? 'none' : describe(attributes)),
  )
}

function routerId(path: Candidate): number {
  return path.attributes?.originatorId ?? path.source.bgp?.routerId ?? 0
}

export function decisionSteps(options: DecisionOptions): readonly DecisionStep[] {
  const med = attributeStep(
    'med',
    options.missingMedIsWorst ? (a) => (a.isMedAbsent === true ? 0xffffffff : a.effectiveMed) : (a) => a.effectiveMed,
    (a) => `MED ${a.effectiveMed} from AS ${a.neighbourAsn}`,
  )
  const steps: DecisionStep[] = [
    numberStep(
      'preference',
      (path) => path.preference,
      (path) => `preference ${path.preference}`,
    ),
    numberStep(
      'protocol',
      (path) => PROTOCOLS.indexOf(path.source.protocol),
      (path) => `protocol ${path.source.protocol}`,
    ),
    attributeStep(
      'local-pref',
      (a) => -a.effectiveLocalPref,
      (a) => `LOCAL_PREF ${a.effectiveLocalPref}`,
    ),
    attributeStep(
      'as-path-length',
      (a) => a.asPathLength,
      (a) => `AS_PATH length ${a.asPathLength}`,
    ),
    attributeStep(
      'origin',
      (a) => a.origin,
      (a) => `ORIGIN ${ORIGIN_NAMES[a.origin]}`,
    ),
    options.alwaysCompareMed ? med : { ...med, group: (path) => path.attributes?.neighbourAsn ?? 0 },
    numberStep('external-over-internal', internalRank, (path) =>
      internalRank(path) === 0 ? 'learned by eBGP' : 'learned by iBGP',
    ),
    numberStep(
      'metric',
      (path) => path.metric,
      (path) => `metric ${path.metric}`,
    ),
  ]
  if (options.preferOldest) {
    steps.push({
      name: 'oldest',
      isTieBreak: true,
      compare: (a, b) =>
        a.source.bgp?.isExternal === true && b.source.bgp?.isExternal === true ? a.receivedAtMs - b.receivedAtMs : 0,
      describe: (path) => `received at ${path.receivedAtMs.toFixed(0)} ms`,
    })
  }
  steps.push(
    { ...numberStep('router-id', routerId, (path) => `router ID ${dotted(routerId(path))}`), isTieBreak: true },
    {
      ...numberStep(
        'cluster-list-length',
        (path) => path.attributes?.clusterListLength ?? 0,
        (path) => `CLUSTER_LIST length ${path.attributes?.clusterListLength ?? 0}`,
      ),
      isTieBreak: true,
    },
    {
      name: 'peer-address',
      isTieBreak: true,
      compare: (a, b) => {
        const peerA = a.source.bgp?.peerAddress
        const peerB = b.source.bgp?.peerAddress
        if (peerA !== undefined && peerB !== undefined) return peerA.compare(peerB)
        return a.source.peer < b.source.peer ? -1 : a.source.peer > b.source.peer ? 1 : 0
      },
      describe: (path) => `peer ${path.source.bgp?.peerAddress.toString() ?? path.source.peer}`,
    },
    {
      ...numberStep(
        'path-id',
        (path) => path.pathId,
        (path) => `path ID ${path.pathId}`,
      ),
      isTieBreak: true,
    },
  )
  return steps
}

function internalRank(path: Candidate): 0 | 1 {
  return path.source.bgp === undefined || path.source.bgp.isExternal ? 0 : 1
}

/** Told about each path that loses: at which step, and one of the paths that beat it there. */
export type DecisionRecorder<Item extends Candidate> = (
  loser: Item,
  step: DecisionStep | 'as-path-differs' | 'fan-out',
  winner: Item,
) => void

/**
 * Selects from `candidates`, the usable paths of one prefix.
 * @param fanOut how many paths may be used, from the protocol of the best one.
 * @returns the best path first, then the others used beside it; empty when there are no candidates.
 */
export function decide<Item extends Candidate>(
  candidates: readonly Item[],
  steps: readonly DecisionStep[],
  options: DecisionOptions,
  fanOut: (best: Item) => number,
  record?: DecisionRecorder<Item>,
): readonly Item[] {
  let left = candidates
  if (left.length <= 1) return left
  if (record === undefined && isOrder(candidates, steps)) {
    // Elimination comes down to the least of them; the most frequent case by far.
    let best = left[0]!
    for (let i = 1; i < left.length; i++) if (compareFrom(steps, 0, left[i]!, best) < 0) best = left[i]!
    if (fanOut(best) <= 1) return [best]
  }
  let tieBreaks = 0
  for (; tieBreaks < steps.length; tieBreaks++) {
    const step = steps[tieBreaks]!
    if (step.isTieBreak) break
    left = eliminate(left, step, record)
    if (left.length === 1) return left
  }
  // What is left is equal in everything but tie-breaks, and those are an order: the first is best.
  let best = left[0]!
  for (let i = 1; i < left.length; i++) if (compareFrom(steps, tieBreaks, left[i]!, best) < 0) best = left[i]!
  const limit = fanOut(best)
  if (limit <= 1 && record === undefined) return [best]
  const ranked = left.toSorted((a, b) => compareFrom(steps, tieBreaks, a, b))
  const used: Item[] = [best]
  for (let i = 1; i < ranked.length; i++) {
    const path = ranked[i]!
    const hasSameAsPath = path.attributes?.asPathText === best.attributes?.asPathText
    if (limit <= 1)
      record?.(path, steps.find((step, k) => k >= tieBreaks && step.compare(best, path) !== 0) ?? 'fan-out', best)
    else if (options.multipathNeedsSameAsPath && !hasSameAsPath) record?.(path, 'as-path-differs', best)
    else if (used.length >= limit) record?.(path, 'fan-out', best)
    else used.push(path)
  }
  return used
}

/** Whether the steps order these candidates: no step compares within groups only, or it finds nothing to compare. */
function isOrder(candidates: readonly Candidate[], steps: readonly DecisionStep[]): boolean {
  for (const step of steps) {
    if (step.group === undefined) continue
    // Equal to the first in everything that the step looks at, or in one group with it.
    const first = candidates[0]!
    const group = step.group(first)
    let areEqual = true
    let areOneGroup = true
    for (let i = 1; i < candidates.length; i++) {
      if (step.compare(first, candidates[i]!) !== 0) areEqual = false
      if (step.group(candidates[i]!) !== group) areOneGroup = false
    }
    if (!areEqual && !areOneGroup) return false
  }
  return true
}

function eliminate<Item extends Candidate>(
  candidates: readonly Item[],
  step: DecisionStep,
  record?: DecisionRecorder<Item>,
): readonly Item[] {
  if (step.group === undefined) {
    let best = candidates[0]!
    let isUneven = false
    for (let i = 1; i < candidates.length; i++) {
      const order = step.compare(candidates[i]!, best)
      if (order !== 0) isUneven = true
      if (order < 0) best = candidates[i]!
    }
    if (!isUneven) return candidates
    return candidates.filter((path) => {
      if (step.compare(best, path) >= 0) return true
      record?.(path, step, best)
      return false
    })
  }
  let survivors: Item[] | undefined
  for (let i = 0; i < candidates.length; i++) {
    const path = candidates[i]!
    const winner = groupWinner(candidates, path, step)
    if (winner === undefined) survivors?.push(path)
    else {
      survivors ??= candidates.slice(0, i)
      record?.(path, step, winner)
    }
  }
  return survivors ?? candidates
}

/** The best candidate of the same group when it beats `path`. */
function groupWinner<Item extends Candidate>(
  candidates: readonly Item[],
  path: Item,
  step: DecisionStep,
): Item | undefined {
  let winner: Item | undefined
  const group = step.group!(path)
  for (const other of candidates) {
    if (step.group!(other) === group && step.compare(other, winner ?? path) < 0) winner = other
  }
  return winner
}

/** By the steps from number `from` on. @returns negative when `a` wins. */
export function compareFrom(steps: readonly DecisionStep[], from: number, a: Candidate, b: Candidate): number {
  for (let i = from; i < steps.length; i++) {
    const order = steps[i]!.compare(a, b)
    if (order !== 0) return order
  }
  return 0
}

function dotted(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`
}

/** One sentence for a lost comparison. */
export function describeLoss(loser: Path, step: DecisionStep | 'as-path-differs' | 'fan-out', winner: Path): string {
  if (step === 'fan-out') return `ties with ${describePath(winner)}, but the fan-out is used up`
  if (step === 'as-path-differs') {
    return `ties with ${describePath(winner)}, but multipath is limited to AS_PATH ${winner.attributes?.asPathText ?? ''}`
  }
  return `${step.describe(loser)} loses to ${step.describe(winner)} of ${describePath(winner)}`
}
