/** A drop report as text for terminals. */
import { failedKeyText } from '../explain/explanation-text.ts'
import { positionText } from '../explain/position.ts'
import type { DropGroup, DropReport } from './drop-report.ts'

export function dropReportText(report: DropReport): string {
  const { dropped, replayed, approximate, groups, ungrouped, reasons } = report
  if (dropped === 0) return 'no packets were dropped'
  const doubtful = approximate === 0 ? '' : `, ${approximate} of them only approximately`
  const lines = [`${dropped} packets dropped; ${replayed} were replayed to find out why${doubtful}`]
  for (const group of groups) lines.push('', ...groupLines(group))
  if (ungrouped > 0) lines.push('', `${ungrouped} more of the replayed packets were dropped in other places`)
  const untold = reasons.filter((one) => !groups.some(({ number, port }) => number === one.number && port === one.port))
  for (const { packets, port, reason } of untold) {
    const from = port < 0 ? '' : ` from port ${port}`
    lines.push('', `${packets} packets${from}: ${reason.code}, none of them replayed`)
  }
  return lines.join('\n')
}

function groupLines(group: DropGroup): string[] {
  const { reason, category, port, packets, replayed, at, decidedBy, exemplars } = group
  const about = replayed === packets ? '' : 'about '
  const lines = [
    `${about}${packets} packets from port ${port}: ${reason.code} (${category}): ${reason.sentence}`,
    ...(decidedBy === undefined ? [] : [`  ${decidedBy}${at === undefined ? '' : ` at ${positionText(at)}`}`]),
  ]
  const [first] = exemplars
  if (first === undefined) return lines
  const { packet, notes, runs } = first.explanation
  lines.push(`  for example: ${packet.summary}`)
  for (const run of runs) {
    for (const step of run.steps) {
      if (step.kind === 'parserError' && !step.isIgnored) {
        lines.push(`    parser stops: ${step.error} at byte ${step.offset}, ${step.available} bytes left`)
      }
      if (step.kind !== 'table' || step.nearest === undefined) continue
      lines.push(`    missed ${step.table}; closest entry ${step.nearest.entry}`)
      lines.push(...step.nearest.failed.map((failed) => `      ${failedKeyText(failed)}`))
    }
  }
  for (const note of notes) lines.push(`    note: ${note}`)
  return lines
}
