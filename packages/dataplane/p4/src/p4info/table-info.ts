/** One table of P4Info (P4Runtime 1.4, section 6.4.1): keys, actions, default action, what belongs to its entries. */
import type { Annotation, Expression, TableDeclaration, TableKeyElement, TableProperty } from '../syntax/ast.ts'
import { evaluateInteger } from '../check/evaluate.ts'
import { nameAnnotation } from '../check/control-plane-name.ts'
import { printExpression } from '../syntax/print.ts'
import { givenId } from './ids.ts'
import { annotations, constantBits, externKind, type InfoContext, preamble, usesExtern } from './p4info.ts'

type PropertyOf<K extends TableProperty['kind']> = Extract<TableProperty, { kind: K }>

const MATCH_TYPES: ReadonlySet<string> = new Set(['exact', 'lpm', 'ternary', 'range', 'optional'])

export function writeTable(
  info: InfoContext,
  { name, declaration }: { readonly name: string; readonly declaration: TableDeclaration },
): void {
  const { out, checked } = info
  const property = <K extends TableProperty['kind']>(kind: K): PropertyOf<K> | undefined =>
    declaration.properties.find((item): item is PropertyOf<K> => item.kind === kind)
  const other = (wanted: RegExp): PropertyOf<'OtherProperty'> | undefined =>
    declaration.properties.find(
      (item): item is PropertyOf<'OtherProperty'> => item.kind === 'OtherProperty' && wanted.test(item.name.text),
    )
  out.message('tables', () => {
    preamble(info, 'table', name, declaration.annotations)
    let id = 0
    for (const element of property('KeyProperty')?.elements ?? []) {
      // A selector's input is no part of the entries.
      if (element.match.text === 'selector') continue
      id += 1
      writeKey(info, element, id)
    }
    for (const action of property('ActionsProperty')?.actions ?? []) {
      const actionId = idOfAction(info, action.name)
      if (actionId === undefined) continue
      out.message('action_refs', () => {
        out.number('id', actionId)
        const has = (wanted: string): boolean => action.annotations.some((item) => item.name.text === wanted)
        if (has('defaultonly')) out.word('scope', 'DEFAULT_ONLY')
        if (has('tableonly')) out.word('scope', 'TABLE_ONLY')
        annotations(info, action.annotations)
      })
    }
    const initial = other(/^default_action$/)
    if (initial !== undefined) writeDefault(info, initial)
    writeResources(info, declaration)
    const size = other(/^size$/)
    out.number('size', size === undefined ? 1024 : evaluateInteger(checked.context, size.value))
    if (other(/^support_timeout$|idle_timeout/) !== undefined) out.word('idle_timeout_behavior', 'NOTIFY_CONTROL')
    const entries = property('EntriesProperty')
    if (entries?.isConst === true) out.word('is_const_table', 'true')
    if (entries !== undefined) out.word('has_initial_entries', 'true')
  })
}

function writeKey(info: InfoContext, element: TableKeyElement, id: number): void {
  const { out, checked } = info
  out.message('match_fields', () => {
    out.number('id', givenId(element.annotations) ?? id)
    out.text('name', nameAnnotation(element.annotations) ?? keyName(element.expression))
    annotations(info, element.annotations)
    info.types.scalar(out, checked.context.typeOf(element.expression))
    const kind = element.match.text
    if (MATCH_TYPES.has(kind)) out.word('match_type', kind.toUpperCase())
    else out.text('other_match_type', kind)
  })
}

/** The expression's text; a masked key is called like what is masked. */
function keyName(expression: Expression): string {
  if (expression.kind === 'Binary' && expression.operator === '&') {
    return keyName(expression.right.kind === 'Integer' ? expression.left : expression.right)
  }
  return printExpression(expression)
}

function writeDefault(info: InfoContext, property: PropertyOf<'OtherProperty'>): void {
  const { out, checked } = info
  const { value } = property
  const id = idOfAction(info, value.kind === 'Call' ? value.callee : value)
  if (id === undefined) return
  if (property.isConst) out.number('const_default_action_id', id)
  out.message('initial_default_action', () => {
    out.number('action_id', id)
    const call = value.kind === 'Call' ? checked.calls.get(value) : undefined
    const given = (call?.kind === 'action' ? call.args : []).filter(
      (argument) => argument.parameter.direction === 'none',
    )
    for (const [index, argument] of given.entries()) {
      const bits =
        argument.value === undefined
          ? undefined
          : constantBits(checked, argument.value, info.types.width(argument.type) ?? 64)
      if (bits === undefined) continue
      out.message('arguments', () => {
        out.number('param_id', givenId(argument.parameter.node.annotations) ?? index + 1)
        out.bytes('value', bits)
      })
    }
  })
}

/** Counters and meters of the entries, and the profile that holds the actions. */
function writeResources(info: InfoContext, declaration: TableDeclaration): void {
  const { out, checked, tree, ids } = info
  for (const extern of tree.externs) {
    const kind = externKind(extern.type)
    if (kind === undefined || !usesExtern(checked, declaration, extern.declaration)) continue
    const id = ids.of(kind, extern.name, extern.declaration.annotations)
    if (kind === 'actionProfile') out.number('implementation_id', id)
    else if (kind === 'directCounter' || kind === 'directMeter') out.number('direct_resource_ids', id)
  }
}

function idOfAction(info: InfoContext, callee: Expression): number | undefined {
  const symbol = info.checked.references.get(callee)
  if (symbol?.kind !== 'action') return undefined
  const found = info.tree.actions.find((action) => action.declaration === symbol.declaration)
  const list: readonly Annotation[] = symbol.declaration.annotations
  return found === undefined ? undefined : info.ids.of('action', found.name, list)
}
