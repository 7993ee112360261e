/** An answer as text: verdict, cause and remedy first, then the walk. */
import type { PathAnswer } from '@lodestone/contract-testbed'
import { renderNearMiss, renderStory, type StoryEvent } from '@lodestone/probe'

export interface AnswerTextOptions {
  readonly isBrief: boolean
  readonly color: boolean
}

export function answerText(answer: PathAnswer, { isBrief, color }: AnswerTextOptions): string {
  const { question, source, destination, paths } = answer
  const port = question.port === undefined ? '' : `/${question.port}`
  const lines: string[] = []
  const what = `${nameAnd(question.from, source)} → ${nameAnd(question.to, destination)}  ${question.protocol}${port}`
  for (const [k, path] of paths.entries()) {
    const which = paths.length === 1 ? '' : `  path ${k + 1} of ${paths.length}`
    const verdict = path.verdict.toUpperCase()
    lines.push(`${color ? paint(verdict, path.verdict) : verdict}  ${what}  at ${path.at}${which}`)
    if (path.reason !== undefined) {
      lines.push(
        `because  ${path.reason.sentence}${path.detail === undefined ? '' : ` (${path.detail})`}  [${path.reason.code}]`,
      )
    } else if (path.detail !== undefined) lines.push(`because  ${path.detail}`)
    for (const each of path.nearest ?? []) lines.push(`closest  ${renderNearMiss(each).replace(/^closest /, '')}`)
    if (path.reason?.hint !== undefined) lines.push(`fix      ${path.reason.hint}`)
    // The contract leaves steps open for kinds that are newer than this program.
    if (!isBrief) lines.push('', renderStory(path.events as readonly unknown[] as readonly StoryEvent[], { color }), '')
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
