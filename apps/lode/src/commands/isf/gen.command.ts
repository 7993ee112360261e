import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { loadSpecification } from './load-specification.ts'
import { outputFlag, writeOutput } from './text-file.ts'

interface GenFlags {
  readonly output?: string
  readonly runtime?: string
}

export const genCommand = buildCommand({
  docs: {
    brief: 'Generate a TypeScript module: a typed union of instructions, encode, decode, assemble, disassemble',
    customUsage: [
      { input: 'core.isf --output core.ts', brief: 'Into a file' },
      { input: 'core.isf --runtime ./isf/index.ts', brief: 'With the runtime from somewhere else' },
    ],
  },
  parameters: {
    flags: {
      output: outputFlag,
      runtime: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'What the module imports its runtime from; default @lodestone/isf',
        placeholder: 'MODULE',
      },
    },
    aliases: { o: 'output' },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Specification', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: GenFlags, file: string) {
    const loaded = await loadSpecification(this, file)
    if (loaded === undefined) return
    const { generateTypeScript } = await import('@lodestone/isf')
    const { runtime } = flags
    const source = file.replace(/^.*\//, '')
    writeOutput(
      this,
      flags.output,
      generateTypeScript(loaded.specification, { source, ...(runtime === undefined ? {} : { runtime }) }),
    )
  },
})
