/** Checks a whole program: names, types, compile-time values. Later phases may rely on a run without errors only. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import { evaluateUnconverted } from './evaluate.ts'
import type { Range } from '../source/range.ts'
import type { SyntaxTree } from '../syntax/ast.ts'
import { type CheckedProgram, Context } from './context.ts'
import { checkDeclaration } from './declaration.ts'
import { checkControlPlaneNames, checkTableInstances } from './control-plane-name.ts'
import { instanceTree } from './instance-tree.ts'
import { INTEGER, type Type } from './type.ts'

/** `programFile`: where a missing include would be added. */
export function checkProgram(tree: SyntaxTree, sink: DiagnosticSink, programFile?: string): CheckedProgram {
  const context = new Context(sink)
  context.programFile = programFile
  for (const declaration of tree.declarations) checkDeclaration(context, declaration)
  checkModelVersion(context)
  checkControlPlaneNames(context, tree)
  for (const { range, types, names, isRunTime } of context.openCalls) {
    if (isRunTime) rejectTimeless(context, range, types)
    else if (types.some((type) => context.inference.resolve(type) === INTEGER && context.inference.isSolved(type))) {
      context.error('P4C4131', range, 'the width of a type argument cannot be inferred; write it in < >')
    }
    const index = types.findIndex((type) => context.inference.isOpen(type))
    if (index !== -1) {
      context.error('P4C4130', range, `the type argument '${names[index] ?? '?'}' cannot be inferred; write it in < >`)
    }
  }
  const checked = context.result(tree)
  const instances = sink.errorCount === 0 ? instanceTree(checked) : undefined
  if (instances !== undefined) checkTableInstances(context, instances)
  return checked
}

/** Versions of the v1model architecture that have existed; programs choose with `-D V1MODEL_VERSION=`. */
const V1MODEL_VERSIONS = [20180101n, 20200408n] as const

function checkModelVersion(context: Context): void {
  const symbol = context.globals.own('__v1model_version')[0]
  if (symbol?.kind !== 'constant') return
  const { initializer } = symbol.declaration
  const value = evaluateUnconverted(context, initializer)
  if (value?.kind !== 'number') return
  const [first, last] = V1MODEL_VERSIONS
  if (value.value >= first && value.value <= last) return
  context.error('P4C4143', initializer.range, `v1model has versions ${first} to ${last}, not ${value.value}`)
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
