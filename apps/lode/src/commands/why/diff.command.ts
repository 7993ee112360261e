import type { PathAnswer as Answer } from '@lodestone/contract-testbed'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { rackClient, reportFailure } from '../../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { parsePacketKind } from './packet-kind.ts'

interface DiffFlags extends RackFlags {
  readonly at: readonly string[]
  readonly with: readonly string[]
  readonly orFrom?: string
}

type Question = Answer['question']
type Sides = readonly [Question | string, Question | string]

export const diffCommand = buildCommand({
  docs: {
    brief: 'Find the first step at which two explanations differ',
    fullDescription: [
      'Of one packet, as lode explain asks about it: now and as engines and switches were configured earlier (--at, given twice for two',
      'earlier times), now and with a proposed change (--with), or from two places (--or-from): instances on two sleds, for instance.',
      'Explanations that lode explain --json wrote are compared too: with one file its question is asked again now.',
      'Between places names and addresses are no difference, decisions are.',
      '',
      'Exit status: 0 the same, 1 different, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'client web1 tcp/80 --at 14:02', brief: 'What is different since then' },
      { input: 'client web1 tcp/80 --at web1:17 --at web1:18', brief: 'What a change of web1’s configuration did' },
      { input: "client web1 tcp/80 --with 'fw remove allow-http'", brief: 'What a change would do' },
      { input: 'web1 db1 tcp/5432 --or-from web2', brief: 'Where two instances part' },
      { input: 'before.json', brief: 'What is different from what was written down' },
      { input: 'from-web1.json from-web2.json', brief: 'Two that were written down' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      at: {
        kind: 'parsed',
        parse: parseText,
        variadic: true,
        default: [],
        brief: 'A time or generation, as of lode explain',
        placeholder: 'TIME',
      },
      with: {
        kind: 'parsed',
        parse: parseText,
        variadic: true,
        default: [],
        brief: 'A proposed change, as of lode explain',
        placeholder: 'CHANGE',
      },
      orFrom: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Another place to send from',
        placeholder: 'NAME',
      },
    },
    positional: {
      kind: 'array',
      parameter: {
        parse: parseText,
        brief: 'What lode explain takes, or files',
        placeholder: 'FROM TO PROTOCOL | FILE [FILE]',
      },
      minimum: 1,
      maximum: 3,
    },
  },
  async func(this: LodeContext, flags: DiffFlags, ...words: string[]) {
    const { firstDifference } = await import('./first-difference.ts')
    const sides = sidesOf(flags, words)
    if (typeof sides === 'string') {
      this.note(sides)
      return this.exit(ExitStatus.usage)
    }
    const answers: Answer[] = []
    for (const side of sides) {
      const question = typeof side === 'string' && side === '' ? answers[0]!.question : side
      const answer = typeof question === 'string' ? await load(this, question) : await ask(this, flags, question)
      if (answer === undefined) return
      answers.push(answer)
    }
    const [before, after] = answers as [Answer, Answer] // because both sides have been answered
    const difference = firstDifference(before, after)
    if (flags.json) this.printJson(difference ?? { same: true })
    else this.print(difference === undefined ? 'the same, step by step' : difference.text)
    if (difference !== undefined) this.exit(ExitStatus.failed)
  },
})

/** Questions, or files that hold answers; an empty name asks the first one's question again. @returns text: what is wrong. */
function sidesOf({ at, with: proposed, orFrom }: DiffFlags, words: readonly string[]): Sides | string {
  const circumstances = at.length + (proposed.length > 0 ? 1 : 0) + (orFrom === undefined ? 0 : 1)
  if (words.length < 3) {
    if (circumstances > 0) return 'files are compared as they are: --at, --with and --or-from need FROM TO PROTOCOL'
    return [words[0]!, words[1] ?? '']
  }
  const [from, to, kind] = words as [string, string, string]
  let question: Question
  try {
    question = { from, to, ...parsePacketKind(kind) }
  } catch (error) {
    return (error as Error).message
  }
  const [first, second, ...more] = at
  if (more.length > 0) return 'two times can be compared, not more'
  if (first !== undefined && circumstances === at.length) {
    return [{ ...question, at: first }, second === undefined ? question : { ...question, at: second }]
  }
  if (circumstances !== 1) return 'say one thing that is to be different: --at TIME, --with CHANGE or --or-from NAME'
  return [question, orFrom === undefined ? { ...question, with: [...proposed] } : { ...question, from: orFrom }]
}

async function ask(context: LodeContext, flags: DiffFlags, question: Question): Promise<Answer | undefined> {
  const directory = context.stateDirectory(flags.state)
  const asked = await (await rackClient(context, directory)).explain({ body: question })
  if (asked.ok) return asked.value
  reportFailure(context, directory, asked)
  return undefined
}

async function load(context: LodeContext, file: string): Promise<Answer | undefined> {
  const { readFile } = await import('node:fs/promises')
  const { PathAnswer } = await import('@lodestone/contract-testbed')
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    context.note(`${file}: ${error.message}`)
    return undefined
  })
  try {
    if (text !== undefined) return PathAnswer.parse(JSON.parse(text))
    context.exit(ExitStatus.usage)
  } catch {
    context.note(`${file} is not what lode explain --json writes`)
    context.exit(ExitStatus.usage)
  }
  return undefined
}
