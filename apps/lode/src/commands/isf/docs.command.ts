import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { loadSpecification } from './load-specification.ts'
import { outputFlag, writeOutput } from './text-file.ts'

interface DocsFlags {
  readonly html: boolean
  readonly title?: string
  readonly output?: string
}

export const docsCommand = buildCommand({
  docs: {
    brief: 'Write the page of an instruction set: fields, layout, timing, examples',
    customUsage: [
      { input: 'core.isf', brief: 'Markdown' },
      { input: '--html --title "Packet core" core.isf -o core.html', brief: 'A page on its own' },
    ],
  },
  parameters: {
    flags: {
      html: { kind: 'boolean', default: false, brief: 'HTML instead of Markdown' },
      title: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Default: the file’s name',
        placeholder: 'TEXT',
      },
      output: outputFlag,
    },
    aliases: { o: 'output' },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Specification', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: DocsFlags, file: string) {
    const loaded = await loadSpecification(this, file)
    if (loaded === undefined) return
    const { renderHtml, renderMarkdown } = await import('@lodestone/isf')
    const title = flags.title ?? file.replace(/^.*\//, '').replace(/\.isf$/, '')
    writeOutput(this, flags.output, (flags.html ? renderHtml : renderMarkdown)(loaded.specification, { title }))
  },
})
