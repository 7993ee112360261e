/** Compiles source text in tests; the architecture files come from the repository. */
import assert from 'node:assert/strict'
import { check, compile, type CompileOptions, type CompileResult } from '../compile.ts'
import { renderDiagnostics } from '../source/render.ts'
import type { Program } from '../ir/index.ts'
import { INCLUDE, readFile, TESTDATA } from './files.test.ts'

function options(text: string, extra: Partial<CompileOptions>): CompileOptions {
  return {
    fileName: 'test.p4',
    readFile: (path) => (path === 'test.p4' ? text : readFile(path)),
    includePaths: [INCLUDE],
    ...extra,
  }
}

export function checkText(text: string, extra: Partial<CompileOptions> = {}): CompileResult {
  return check(options(text, extra))
}

export function compileText(text: string, extra: Partial<CompileOptions> = {}): CompileResult {
  return compile(options(text, extra))
}

/** A program of `testdata/`, which must compile without a message. */
export function compileTestdata(name: string, extra: Partial<CompileOptions> = {}): Program {
  const fileName = `${TESTDATA}/${name}.p4`
  return programOf(compile({ fileName, readFile, includePaths: [INCLUDE], ...extra }))
}

export function programOf(result: CompileResult): Program {
  assert.equal(renderDiagnostics(result.diagnostics, readFile), '')
  assert.ok(result.program !== undefined)
  return result.program
}

/**
 * Lines marked `//! P4C3001` must give exactly that error, and no other line any. Warnings are marked `//? code`.
 */
export function assertMarked(text: string, run: (text: string) => CompileResult = checkText): void {
  const expected: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const marker = /\/\/[!?](( P4C\d{4})+)/.exec(line)
    for (const code of marker?.[1]?.trim().split(' ') ?? []) expected.push(`${index + 1} ${code}`)
  }
  const result = run(text)
  const found = result.diagnostics.map((diagnostic) => `${diagnostic.range.line} ${diagnostic.code}`)
  const shown = renderDiagnostics(result.diagnostics, (path) => (path === 'test.p4' ? text : undefined))
  assert.deepEqual(found.sort(), expected.sort(), shown)
}
