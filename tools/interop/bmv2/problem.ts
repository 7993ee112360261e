/** What is wrong, for people. */
import type { Comparison } from './comparison.ts'

const SHOWN_MAX = 3

/** Undefined when all agree. */
export function problemOf({ packets, differences, ending, isFleeting, state }: Comparison): string | undefined {
  if (isFleeting === true && state.length === 0) return 'differed once, and did not again packet by packet'
  const lines = differences
    .slice(0, SHOWN_MAX)
    .flatMap(({ index, port, packet, ours, theirs, alone }) => [
      `  packet ${index} on port ${port}${alone === false ? ' (not when it is the first)' : ''}: ${packet}`,
      `    ours   ${ours.join(' ') || 'nothing'}`,
      `    BMv2   ${theirs.join(' ') || 'nothing'}`,
    ])
  if (ending !== undefined) lines.push(`  BMv2 ended at packet ${ending.index}: ${ending.text}`)
  lines.push(...state.slice(0, SHOWN_MAX).map((text) => `  ${text}`))
  if (lines.length === 0) return undefined
  return [`${differences.length} of ${packets} packets differ`, ...lines].join('\n')
}
