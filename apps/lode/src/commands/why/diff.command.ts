import type { PathAnswer as Answer } from '@lodestone/contract-testbed'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'

export const diffCommand = buildCommand({
  docs: {
    brief: 'Find the first step at which two explanations differ',
    fullDescription: [
      'Explanations are what lode explain --json wrote. With one file, its question is asked again now; with two, they are compared:',
      'before and after a change, or the same question from two places.',
      '',
      'Exit status: 0 the same, 1 different, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'before.json', brief: 'What is different now' },
      { input: 'from-web1.json from-web2.json', brief: 'Where two instances part' },
    ],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Explanation', placeholder: 'FILE' },
        { parse: parseText, brief: 'Another one; now if left out', placeholder: 'FILE', optional: true },
      ],
    },
  },
  async func(this: LodeContext, flags: RackFlags, beforeFile: string, afterFile?: string) {
    const { readFile } = await import('node:fs/promises')
    const { PathAnswer } = await import('@lodestone/contract-testbed')
    const { firstDifference } = await import('./first-difference.ts')
    const load = async (file: string): Promise<Answer | undefined> => {
      const text = await readFile(file, 'utf8').catch((error: Error) => {
        this.note(`${file}: ${error.message}`)
        return undefined
      })
      if (text === undefined) return undefined
      try {
        return PathAnswer.parse(JSON.parse(text))
      } catch {
        this.note(`${file} is not what lode explain --json writes`)
        return undefined
      }
    }
    const before = await load(beforeFile)
    if (before === undefined) return this.exit(ExitStatus.usage)
    let after: Answer | undefined
    if (afterFile === undefined) {
      const directory = this.stateDirectory(flags.state)
      const asked = await (await rackClient(this, directory)).explain({ body: before.question })
      if (!asked.ok) return reportFailure(this, directory, asked)
      after = asked.value
    } else after = await load(afterFile)
    if (after === undefined) return this.exit(ExitStatus.usage)
    const difference = firstDifference(before, after)
    if (flags.json) this.printJson(difference ?? { same: true })
    else this.print(difference === undefined ? 'the same, step by step' : difference.text)
    if (difference !== undefined) this.exit(ExitStatus.failed)
  },
})
