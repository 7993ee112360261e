import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { sourceAliases, type SourceFlags, sourceFlags, sourceOptions } from './compiler-flags.ts'
import { jsonDiagnostic, reportDiagnostics } from './diagnostic-report.ts'

interface CheckFlags extends SourceFlags {
  readonly lint: boolean
  readonly json: boolean
}

export const checkCommand = buildCommand({
  docs: {
    brief: 'Say what is wrong with a P4 program',
    fullDescription: [
      'Checks a P4-16 program of any architecture, and warns about what is legal but hardly meant.',
      '',
      'Exit status: 0 accepted (perhaps with warnings), 1 rejected, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'router.p4', brief: 'With the built-in core.p4, v1model.p4, psa.p4, pna.p4, softnpu.p4, …' },
      { input: '-I include -D DEBUG=1 router.p4', brief: 'With a folder and a macro' },
      { input: '--json router.p4', brief: 'Diagnostics as a JSON list for editors and scripts' },
    ],
  },
  parameters: {
    flags: {
      ...sourceFlags,
      lint: { kind: 'boolean', default: true, brief: 'Warn about what is hardly meant' },
      json: {
        kind: 'boolean',
        default: false,
        brief: 'Print a list of {file, line, column, code, severity, message, notes}',
      },
    },
    aliases: sourceAliases,
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'P4 program', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: CheckFlags, file: string) {
    const { ARCHITECTURE_NAMES, check } = await import('@lodestone/p4')
    const options = sourceOptions(file, flags, ARCHITECTURE_NAMES)
    if (!options.ok) {
      this.note(`lode p4 check: ${options.message}`)
      return this.exit(ExitStatus.usage)
    }
    const { diagnostics } = check({ ...options.value, lint: flags.lint })
    if (flags.json) this.printJson(diagnostics.map(jsonDiagnostic))
    else await reportDiagnostics(this, diagnostics, options.value.readFile)
    this.exit(diagnostics.some((diagnostic) => diagnostic.severity === 'error') ? ExitStatus.failed : ExitStatus.ok)
  },
})
