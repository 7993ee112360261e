/**
 * Where two explanations part. Left out are times, which are those of links and differ for other reasons, what is said about connections, whose
 * ages do, and where different places ask the same their names and addresses.
 */
import type { PathAnswer } from '@lodestone/contract-testbed'
import { renderStep, type Step } from '@lodestone/probe'

export interface Difference {
  readonly path: number
  readonly step: number
  readonly before: string
  readonly after: string
  readonly text: string
}

interface Told {
  /** Equal where two steps are the same. */
  readonly same: string
  readonly text: string
}

const NOTHING: Told = { same: '', text: '(nothing more)' }

export function firstDifference(before: PathAnswer, after: PathAnswer): Difference | undefined {
  const isSamePlace = before.question.from === after.question.from && before.question.to === after.question.to
  const paths = Math.max(before.paths.length, after.paths.length)
  for (let path = 0; path < paths; path++) {
    const [a, b] = [stepsOf(before, path, isSamePlace), stepsOf(after, path, isSamePlace)]
    for (let step = 0; step < Math.max(a.length, b.length); step++) {
      const [was, is] = [a[step] ?? NOTHING, b[step] ?? NOTHING]
      if (was.same === is.same) continue
      const same = step === 0 ? 'from the start' : `the same up to  ${a[step - 1]!.text}`
      const verdicts = `${before.verdict} → ${after.verdict}`
      const where = paths === 1 ? '' : `, path ${path + 1}`
      return {
        path: path + 1,
        step: step + 1,
        before: was.text,
        after: is.text,
        text: `${verdicts}${where}\n${same}\n- ${was.text}\n+ ${is.text}`,
      }
    }
  }
  return undefined
}

function stepsOf({ paths }: PathAnswer, path: number, isSamePlace: boolean): readonly Told[] {
  const answer = paths[path]?.reply?.paths[0]?.events ?? []
  return [...(paths[path]?.events ?? []), ...answer]
    .filter(({ step }) => step.kind !== 'flow')
    .map(({ node, step: told }) => {
      const step = told as Step // because the contract leaves steps open for kinds that are newer than this program
      const text = `${node}: ${renderStep(step).join(' ')}`
      return { text, same: isSamePlace ? `${node}: ${renderStep(withoutChance(step)).join(' ')}` : decisionOf(step) }
    })
}

/** Delays are measured anew all the time. */
function withoutChance(step: Step): Step {
  if (step.kind !== 'route') return step
  const { kind, prefix, nextHop, interface: iface } = step
  return { kind, prefix, nextHop, interface: iface }
}

/** What was decided, whoever it was about. */
function decisionOf(step: Step): string {
  switch (step.kind) {
    case 'layer':
      return `${step.layer} ${step.direction} ${step.verdict} ${step.rule ?? step.source}`
    case 'table':
      return `${step.table} ${step.hit} ${step.action}`
    case 'dropped':
      return step.reason.code
    case 'parser':
      return `parser ${step.states.join()} ${step.error}`
    case 'rewrite':
      return `rewrite ${step.field}`
    default:
      return step.kind
  }
}
