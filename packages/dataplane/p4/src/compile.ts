/**
 * P4-16 source to IR: preprocess, parse, check, lower. Pure: files come through `readFile`, so the same code runs in Node
 * and in a browser. Never throws, whatever the input.
 */
import type { Program } from './ir/index.ts'
import { checkProgram } from './check/program.ts'
import { lowerProgram } from './lower/program.ts'
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
  /** Refuses programs for another one. */
  readonly architecture?: Program['architecture']
}

export interface CompileResult {
  /** Absent when there are errors. */
  readonly program?: Program
  readonly diagnostics: readonly Diagnostic[]
  /** For tools; present whenever there is any input. */
  readonly tree?: SyntaxTree
  /** Every file that was read. */
  readonly files: readonly string[]
}

export function compile(options: CompileOptions): CompileResult {
  return run(options, (tree, sink) => {
    const checked = checkProgram(tree, sink)
    return sink.errorCount > 0 ? undefined : lowerProgram(checked, options.fileName, options.architecture)
  })
}

/** Diagnostics only, without lowering: also for programs of architectures that cannot be compiled. */
export function check(options: CompileOptions): CompileResult {
  return run(options, (tree, sink) => {
    checkProgram(tree, sink)
    return undefined
  })
}

function run(
  options: CompileOptions,
  phases: (tree: SyntaxTree, sink: DiagnosticSink) => Program | undefined,
): CompileResult {
  const sink = new DiagnosticSink()
  let tree: SyntaxTree | undefined
  let files: readonly string[] = []
  let program: Program | undefined
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
    program = phases(tree, sink)
  } catch (thrown) {
    // A compiler run must end with diagnostics: deep recursion on a hostile input, or a mistake in the compiler itself.
    const range = { file: options.fileName, line: 1, column: 1, endLine: 1, endColumn: 1 }
    if (thrown instanceof RangeError) sink.error('P4C9001', range, 'the program is too large or nested too deeply')
    else
      sink.error(
        'P4C9002',
        range,
        `internal error of the compiler: ${thrown instanceof Error ? thrown.message : 'unknown'}`,
      )
  }
  const isGood = program !== undefined && sink.errorCount === 0
  return {
    ...(isGood && program !== undefined ? { program } : {}),
    ...(tree === undefined ? {} : { tree }),
    diagnostics: sink.diagnostics,
    files,
  }
}
