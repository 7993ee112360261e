/** Checks a whole program: names, types, compile-time values. Later phases may rely on a run without errors only. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { Range } from '../source/range.ts'
import type { SyntaxTree } from '../syntax/ast.ts'
import { type CheckedProgram, Context } from './context.ts'
import { checkDeclaration } from './declaration.ts'
import type { Type } from './type.ts'

export function checkProgram(tree: SyntaxTree, sink: DiagnosticSink): CheckedProgram {
  const context = new Context(sink)
  for (const declaration of tree.declarations) checkDeclaration(context, declaration)
  for (const { range, types, names, isRunTime } of context.openCalls) {
    if (isRunTime) rejectTimeless(context, range, types)
    const index = types.findIndex((type) => context.inference.isOpen(type))
    if (index !== -1) {
      context.error('P4C4130', range, `the type argument '${names[index] ?? '?'}' cannot be inferred; write it in < >`)
    }
  }
  return context.result(tree)
}

/** A value that is passed at run time has a width (§8.17); literals get none from a type parameter. */
function rejectTimeless(context: Context, range: Range, types: readonly Type[]): void {
  for (const type of types) {
    const resolved = context.inference.resolve(type)
    if (hasKind(resolved, 'integer')) {
      context.error('P4C4131', range, 'the width of an argument cannot be inferred; write e.g. 32w10')
    } else if (hasKind(resolved, 'structLiteral')) {
      context.error('P4C4131', range, 'the type of a struct expression cannot be inferred; write (type) before it')
    }
  }
}

function hasKind(type: Type, kind: Type['kind']): boolean {
  if (type.kind === kind) return true
  return (
    (type.kind === 'tuple' || type.kind === 'listLiteral') && type.elements.some((element) => hasKind(element, kind))
  )
}
