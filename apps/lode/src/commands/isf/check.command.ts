import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { jsonDiagnostics } from './load-specification.ts'
import { readInput } from './text-file.ts'

export const checkCommand = buildCommand({
  docs: {
    brief: 'Say what is wrong with an instruction set specification',
    fullDescription: [
      'Checks widths, the place of every field, constants, names and arguments; finds words that are two instructions and lines',
      'of assembly that are two; and runs every example both ways.',
      '',
      'Exit status: 0 accepted, 1 rejected, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'core.isf', brief: 'Messages with source lines' },
      { input: '--json core.isf', brief: 'A list of {file, line, column, code, severity, message, notes}' },
    ],
  },
  parameters: {
    flags: { json: { kind: 'boolean', default: false, brief: 'Print JSON' } },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Specification', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: { readonly json: boolean }, file: string) {
    const text = readInput(this, file)
    if (text === undefined) return
    const { checkSpecification, renderDiagnostics, runExamples } = await import('@lodestone/isf')
    const { specification, diagnostics } = checkSpecification(text)
    if (specification === undefined) this.exit(ExitStatus.failed)
    if (flags.json) return this.printJson(await jsonDiagnostics(file, text, diagnostics))
    if (diagnostics.length > 0) this.note(renderDiagnostics(diagnostics, file, text))
    if (specification === undefined) return
    const { instructions, classes, instructionWidth } = specification
    this.print(
      `${file}: ${instructions.length} instructions of ${instructionWidth} bits, ${classes.length} register classes, ` +
        `${runExamples(specification).length} examples hold both ways`,
    )
  },
})
