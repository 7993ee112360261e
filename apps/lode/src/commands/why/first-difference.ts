/** Where two explanations of one question part. Times are left out: they are those of links, and differ for other reasons. */
import type { PathAnswer } from '@lodestone/contract-testbed'
import { renderStep, type Step } from '@lodestone/probe'

export interface Difference {
  readonly path: number
  readonly step: number
  readonly before: string
  readonly after: string
  readonly text: string
}

const NOTHING = '(nothing more)'

export function firstDifference(before: PathAnswer, after: PathAnswer): Difference | undefined {
  const paths = Math.max(before.paths.length, after.paths.length)
  for (let path = 0; path < paths; path++) {
    const [a, b] = [stepsOf(before, path), stepsOf(after, path)]
    for (let step = 0; step < Math.max(a.length, b.length); step++) {
      if (a[step] === b[step]) continue
      const [was, is] = [a[step] ?? NOTHING, b[step] ?? NOTHING]
      const same = step === 0 ? 'from the start' : `the same up to  ${a[step - 1]}`
      const verdicts = `${before.verdict} → ${after.verdict}`
      const where = paths === 1 ? '' : `, path ${path + 1}`
      return {
        path: path + 1,
        step: step + 1,
        before: was,
        after: is,
        text: `${verdicts}${where}\n${same}\n- ${was}\n+ ${is}`,
      }
    }
  }
  return undefined
}

function stepsOf({ paths }: PathAnswer, path: number): readonly string[] {
  // The contract leaves steps open for kinds that are newer than this program.
  return (paths[path]?.events ?? []).map(({ node, step }) => `${node}: ${renderStep(step as Step).join(' ')}`)
}
