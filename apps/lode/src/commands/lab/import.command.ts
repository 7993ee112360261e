import { buildCommand } from '@stricli/core'
import { readFileSync } from 'node:fs'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'

export const importCommand = buildCommand({
  docs: {
    brief: 'Turn a containerlab file into a document for `lode run`; nodes of the kind linux become namespaces',
    customUsage: [{ input: 'net.clab.yml > lab.yaml', brief: 'What was left out is said on standard error' }],
  },
  parameters: {
    flags: { json: { kind: 'boolean', default: false, brief: 'Print JSON instead of YAML' } },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'File', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: { readonly json: boolean }, file: string) {
    const { fromContainerlab, toYaml } = await import('@lodestone/lab')
    const result = fromContainerlab(readFileSync(file, 'utf8'))
    if (!result.ok) {
      for (const problem of result.problems) this.note(`${file}: ${problem}`)
      return this.exit(ExitStatus.usage)
    }
    for (const note of result.notes) this.note(note)
    if (flags.json) this.printJson(result.document)
    else this.process.stdout.write(toYaml(result.document))
  },
})
