import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { outputFlag, writeOutput } from '../isf/text-file.ts'
import { loadSpecification } from './load-specification.ts'

interface DocsFlags {
  readonly html: boolean
  readonly output?: string
}

export const docsCommand = buildCommand({
  docs: {
    brief: 'Write the page of a register map',
    customUsage: [
      { input: 'nic.rsf', brief: 'Markdown' },
      { input: '--html nic.rsf -o nic.html', brief: 'A page on its own' },
    ],
  },
  parameters: {
    flags: { html: { kind: 'boolean', default: false, brief: 'HTML instead of Markdown' }, output: outputFlag },
    aliases: { o: 'output' },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Specification', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: DocsFlags, file: string) {
    const loaded = await loadSpecification(this, file)
    if (loaded === undefined) return
    const { renderDocs } = await import('@lodestone/rsf')
    writeOutput(this, flags.output, renderDocs(loaded.specification, flags.html ? 'html' : 'markdown'))
  },
})
