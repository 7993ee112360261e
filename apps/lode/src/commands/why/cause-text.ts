/** Causes as text: the entry, who wrote it and on whose request, and the packets that used it. */
import type { CauseAnswer } from '@lodestone/contract-testbed'

type Entry = CauseAnswer['entries'][number]

export function causeText({ entries, left_out: leftOut }: CauseAnswer): string {
  const more = leftOut === 0 ? [] : [`${leftOut} more entries match; name more of their words`]
  return [...entries.map(entryText), ...more].join('\n\n')
}

function entryText(entry: Entry): string {
  const { reconciler, requests, routes, samples, connections = [], removed } = entry
  const lines = [`${entry.node} ${entry.table}  ${entry.entry}`]
  lines.push(`written   ${entry.time_written ?? 'nobody keeps when'}, by ${entry.writer}`)
  if (reconciler !== undefined) {
    const generation = reconciler.generation === undefined ? '' : `, now at generation ${reconciler.generation}`
    lines.push(`pushed    by reconciler ${reconciler.name} of ${reconciler.target}, ${reconciler.state}${generation}`)
  }
  lines.push(...requestLines(requests, 'rests on  '))
  if (removed !== undefined) {
    lines.push(`removed   ${removed.time_removed}, by ${removed.remover}`)
    lines.push(...requestLines(removed.requests, 'or        '))
  }
  for (const id of entry.unknown_requests) lines.push(`because   request ${id}, of which the audit log knows nothing`)
  for (const route of routes) {
    const { prefix, protocol, peer, peer_address, next_hop, as_path, time_received } = route
    const from = peer === '' ? '' : ` from ${peer}${peer_address === undefined ? '' : ` (${peer_address})`}`
    const path = as_path === undefined ? '' : `, AS path ${as_path === '' ? 'empty' : as_path}`
    lines.push(`route     ${prefix} via ${next_hop}: ${protocol}${from}, received ${time_received}${path}`)
    lines.push(...requestLines(route.requests, 'rests on  '))
  }
  if (entry.hits !== undefined) lines.push(`used      by ${entry.hits} packets`)
  for (const { packet, verdict } of samples) lines.push(`packet    ${packet}  ${verdict}`)
  for (const { connection, packets, idle_ms } of connections) {
    lines.push(`now       ${connection}, ${packets} packets, the last ${(idle_ms / 1000).toFixed(1)} s ago`)
  }
  return lines.join('\n')
}

function requestLines(requests: Entry['requests'], others: string): string[] {
  return requests.map(({ id, operation, uri, time_completed, user_id, status, is_last }) => {
    const who = user_id === undefined ? '' : ` by user ${user_id}`
    return `${is_last ? 'because   ' : others}${time_completed} ${operation} ${uri} → ${status}${who}, request ${id}`
  })
}
