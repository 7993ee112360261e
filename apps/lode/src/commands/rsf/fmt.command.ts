import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { readInput, writeOutput } from '../isf/text-file.ts'

interface FmtFlags {
  readonly write: boolean
  readonly check: boolean
}

export const fmtCommand = buildCommand({
  docs: {
    brief: 'Lay out a register specification in the one way',
    fullDescription: 'Exit status: 0 done, 1 it has mistakes, or with --check would change, 2 wrong usage.',
    customUsage: [
      { input: 'nic.rsf', brief: 'To standard output' },
      { input: '--write nic.rsf', brief: 'In place' },
      { input: '--check nic.rsf', brief: 'For continuous integration: prints nothing when all is well' },
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
    const { formatSource, renderDiagnostics } = await import('@lodestone/rsf')
    const { text, diagnostics } = formatSource(file, before)
    if (text === undefined) {
      this.note(renderDiagnostics(diagnostics, (path) => (path === file ? before : undefined)))
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
