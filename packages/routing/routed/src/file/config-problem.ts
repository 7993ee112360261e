/** What is wrong with a configuration file: where, and what to do about it. */
import type { PathSegment, Position } from './located-yaml.ts'

export interface ConfigProblem extends Position {
  /** `peers[2].hold_time_s`; empty for the document itself. */
  readonly path: string
  readonly message: string
}

/** A problem before its place in the text is known. */
export interface PathProblem {
  readonly path: readonly PathSegment[]
  /** The complaint is about this key of the mapping at `path`. */
  readonly key?: string
  readonly message: string
}

export function pathText(path: readonly PathSegment[]): string {
  let text = ''
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`
    else text += text === '' ? segment : `.${segment}`
  }
  return text
}

/** `FILE:LINE:COLUMN: PATH: MESSAGE`, then the line with a mark under the place. */
export function describeProblem(problem: ConfigProblem, fileName: string, text: string): string {
  const { line, column, path, message } = problem
  const head = `${fileName}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`
  const source = text.split(/\r?\n/)[line - 1]
  if (source === undefined || source.trim() === '') return head
  const number = String(line)
  return `${head}\n  ${number} | ${source}\n  ${' '.repeat(number.length)} | ${' '.repeat(column - 1)}^`
}
