/** Places in the source: from the program's references to files, and as text. */
import type { Program, SourceRef } from '@lodestone/p4'
import type { Position } from './explanation.ts'

export function positionOf(program: Program, at: SourceRef | undefined): Position | undefined {
  const file = at === undefined ? undefined : program.files[at.file]
  return at === undefined || file === undefined ? undefined : { file, line: at.line, column: at.column }
}

/** `basic.p4:88:9`. */
export function positionText(position: Position): string {
  return `${position.file}:${position.line}:${position.column}`
}
