import type { RouteExplanation } from '@lodestone/contract-routed'
import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { durationText } from '../routed/duration-text.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'

export const explainCommand = buildCommand({
  docs: {
    brief: 'Say why a prefix goes where it goes, from the wire to the forwarding table',
    fullDescription: [
      'Walks every path that was received: when it came, what policy said and changed, and for each that is not used the step of the',
      'decision that it lost at, and against which. Then what the forwarding tables have, and which peers are told.',
      'An address is looked up by longest match. Exit status 1 when there is no route.',
    ].join('\n'),
    customUsage: [
      { input: '198.51.100.0/24', brief: 'One prefix' },
      { input: '198.51.100.7', brief: 'Where packets to this address go, and why' },
    ],
  },
  parameters: {
    flags: routerFlags,
    positional: {
      kind: 'tuple',
      parameters: [{ parse: parseText, brief: 'Prefix or address', placeholder: 'DESTINATION' }],
    },
  },
  async func(this: LodeContext, flags: RouterFlags, destination: string) {
    const result = await (await routedClient(this, flags)).rib_explain({ query: { destination } })
    if (!result.ok) return reportRoutedFailure(this, flags, result)
    if (flags.json) return this.printJson(result.value)
    this.print(explanationText(result.value))
  },
})

const MARKS = { best: '>', multipath: '=', lost: ' ', unusable: 'x' } as const

export function explanationText({ prefix, paths, lower = [], exports = [], oscillation }: RouteExplanation): string {
  const lines = [prefix]
  if (oscillation !== undefined) {
    const { changes, since, selections } = oscillation
    lines.push(`! oscillates: ${changes} changes of the best path since ${since}, in turn:`)
    lines.push(...selections.map((selection) => `    ${selection}`))
  }
  for (const { path, verdict, step, sentence, received, policy, next_hop_way: way } of paths) {
    const from = path.peer === '' ? path.protocol : `${path.protocol} ${path.peer}`
    const via = path.interface === undefined ? path.next_hop : `${path.next_hop} on ${path.interface}`
    const id = path.path_id === undefined ? '' : `, path ID ${path.path_id}`
    lines.push('', `${MARKS[verdict]} ${from} via ${via}${id}, received ${durationText(path.age_ms)} ago`)
    if (received !== undefined) lines.push(`    as received: ${received}`)
    if (policy !== undefined) lines.push(`    policy: ${policy}`)
    if (path.bgp !== undefined) {
      const { as_path: asPath, origin, local_pref: localPref, med, communities = [] } = path.bgp
      const more = communities.length === 0 ? '' : `, communities ${communities.join(' ')}`
      lines.push(
        `    AS_PATH ${asPath === '' ? '(empty)' : asPath}, origin ${origin}, LOCAL_PREF ${localPref}, MED ${med}${more}`,
      )
    }
    if (way !== undefined) lines.push(`    next hop: ${way}`)
    if (path.stale === true) lines.push('    stale: kept over a restart of its peer')
    lines.push(`    ${verdict}${step === undefined ? '' : ` (${step})`}: ${sentence}`)
  }
  if (lower.length > 0) lines.push('')
  for (const { target, state, sentence, next_hops: hops } of lower) {
    lines.push(`${target}: ${state}, ${sentence}${hops.length === 0 ? '' : `: ${hops.join(', ')}`}`)
  }
  if (exports.length > 0) lines.push('')
  for (const { peer, exported, sentence } of exports) {
    lines.push(`${exported ? 'told to' : 'not told to'} ${peer}: ${sentence}`)
  }
  return lines.join('\n')
}
