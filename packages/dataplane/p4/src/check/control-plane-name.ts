/**
 * Names that the control plane sees (P4-16 §18.3.2): two actions, tables or extern instances must not share one. Names
 * are compared by control type; whether instances of one control collide is decided where instances are known.
 */
import type { Annotation, ControlDeclaration, Declaration, SyntaxTree } from '../syntax/ast.ts'
import type { Range } from '../source/range.ts'
import type { Context } from './context.ts'
import type { InstanceTree } from './instance-tree.ts'

export function checkControlPlaneNames(context: Context, tree: SyntaxTree): void {
  const names = new Map<string, Range>()
  for (const declaration of tree.declarations) {
    if (declaration.kind === 'Action') claim(context, names, declaration, undefined)
    else if (declaration.kind === 'Control') {
      for (const local of declaration.locals) claim(context, names, local, declaration)
    }
  }
}

/** A table whose name is absolute exists once, however often its control is instantiated. */
export function checkTableInstances(context: Context, tree: InstanceTree): void {
  const seen = new Set<string>()
  for (const { name, declaration } of tree.tables) {
    if (seen.has(name)) {
      const text = `several tables would have the name '${name}' for the control plane`
      const notes = [{ message: 'the control is instantiated more than once, and the name does not say where' }]
      context.error('P4C4142', declaration.name.range, text, { notes })
    }
    seen.add(name)
  }
}

/** The text of `@name("…")`, or undefined. */
export function nameAnnotation(annotations: readonly Annotation[]): string | undefined {
  const found = annotations.find((annotation) => annotation.name.text === 'name')
  const value = found?.values[0]
  return value?.kind === 'String' ? value.value : undefined
}

function claim(
  context: Context,
  names: Map<string, Range>,
  declaration: Declaration,
  control: ControlDeclaration | undefined,
): void {
  const kind = declaration.kind
  if (kind !== 'Action' && kind !== 'Table') return
  const given = nameAnnotation(declaration.annotations)
  const own = given ?? declaration.name.text
  const full = own.startsWith('.') ? own.slice(1) : control === undefined ? own : `${control.name.text}.${own}`
  const key = `${kind} ${full}`
  const before = names.get(key)
  // Every program has NoAction; a further name for doing nothing confuses nobody.
  if (full === 'NoAction') return
  if (before === undefined) {
    names.set(key, declaration.name.range)
    return
  }
  // Two declarations of one plain name are reported as such.
  if (given === undefined) return
  const notes = [{ message: 'the other is here', range: before }]
  const text = `the control plane's name '${full}' is taken by another ${kind.toLowerCase()}`
  context.error('P4C4142', declaration.name.range, text, { notes })
}
