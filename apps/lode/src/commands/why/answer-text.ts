/** An answer as text: verdict, cause and remedy first, then the walk. */
import type { PathAnswer } from '@lodestone/contract-testbed'
import { renderNearMiss, renderStory, type StoryEvent } from '@lodestone/probe'

export interface AnswerTextOptions {
  readonly isBrief: boolean
  /** The walk of every path; otherwise paths that end alike are told once. */
  readonly hasAll: boolean
  readonly color: boolean
}

type Path = PathAnswer['paths'][number]

export function answerText(answer: PathAnswer, { isBrief, hasAll, color }: AnswerTextOptions): string {
  const { question, source, destination, paths } = answer
  const port = question.port === undefined ? '' : `/${question.port}`
  const what = `${nameAnd(question.from, source)} → ${nameAnd(question.to, destination)}  ${question.protocol}${port}`
  const groups = Map.groupBy(paths, (path) => `${path.verdict} ${path.at} ${path.reason?.code}`)
  const lines: string[] = []
  for (const group of groups.values()) {
    const [first] = group as [Path, ...Path[]]
    const count = paths.length === 1 ? '' : `  on ${group.length} of ${paths.length} equal paths`
    const verdict = first.verdict.toUpperCase()
    lines.push(`${color ? paint(verdict, first.verdict) : verdict}  ${what}  at ${first.at}${count}`)
    if (first.reason !== undefined) {
      const detail = first.detail === undefined ? '' : ` (${first.detail})`
      lines.push(`because  ${first.reason.sentence}${detail}  [${first.reason.code}]`)
    } else if (first.detail !== undefined) lines.push(`because  ${first.detail}`)
    for (const each of first.nearest ?? []) lines.push(`closest  ${renderNearMiss(each).replace(/^closest /, '')}`)
    if (first.reason?.hint !== undefined) lines.push(`fix      ${first.reason.hint}`)
    if (isBrief) continue
    // The contract leaves steps open for kinds that are newer than this program.
    const told = hasAll ? group : [first]
    for (const { events } of told) {
      lines.push('', renderStory(events as readonly unknown[] as readonly StoryEvent[], { color }))
    }
    lines.push('')
  }
  if (answer.not_checked.length > 0) lines.push(`not checked: ${answer.not_checked.join('; ')}`)
  return lines.join('\n')
}

function nameAnd(name: string, address: string): string {
  return name === address ? name : `${name} (${address})`
}

function paint(text: string, verdict: string): string {
  const code = verdict === 'dropped' ? '31' : verdict === 'unknown' ? '33' : '32'
  return `\u001B[${code}m${text}\u001B[0m`
}
