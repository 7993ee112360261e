/**
 * Why a prefix goes where it goes, from the wire to the forwarding planes: every path with when it came, what policy said and
 * the step of the decision that it lost at; what each forwarding plane has; which peers are told.
 */
import type { AttributeSet } from '@lodestone/bgp'
import type { RouteExplanation } from '@lodestone/contract-routed'
import type { Prefix } from '@lodestone/net'
import type { BgpAttributes, Path } from '@lodestone/rib'
import type { Routed } from '../routed.ts'
import { isoTime, pathToApi } from './status-to-api.ts'

export function explainRoute(routed: Routed, prefix: Prefix): RouteExplanation | undefined {
  const { rib, host } = routed
  const { clock } = host
  const explanation = rib.explain(prefix)
  if (explanation === undefined) return undefined
  return {
    prefix: explanation.prefix.toString(),
    paths: explanation.paths.map(({ path, verdict, step, sentence }) => ({
      path: pathToApi(path, clock),
      verdict,
      sentence,
      received_at: isoTime(clock.wallMs() - (clock.nowMs() - path.receivedAtMs)),
      ...(step === undefined ? {} : { step }),
      ...(path.policy === undefined ? {} : { policy: path.policy }),
      ...receivedText(path),
      ...wayText(routed, path),
    })),
    lower: routed.explainLower(explanation.prefix).map(({ target, state, sentence, nextHops }) => ({
      target,
      state,
      sentence,
      next_hops: nextHops.map(({ via, interface: name }) =>
        via === undefined ? name : name === '' ? `${via}` : `${via} on ${name}`,
      ),
    })),
    exports: [...(routed.speaker?.peers() ?? [])].flatMap((peer) => {
      const result = peer.explainExport(explanation.prefix)
      if (result === undefined) return []
      const isExported = result.kind === 'export'
      const told = { peer: peer.config.name, exported: isExported }
      return [{ ...told, sentence: isExported ? exportText(result.attributes, `${result.nextHop}`) : result.sentence }]
    }),
    ...oscillationOf(routed, explanation.prefix),
  }
}

function oscillationOf({ rib, host }: Routed, prefix: Prefix): Pick<RouteExplanation, 'oscillation'> {
  const found = rib.oscillations().find((oscillation) => oscillation.prefix.equals(prefix))
  if (found === undefined) return {}
  const { sinceMs, changes, selections } = found
  const since = isoTime(host.clock.wallMs() - (host.clock.nowMs() - sinceMs))
  return { oscillation: { since, changes, selections: [...selections] } }
}

/** What policy changed, if anything. */
function receivedText({ received, attributes }: Path): { readonly received?: string } {
  if (received === undefined || attributes === undefined || received === attributes) return {}
  return { received: attributesText(received) }
}

/** How the next hop is reached, if that is not plain. */
function wayText(routed: Routed, { nextHop, nextHopInterface }: Path): { readonly next_hop_way?: string } {
  const way = nextHopInterface === undefined ? routed.wayTo(nextHop) : undefined
  return way === undefined || way.isOnLink ? {} : { next_hop_way: way.sentence }
}

function exportText(attributes: AttributeSet, nextHop: string): string {
  return `next hop ${nextHop}, ${attributesText(attributes)}`
}

function attributesText(attributes: BgpAttributes): string {
  const path = attributes.asPathText === '' ? 'empty AS_PATH' : `AS_PATH ${attributes.asPathText}`
  return `${path}, LOCAL_PREF ${attributes.effectiveLocalPref}, MED ${attributes.effectiveMed}`
}
