/** Positions in source text. Lines and columns are 1-based; columns count UTF-16 units; the end is exclusive. */
export interface Range {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

export const NOWHERE: Range = { file: '', line: 1, column: 1, endLine: 1, endColumn: 1 }

/** From the start of `first` to the end of `last`; when they lie in different files (an include in between), `first`. */
export function spanning(first: Range, last: Range): Range {
  if (first.file !== last.file || last.endLine < first.line) return first
  if (last.endLine === first.line && last.endColumn < first.column) return first
  return {
    file: first.file,
    line: first.line,
    column: first.column,
    endLine: last.endLine,
    endColumn: last.endColumn,
  }
}
