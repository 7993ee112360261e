/** What a changed policy would do, worked out on the routes that are there (nothing is changed). */
import type { Ip } from '@lodestone/net'
import type { Rib } from '@lodestone/rib'
import { RouteFlag } from '@lodestone/rib'
import type { AttributeSet } from './attribute-set.ts'
import { formatCommunity, formatLargeCommunities } from './community.ts'
import type { ExportPlan } from './export-plan.ts'
import type { DryRun, PolicyDifference } from './policy.ts'
import { type ExportContext, type ExportResult, RouteExporter } from './route-export.ts'
import { type ImportContext, RouteJudge } from './route-judgement.ts'
import type { Session } from './session.ts'

class Tally {
  readonly #direction: 'import' | 'export'
  readonly #limit: number
  readonly #differences: PolicyDifference[] = []
  #examined = 0
  readonly #counts = { 'newly-accepted': 0, 'newly-rejected': 0, changed: 0 }

  constructor(direction: 'import' | 'export', limit: number) {
    this.#direction = direction
    this.#limit = limit
  }

  /** @param wasAccepted whether the route passes now. */
  add(
    rib: Rib,
    ref: number,
    pathId: number,
    before: { readonly isAccepted: boolean; readonly text: () => string },
    after: { readonly isAccepted: boolean; readonly text: () => string },
    isEqual: boolean,
  ): void {
    this.#examined++
    if (isEqual) return
    const change =
      before.isAccepted && after.isAccepted ? 'changed' : after.isAccepted ? 'newly-accepted' : 'newly-rejected'
    if (!before.isAccepted && !after.isAccepted) return
    this.#counts[change]++
    if (this.#differences.length >= this.#limit) return
    const prefix = rib.store.prefix(ref)
    this.#differences.push({
      prefix,
      family: prefix.family,
      pathId,
      change,
      before: before.text(),
      after: after.text(),
    })
  }

  result(): DryRun {
    const { 'newly-accepted': newlyAccepted, 'newly-rejected': newlyRejected, changed } = this.#counts
    return {
      direction: this.#direction,
      examined: this.#examined,
      unchanged: this.#examined - newlyAccepted - newlyRejected - changed,
      newlyAccepted,
      newlyRejected,
      changed,
      differences: this.#differences,
    }
  }
}

export function dryRunImport(rib: Rib, session: Session, context: ImportContext, limit: number): DryRun {
  const judge = new RouteJudge(context)
  const tally = new Tally('import', limit)
  for (const slot of session.adjacency.slots()) {
    const preview = session.importer.preview(slot, judge)
    if (preview === undefined) continue
    const { before, after } = preview
    const describe = (offer: typeof before | typeof after): string =>
      offer.unusable === undefined
        ? // because BGP announces nothing else
          describeRoute(offer.attributes as AttributeSet, offer.nextHop)
        : `rejected: ${offer.unusable.sentence}`
    const isEqual =
      before.unusable?.code === after.unusable?.code &&
      before.nextHop.equals(after.nextHop) &&
      (after.preference === undefined || before.preference === after.preference) &&
      (before.attributes === after.attributes || describe(before) === describe(after))
    tally.add(
      rib,
      rib.store.paths.route[slot]!,
      rib.store.paths.pathId(slot),
      { isAccepted: before.unusable === undefined, text: () => describe(before) },
      { isAccepted: after.unusable === undefined, text: () => describe(after) },
      isEqual,
    )
  }
  return tally.result()
}

export function dryRunExport(
  rib: Rib,
  session: Session,
  plan: ExportPlan,
  context: ExportContext,
  limit: number,
): DryRun {
  const exporter = new RouteExporter(context)
  const tally = new Tally('export', limit)
  const { store } = rib
  const describe = (result: ExportResult): string =>
    result.kind === 'export' ? describeRoute(result.attributes, result.nextHop) : `not told: ${result.sentence}`
  for (const table of [store.v4, store.v6]) {
    const bit = table.family === 6 ? 1 : 0
    for (let index = 0; index < table.end; index++) {
      const flags = table.flags[index]!
      const isOriginated = (flags & RouteFlag.originated) !== 0
      const best = table.best[index]!
      if (flags === 0 || (best < 0 && !isOriginated)) continue
      const offer = isOriginated ? 'originated' : store.offers.get(store.paths.offer[best]!)
      if (offer !== 'originated' && offer.sourceId === session.adjacencyId) continue
      const ref = index * 2 + bit
      const prefix = store.prefix(ref)
      const before = plan.exporter.export(prefix, offer)
      const after = exporter.export(prefix, offer)
      tally.add(
        rib,
        ref,
        0,
        { isAccepted: before.kind === 'export', text: () => describe(before) },
        { isAccepted: after.kind === 'export', text: () => describe(after) },
        describe(before) === describe(after),
      )
    }
  }
  return tally.result()
}

/** `via 203.0.113.1, AS_PATH 65001 65002, LOCAL_PREF 100, MED 5, communities 65001:7`. */
export function describeRoute(set: AttributeSet, nextHop: Ip): string {
  const parts = [`via ${nextHop}`, `AS_PATH ${set.asPathText === '' ? 'empty' : set.asPathText}`]
  if (set.localPref !== undefined) parts.push(`LOCAL_PREF ${set.localPref}`)
  if (set.med !== undefined) parts.push(`MED ${set.med}`)
  if (set.communities.length > 0) parts.push(`communities ${set.communities.map(formatCommunity).join(' ')}`)
  if (set.largeCommunities !== undefined)
    parts.push(`large communities ${formatLargeCommunities(set.largeCommunities).join(' ')}`)
  return parts.join(', ')
}
