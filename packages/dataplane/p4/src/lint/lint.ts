/**
 * Warnings about programs that are legal but hardly do what was meant (codes P4C7nnn). Each lint prefers silence to a
 * false alarm; `@lint_allow("P4C7nnn")` on a declaration silences one there.
 */
import type { CheckedProgram } from '../check/context.ts'
import { lintChecksums, lintForwarding } from './forwarding.ts'
import { lintEntries } from './entries.ts'
import { Linter } from './linter.ts'
import { lintParsers } from './parser.ts'
import { lintUnused, lintVariables } from './unused.ts'
import { lintValidity } from './validity.ts'

/** Warns through the program's sink. Says nothing about programs with errors, whose tree may be half known. */
export function lintProgram(checked: CheckedProgram): void {
  if (checked.context.sink.errorCount > 0) return
  const linter = new Linter(checked)
  lintParsers(linter)
  lintUnused(linter)
  lintVariables(linter)
  lintEntries(linter)
  lintForwarding(linter)
  lintChecksums(linter)
  lintValidity(linter)
}
