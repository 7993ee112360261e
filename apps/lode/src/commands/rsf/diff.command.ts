import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { loadSpecification } from './load-specification.ts'

export const diffCommand = buildCommand({
  docs: {
    brief: 'Compare two versions of a register map; says what breaks drivers',
    fullDescription: 'Exit status: 0 nothing breaks, 1 something does (lines with !), 2 wrong usage.',
    customUsage: [
      { input: 'nic-v1.rsf nic-v2.rsf', brief: '+ added, - removed, ~ changed' },
      { input: '--json nic-v1.rsf nic-v2.rsf', brief: 'A list of {kind, subject, detail, isBreaking}' },
    ],
  },
  parameters: {
    flags: { json: { kind: 'boolean', default: false, brief: 'Print JSON' } },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Specification before', placeholder: 'FILE' },
        { parse: parseText, brief: 'Specification after', placeholder: 'FILE' },
      ],
    },
  },
  async func(this: LodeContext, flags: { readonly json: boolean }, before: string, after: string) {
    const old = await loadSpecification(this, before)
    const now = await loadSpecification(this, after)
    if (old === undefined || now === undefined) return
    const { compareSpecifications, renderChanges } = await import('@lodestone/rsf')
    const changes = compareSpecifications(old.specification, now.specification)
    if (changes.some((change) => change.isBreaking)) this.exit(ExitStatus.failed)
    if (flags.json) return this.printJson(changes)
    if (changes.length === 0) return this.print('no register, field or enum differs')
    this.process.stdout.write(renderChanges(changes))
  },
})
