import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { sourceAliases, type SourceFlags, sourceFlags, sourceOptions } from './compiler-flags.ts'
import { jsonDiagnostic, reportDiagnostics } from './diagnostic-report.ts'
import { writeOutput } from '../../output-file.ts'

interface CompileFlags extends SourceFlags {
  readonly output: string
  readonly bmv2: boolean
  readonly json: boolean
}

export const compileCommand = buildCommand({
  docs: {
    brief: 'Compile a P4 program to WebAssembly',
    fullDescription: [
      'Writes OUT.wasm, OUT.trace.wasm (the same program with instrumentation), OUT.json (tables, actions, fields and',
      'memory layout), OUT.map.json (what of the module comes from which source line) and OUT.p4info.txt (P4Runtime).',
      '',
      'Exit status: 0 written, 1 the program has errors, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'router.p4 -o build/router', brief: 'Writes build/router.wasm and the files beside it' },
      { input: 'router.p4 -o build/router --bmv2', brief: 'With the semantics of BMv2 where the two differ' },
    ],
  },
  parameters: {
    flags: {
      ...sourceFlags,
      output: { kind: 'parsed', parse: parseText, brief: 'Where to write, without ending', placeholder: 'OUT' },
      bmv2: { kind: 'boolean', default: false, brief: 'Behave like BMv2 where it departs from the language' },
      json: { kind: 'boolean', default: false, brief: 'Print what was written, or the diagnostics, as JSON' },
    },
    aliases: { ...sourceAliases, o: 'output' },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'P4 program', placeholder: 'FILE' }] },
  },
  async func(this: LodeContext, flags: CompileFlags, file: string) {
    const { ARCHITECTURE_NAMES, compile, compiledFiles } = await import('@lodestone/p4')
    const options = sourceOptions(file, flags, ARCHITECTURE_NAMES)
    if (!options.ok) {
      this.note(`lode p4 compile: ${options.message}`)
      return this.exit(ExitStatus.usage)
    }
    const result = compile({ ...options.value, bmv2: flags.bmv2, lint: true })
    if (flags.json && result.program === undefined) this.printJson(result.diagnostics.map(jsonDiagnostic))
    if (!flags.json) await reportDiagnostics(this, result.diagnostics, options.value.readFile)
    if (result.program === undefined) return this.exit(ExitStatus.failed)
    const base = flags.output.replace(/\.wasm$/, '')
    const written: { file: string; bytes: number }[] = []
    for (const { suffix, content } of compiledFiles(result.program, result.p4info?.() ?? '')) {
      const problem = writeOutput(base + suffix, content)
      if (problem !== undefined) {
        this.note(`lode p4 compile: ${problem}`)
        return this.exit(ExitStatus.usage)
      }
      written.push({ file: base + suffix, bytes: content.length })
    }
    if (flags.json) return this.printJson({ files: written, diagnostics: result.diagnostics.map(jsonDiagnostic) })
    for (const { file: name, bytes } of written) this.print(`${name}  ${bytes} bytes`)
  },
})
