import { buildCommand } from '@stricli/core'
import type { StfFailure, TestOutcome } from '@lodestone/stf'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { architectureFolder, readSource } from './compiler-flags.ts'
import { jsonDiagnostic } from './diagnostic-report.ts'
import { loadExterns } from './externs-module.ts'

interface StfFlags {
  readonly include?: readonly string[]
  readonly externs?: string
  readonly strict: boolean
  readonly json: boolean
}

export const stfCommand = buildCommand({
  docs: {
    brief: 'Run a P4 program against an STF file',
    fullDescription: [
      "Compiles the program as BMv2 understands it, and runs packets and commands of the STF file with that runner's",
      'semantics. Without FILE.stf the one beside the program is taken.',
      '',
      'Exit status: 0 passed, 1 failed, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'router.p4', brief: 'With router.stf' },
      { input: '--strict router.p4 counters.stf', brief: 'Check counters and registers too' },
      { input: '--externs my-externs.ts program.p4', brief: 'With extern functions in TypeScript' },
    ],
  },
  parameters: {
    flags: {
      include: {
        kind: 'parsed',
        parse: parseText,
        variadic: true,
        optional: true,
        brief: 'Folder to look for #include files in, before the built-in architecture files',
        placeholder: 'DIR',
      },
      externs: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Module whose exports are the extern functions that the program calls',
        placeholder: 'FILE.ts',
      },
      strict: {
        kind: 'boolean',
        default: false,
        brief: 'Carry out what BMv2 ignores: check_counter, remove, wait, no_packet, register_read … == VALUE',
      },
      json: { kind: 'boolean', default: false, brief: 'Print the result as JSON' },
    },
    aliases: { I: 'include' },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'P4 program', placeholder: 'FILE.p4' },
        { parse: parseText, brief: 'STF file', placeholder: 'FILE.stf', optional: true },
      ],
    },
  },
  async func(this: LodeContext, flags: StfFlags, programPath: string, stfPath?: string) {
    const file = stfPath ?? programPath.replace(/\.p4$/, '.stf')
    const stf = readSource(file)
    if (stf === undefined || readSource(programPath) === undefined) {
      this.note(`lode p4 stf: cannot read ${stf === undefined ? file : programPath}`)
      return this.exit(ExitStatus.usage)
    }
    const loaded = flags.externs === undefined ? undefined : await loadExterns(flags.externs)
    if (loaded?.ok === false) {
      this.note(`lode p4 stf: ${loaded.message}`)
      return this.exit(ExitStatus.usage)
    }
    const { sideBySide, testProgram } = await import('@lodestone/stf')
    const outcome = testProgram({
      programPath,
      stf,
      readFile: readSource,
      includePaths: [...(flags.include ?? []), architectureFolder()],
      strict: flags.strict,
      ...(loaded === undefined ? {} : { externs: loaded.externs }),
    })
    if (flags.json) this.printJson(jsonOutcome(outcome))
    else for (const line of outcomeLines(outcome, file, sideBySide)) this.print(line)
    this.exit(outcome.kind === 'ran' && outcome.result.passed ? ExitStatus.ok : ExitStatus.failed)
  },
})

type SideBySide = (expected: string, actual: string) => string[]

function outcomeLines(outcome: TestOutcome, file: string, sideBySide: SideBySide): string[] {
  switch (outcome.kind) {
    case 'notCompiled':
      return [outcome.text, 'the program does not compile']
    case 'badStf':
      return outcome.errors.map(({ at, message }) => `${file}:${at.line}:${at.column}: ${message}`)
    case 'ran': {
      const { result } = outcome
      const lines = result.warnings.map((warning) => located(file, warning, 'warning: '))
      for (const failure of result.failures) {
        lines.push(located(file, failure, ''))
        if (failure.expected === undefined && failure.actual === undefined) continue
        lines.push(`        ${'expected'.padEnd(40)}  actual`)
        for (const line of sideBySide(failure.expected ?? '', failure.actual ?? '')) lines.push(`  ${line}`)
      }
      lines.push(...result.notes)
      lines.push(
        `${result.passed ? 'passed' : 'failed'}: ${result.packets} packets, ${result.failures.length} failures`,
      )
      return lines
    }
  }
}

function located(file: string, { at, message }: StfFailure, prefix: string): string {
  return at === undefined ? `${file}: ${prefix}${message}` : `${file}:${at.line}: ${prefix}${message}`
}

function jsonOutcome(outcome: TestOutcome): unknown {
  switch (outcome.kind) {
    case 'notCompiled':
      return { passed: false, diagnostics: outcome.diagnostics.map(jsonDiagnostic) }
    case 'badStf':
      return { passed: false, stfErrors: outcome.errors }
    case 'ran':
      return { architecture: outcome.architecture, ...outcome.result }
  }
}
