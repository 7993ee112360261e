/** An answer as text: verdict, cause and remedy first, then the walk, then what is around it. */
import type { PathAnswer } from '@lodestone/contract-testbed'
import { renderNearMiss, renderStory, type StoryEvent } from '@lodestone/probe'

export interface AnswerTextOptions {
  readonly isBrief: boolean
  /** The walk of every path; otherwise paths that end alike are told once. */
  readonly hasAll: boolean
  readonly color: boolean
}

type Path = PathAnswer['paths'][number]
type Reply = NonNullable<Path['reply']>
type PlainPath = Omit<Path, 'reply'>

/** Where each code is explained. */
export const CODES_PAGE = 'docs/drop-codes.md'

export function answerText(answer: PathAnswer, options: AnswerTextOptions): string {
  const { question, source, destination, paths } = answer
  const port = question.port === undefined ? '' : `/${question.port}`
  const what = `${nameAnd(question.from, source)} → ${nameAnd(question.to, destination)}  ${question.protocol}${port}`
  const lines: string[] = [...circumstances(answer), ...groupLines(paths, what, '', options)]
  const replies = [...new Set(paths.flatMap(({ reply }) => reply ?? []).map((reply) => JSON.stringify(reply)))]
  for (const text of replies) lines.push(...replyLines(JSON.parse(text) as Reply, options)) // because it was one just now
  lines.push(...staleLines(answer))
  if (!options.isBrief) lines.push(...freshLines(answer))
  if (answer.not_checked.length > 0) lines.push(`not checked: ${answer.not_checked.join('; ')}`)
  return lines.join('\n')
}

/** A line for each way it ends, the same as long as the verdict is: for tests of a rack's configuration. */
export function minimalText({ paths }: PathAnswer): string {
  const ends = (all: readonly PlainPath[], before: string): string[] =>
    all.map(({ verdict, at, reason }) => `${before}${verdict} ${at}${reason === undefined ? '' : ` ${reason.code}`}`)
  const replies = paths.flatMap(({ reply }) => reply?.paths ?? [])
  return [...new Set([...ends(paths, '').toSorted(), ...ends(replies, 'reply ').toSorted()])].join('\n')
}

function circumstances({ as_of: asOf, proposed_for: vpc, question }: PathAnswer): string[] {
  return [
    ...(asOf === undefined ? [] : [`as of    ${asOf}: engines and switches as they were configured then`]),
    ...(question.with ?? []).map((change) => `with     ${change}  (VPC ${vpc}; nothing was changed)`),
  ]
}

function replyLines(reply: Reply, options: AnswerTextOptions): string[] {
  if (reply.none !== undefined) return [`REPLY    none to explain: ${reply.none}`]
  return groupLines(reply.paths, reply.summary, 'REPLY ', options)
}

function groupLines(paths: readonly PlainPath[], what: string, before: string, options: AnswerTextOptions): string[] {
  const { isBrief, hasAll, color } = options
  const groups = Map.groupBy(paths, (path) => `${path.verdict} ${path.at} ${path.reason?.code}`)
  const lines: string[] = []
  for (const group of groups.values()) {
    const [first] = group as [PlainPath, ...PlainPath[]] // because a group has a member
    const count = paths.length === 1 ? '' : `  on ${group.length} of ${paths.length} paths`
    const verdict = first.verdict.toUpperCase()
    lines.push(`${before}${color ? paint(verdict, first.verdict) : verdict}  ${what}  at ${placeOf(first)}${count}`)
    lines.push(...causeLines(first))
    for (const { events } of group) lines.push(...defectLines(events))
    if (isBrief) continue
    const told = hasAll ? group : [first]
    for (const { events, environment = [] } of told) {
      // The contract leaves steps open for kinds that are newer than this program.
      lines.push('', renderStory(events as readonly unknown[] as readonly StoryEvent[], { color }))
      lines.push(...environmentLines(environment, hasAll))
    }
    lines.push('')
  }
  return lines
}

function causeLines({ reason, detail, nearest = [] }: PlainPath): string[] {
  const closest = nearest.map((each) => `closest  ${renderNearMiss(each).replace(/^closest /, '')}`)
  if (reason === undefined) return [...(detail === undefined ? [] : [`because  ${detail}`]), ...closest]
  return [
    `because  ${reason.sentence}${detail === undefined ? '' : ` (${detail})`}  [${reason.code}]`,
    ...closest,
    ...(reason.hint === undefined ? [] : [`fix      ${reason.hint}`]),
  ]
}

/** `sled0, firewall in`. */
function placeOf({ at, events, verdict }: PlainPath): string {
  if (verdict !== 'dropped') return at
  const step = events.findLast((event) => event.step.kind === 'layer')?.step
  return step === undefined || step['verdict'] !== 'deny' ? at : `${at}, layer ${step['layer']} ${step['direction']}`
}

/** A recorded decision that is not the layers' is a defect of the packet engine. */
function defectLines(events: Path['events']): string[] {
  return events
    .filter(({ step }) => step.kind === 'flow' && step['agrees'] === false)
    .map(({ node, step }) => `DEFECT   ${node}: ${step['detail']}`)
}

function environmentLines(environment: NonNullable<Path['environment']>, hasAll: boolean): string[] {
  const bad = environment.filter(({ ok }) => !ok)
  const told = hasAll ? environment : bad
  const counted = Object.entries(NAMES).flatMap(([check, name]) => {
    const count = environment.filter((each) => each.check === check).length
    return count === 0 ? [] : [`${count} ${name}`]
  })
  return [
    ...(counted.length === 0 ? [] : [`around   ${counted.join(', ')}${bad.length === 0 ? ': all well' : ''}`]),
    ...told.map(({ check, where, ok, detail }) => `${ok ? '        ' : 'beware  '} ${check} ${where}: ${detail}`),
  ]
}

const NAMES = { link: 'links', mtu: 'packet sizes', neighbor: 'neighbours', table: 'tables' } as const

function staleLines({ freshness = [] }: PathAnswer): string[] {
  return freshness.flatMap(({ input, at, behind = 0, problem }) => {
    const why = problem === undefined ? '' : `: ${problem}`
    if (behind > 0) return [`STALE    ${at} is ${behind} generations of ${input} behind${why}`]
    return problem === undefined ? [] : [`STALE    ${input} of ${at} could not be brought up to date${why}`]
  })
}

function freshLines({ freshness = [] }: PathAnswer): string[] {
  const byPlace = Map.groupBy(freshness, ({ at }) => at)
  return [...byPlace].map(([at, all]) => {
    const inputs = all.map(({ input, generation, age_ms: ageMs }) => {
      const number = generation === undefined ? '' : ` ${generation}`
      return `${input}${number}${ageMs === undefined ? '' : ` (${(ageMs / 1000).toFixed(0)} s)`}`
    })
    return `told     ${at}: ${inputs.join(', ')}`
  })
}

function nameAnd(name: string, address: string): string {
  return name === address ? name : `${name} (${address})`
}

function paint(text: string, verdict: string): string {
  const code = verdict === 'dropped' ? '31' : verdict === 'unknown' ? '33' : '32'
  return `\u001B[${code}m${text}\u001B[0m`
}
