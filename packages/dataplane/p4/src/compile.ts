/**
 * P4-16 source to IR: preprocess, parse, check, lint, lower. Pure: files come through `readFile`, so the same code runs in
 * Node and in a browser. Never throws, whatever the input: a mistake of the compiler itself is a diagnostic too.
 */
import { requireArchitecture } from './check/architecture-name.ts'
import type { CheckedProgram } from './check/context.ts'
import { checkProgram } from './check/program.ts'
import type { Program } from './ir/index.ts'
import { lintProgram } from './lint/lint.ts'
import { lowerProgram } from './lower/program.ts'
import { p4infoText } from './p4info/p4info.ts'
import { preprocess } from './preprocess/preprocessor.ts'
import { DiagnosticSink, type Diagnostic } from './source/diagnostic.ts'
import type { ReadFile } from './source/render.ts'
import type { SyntaxTree } from './syntax/ast.ts'
import { parseProgram } from './syntax/parse-declaration.ts'

export interface CompileOptions {
  readonly fileName: string
  /** Text of a file, or undefined when there is none. */
  readonly readFile: ReadFile
  /** Where `#include` looks, after the including file's folder for the quoted form. */
  readonly includePaths?: readonly string[]
  readonly defines?: Readonly<Record<string, string>>
  /** Refuses programs for another one: `v1model`, `psa`, `softnpu`; for `check` also `pna`, `ebpf`, `ubpf`, `xdp`. */
  readonly architecture?: string
  /**
   * Follow BMv2 where it departs from the language: a packet goes on into ingress after a parser error, `reject` acts as
   * accept, a select without matching case raises no error, an invalid header that becomes valid is all zeros.
   */
  readonly bmv2?: boolean
  /** Warn about what is legal but hardly meant (codes P4C7nnn). Off unless asked for. */
  readonly lint?: boolean
}

export interface CompileResult {
  /** Absent when there are errors, and from `check`. */
  readonly program?: Program
  readonly diagnostics: readonly Diagnostic[]
  /** For tools; present whenever there is any input. */
  readonly tree?: SyntaxTree
  /** Every file that was read. */
  readonly files: readonly string[]
  /** What the control plane needs to know, as P4Info in protobuf text format; present with `program`. */
  readonly p4info?: () => string
}

export function compile(options: CompileOptions): CompileResult {
  return run(options, (checked, sink) => {
    if (options.lint === true) lintProgram(checked)
    if (sink.errorCount > 0) return undefined
    return lowerProgram(checked, options.fileName, options.architecture, options.bmv2)
  })
}

/** Diagnostics only, without lowering: also for programs of architectures that cannot be compiled. */
export function check(options: CompileOptions): CompileResult {
  return run(options, (checked) => {
    if (options.lint === true) lintProgram(checked)
    return undefined
  })
}

function run(
  options: CompileOptions,
  finish: (checked: CheckedProgram, sink: DiagnosticSink) => Program | undefined,
): CompileResult {
  const sink = new DiagnosticSink()
  let tree: SyntaxTree | undefined
  let files: readonly string[] = []
  let program: Program | undefined
  let checked: CheckedProgram | undefined
  try {
    const { fileName, readFile } = options
    const cache = new Map<string, string | undefined>()
    const cachedRead: ReadFile = (path) => {
      if (!cache.has(path)) cache.set(path, readFile(path))
      return cache.get(path)
    }
    const includePaths = options.includePaths ?? []
    const preprocessed = preprocess(
      { fileName, readFile: cachedRead, includePaths, defines: options.defines ?? {} },
      sink,
    )
    files = preprocessed.files
    tree = parseProgram(preprocessed.tokens, sink)
    checked = checkProgram(tree, sink, fileName)
    if (options.architecture !== undefined) requireArchitecture(checked.context, tree, options.architecture)
    program = finish(checked, sink)
  } catch (thrown) {
    reportThrown(sink, options.fileName, thrown)
  }
  const result = { ...(tree === undefined ? {} : { tree }), diagnostics: sink.diagnostics, files }
  if (program === undefined || sink.errorCount > 0 || checked === undefined) return result
  const source = checked
  return { ...result, program, p4info: () => p4infoText(source) }
}

/** A run must end with diagnostics: the stack used up by a hostile input, or a mistake in the compiler itself. */
function reportThrown(sink: DiagnosticSink, file: string, thrown: unknown): void {
  const range = { file, line: 1, column: 1, endLine: 1, endColumn: 1 }
  if (thrown instanceof RangeError) {
    sink.error('P4C9001', range, 'the program is too large or nested too deeply for this compiler')
    return
  }
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  const place = thrown instanceof Error ? (thrown.stack ?? '').split('\n')[1]?.trim() : undefined
  sink.error('P4C9002', range, `internal error of the compiler: ${reason}`, {
    notes: [
      { message: 'this is a mistake in the compiler, not in the program' },
      {
        message: `please report it with the program and these words: ${reason}${place === undefined ? '' : ` ${place}`}`,
      },
    ],
  })
}
