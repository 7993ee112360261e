/** Checks a whole program: names, types, compile-time values. Later phases may rely on a run without errors only. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { SyntaxTree } from '../syntax/ast.ts'
import { Context, type CheckedProgram } from './context.ts'
import { checkDeclaration } from './declaration.ts'

export function checkProgram(tree: SyntaxTree, sink: DiagnosticSink): CheckedProgram {
  const context = new Context(sink)
  for (const declaration of tree.declarations) checkDeclaration(context, declaration)
  for (const { range, types, names } of context.openCalls) {
    const index = types.findIndex((type) => context.inference.isOpen(type))
    if (index !== -1) {
      context.error('P4C4130', range, `the type argument '${names[index] ?? '?'}' cannot be inferred; write it in < >`)
    }
  }
  return context.result(tree)
}
