import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { readInput } from '../isf/text-file.ts'
import { readSpecificationFile } from './load-specification.ts'

interface CheckFlags {
  readonly json: boolean
  readonly library: boolean
  readonly gaps: boolean
}

export const checkCommand = buildCommand({
  docs: {
    brief: 'Say what is wrong with a register specification',
    fullDescription: [
      'Checks overlaps, ends, strides, duplicates, cycles, names and access attributes, of the file and the modules it uses.',
      '',
      'Exit status: 0 accepted, 1 rejected, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'nic.rsf', brief: 'Messages with source lines' },
      { input: '--gaps nic.rsf', brief: 'And the bits that no field names' },
      { input: '--library units.rsf', brief: 'A module that others use: it needs no Main' },
      { input: '--json nic.rsf', brief: 'A list of {file, line, column, code, severity, message, notes}' },
    ],
  },
  parameters: {
    flags: {
      json: { kind: 'boolean', default: false, brief: 'Print JSON' },
      library: { kind: 'boolean', default: false, brief: 'It may lack a block Main' },
      gaps: { kind: 'boolean', default: false, brief: 'List the bits that no field names' },
    },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Specification', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: CheckFlags, file: string) {
    if (readInput(this, file) === undefined) return
    const { addressMap, compile, gapsOf, qualifiedName, renderDiagnostics } = await import('@lodestone/rsf')
    const { specification, diagnostics } = compile(file, readSpecificationFile, { isLibrary: flags.library })
    if (diagnostics.some((diagnostic) => diagnostic.severity === 'error')) this.exit(ExitStatus.failed)
    if (flags.json) {
      return this.printJson(
        diagnostics.map(({ range, code, severity, message, notes }) => ({
          file: range.file,
          line: range.line,
          column: range.column,
          code,
          severity,
          message,
          notes: notes.map((note) => note.message),
        })),
      )
    }
    if (diagnostics.length > 0) this.note(renderDiagnostics(diagnostics, readSpecificationFile))
    if (specification === undefined) return
    const { registers, enums } = specification
    this.print(
      `${file}: ${addressMap(specification).length} registers of ${registers.length} types, ${enums.length} enums, ` +
        `${specification.main.size} bytes`,
    )
    if (!flags.gaps) return
    for (const register of registers) {
      const gaps = gapsOf(register).map(([offset, width]) =>
        width === 1 ? `${offset}` : `${offset + width - 1}:${offset}`,
      )
      if (gaps.length > 0) this.print(`  ${qualifiedName(register)}: bits ${gaps.join(', ')} have no field`)
    }
  },
})
