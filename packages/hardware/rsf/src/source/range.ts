/** Where something stands in a source file. Lines and columns count from 1, in UTF-16 units; the end is exclusive. */

export interface Range {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

/** From the start of `first` to the end of `last`, both of one file. */
export function spanOf(first: Range, last: Range): Range {
  return { ...first, endLine: last.endLine, endColumn: last.endColumn }
}

/** The first place of a file, for what concerns the file as a whole. */
export function startOf(file: string): Range {
  return { file, line: 1, column: 1, endLine: 1, endColumn: 1 }
}
