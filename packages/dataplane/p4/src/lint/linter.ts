/** What the lints share: where to report, what the program consists of, and where `@lint_allow` silences a code. */
import type { CheckedProgram } from '../check/context.ts'
import { type InstanceTree, instanceTree } from '../check/instance-tree.ts'
import { mainOf } from '../check/architecture-name.ts'
import type { DiagnosticDetail } from '../source/diagnostic.ts'
import type { Range } from '../source/range.ts'
import type { Annotation, Declaration } from '../syntax/ast.ts'

interface Allowance {
  readonly code: string
  readonly range: Range
}

export class Linter {
  readonly checked: CheckedProgram
  readonly instances: InstanceTree | undefined
  readonly #allowances: Allowance[] = []
  readonly #libraryFiles: ReadonlySet<string>

  constructor(checked: CheckedProgram) {
    this.checked = checked
    this.instances = instanceTree(checked)
    this.#libraryFiles = libraryFiles(checked)
    for (const declaration of checked.tree.declarations) this.#collect(declaration)
  }

  warn(code: string, range: Range, message: string, detail: DiagnosticDetail = {}): void {
    if (this.isLibrary(range) || this.#allowances.some((item) => item.code === code && contains(item.range, range))) {
      return
    }
    this.checked.context.sink.warning(code, range, message, detail)
  }

  /** Whether the place is in an architecture file, which is no business of the program's author. */
  isLibrary(range: Range): boolean {
    return this.#libraryFiles.has(range.file)
  }

  #collect(declaration: Declaration): void {
    for (const code of allowed(declaration.annotations)) this.#allowances.push({ code, range: declaration.range })
    if (declaration.kind === 'Control' || declaration.kind === 'Parser') {
      for (const local of declaration.locals) this.#collect(local)
    }
    if (declaration.kind === 'Parser') for (const state of declaration.states) this.#collect(state)
  }
}

/** The codes in `@lint_allow("P4C7003", …)`. */
function allowed(annotations: readonly Annotation[]): string[] {
  return annotations
    .filter((annotation) => annotation.name.text === 'lint_allow')
    .flatMap((annotation) => annotation.values.flatMap((value) => (value.kind === 'String' ? [value.value] : [])))
}

function contains(outer: Range, inner: Range): boolean {
  if (outer.file !== inner.file || inner.line < outer.line || inner.line > outer.endLine) return false
  return inner.line > outer.line || inner.column >= outer.column
}

/** Files that declare core.p4's externs or the package, but not `main`. */
function libraryFiles(checked: CheckedProgram): ReadonlySet<string> {
  const main = mainOf(checked.tree)
  const files = new Set<string>()
  for (const declaration of checked.tree.declarations) {
    if (declaration.kind === 'Package' || declaration.kind === 'Extern') files.add(declaration.name.range.file)
  }
  if (main !== undefined) files.delete(main.name.range.file)
  return main === undefined ? new Set() : files
}
