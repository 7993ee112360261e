import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { readInput, writeOutput } from './text-file.ts'

interface FmtFlags {
  readonly write: boolean
  readonly check: boolean
}

export const fmtCommand = buildCommand({
  docs: {
    brief: 'Lay out an instruction set specification in the one way; comments stay',
    fullDescription: 'Exit status: 0 done, 1 it has mistakes, or with --check would change, 2 wrong usage.',
    customUsage: [
      { input: 'core.isf', brief: 'To standard output' },
      { input: '--write core.isf', brief: 'In place' },
      { input: '--check core.isf', brief: 'For continuous integration: prints nothing when all is well' },
    ],
  },
  parameters: {
    flags: {
      write: { kind: 'boolean', default: false, brief: 'Change the file' },
      check: { kind: 'boolean', default: false, brief: 'Only say whether it would change' },
    },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Specification', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: FmtFlags, file: string) {
    const before = readInput(this, file)
    if (before === undefined) return
    const { formatSpecification, renderDiagnostics } = await import('@lodestone/isf')
    const { text, diagnostics } = formatSpecification(before)
    if (text === undefined) {
      this.note(renderDiagnostics(diagnostics, file, before))
      return this.exit(ExitStatus.failed)
    }
    if (flags.check) {
      if (text === before) return
      this.print(`${file} is not in the canonical layout`)
      return this.exit(ExitStatus.failed)
    }
    if (!flags.write) return writeOutput(this, undefined, text)
    if (text !== before) writeOutput(this, file, text)
  },
})
