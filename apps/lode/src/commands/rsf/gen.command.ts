import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { outputFlag, writeOutput } from '../isf/text-file.ts'
import { loadSpecification } from './load-specification.ts'

const PARTS = ['sync', 'async', 'simulation'] as const
type Part = (typeof PARTS)[number]

interface GenFlags {
  readonly output?: string
  readonly runtime?: string
  readonly parts?: readonly Part[]
}

const partsOf = (text: string): readonly Part[] => {
  const parts = text.split(',')
  for (const part of parts) {
    if (!PARTS.some((each) => each === part)) throw new Error(`--parts takes some of ${PARTS.join(', ')}, with commas`)
  }
  // because each was found among them just now
  return parts as readonly Part[]
}

export const genCommand = buildCommand({
  docs: {
    brief: 'Generate TypeScript: register values, clients, a simulated register file',
    customUsage: [
      { input: 'nic.rsf --output nic.ts', brief: 'Into a file' },
      { input: '--parts sync nic.rsf', brief: 'A synchronous client only' },
    ],
  },
  parameters: {
    flags: {
      output: outputFlag,
      runtime: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'What the module imports its runtime from; default @lodestone/rsf',
        placeholder: 'MODULE',
      },
      parts: {
        kind: 'parsed',
        parse: partsOf,
        optional: true,
        brief: 'sync, async, simulation; default all',
        placeholder: 'LIST',
      },
    },
    aliases: { o: 'output' },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Specification', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: GenFlags, file: string) {
    const loaded = await loadSpecification(this, file)
    if (loaded === undefined) return
    const { generateClient } = await import('@lodestone/rsf')
    const source = generateClient(loaded.specification, {
      ...(flags.runtime === undefined ? {} : { runtime: flags.runtime }),
      ...(flags.parts === undefined ? {} : { parts: flags.parts }),
    })
    writeOutput(this, flags.output, source)
  },
})
