/**
 * P4Info (P4Runtime 1.4, section 6) of a checked program in protobuf text format: what a controller must know to write
 * tables and read counters without the program's source. Names are those of the instance tree, ids those of `Ids`.
 */
import { mainOf } from '../check/architecture-name.ts'
import type { BoundArgument, CheckedProgram } from '../check/context.ts'
import { evaluate, evaluateInteger } from '../check/evaluate.ts'
import { type ExternInstance, type InstanceTree, instanceTree } from '../check/instance-tree.ts'
import type { Type } from '../check/type.ts'
import type { Annotation, Expression, StructDeclaration, TableDeclaration } from '../syntax/ast.ts'
import { printExpression } from '../syntax/print.ts'
import { aliases } from './alias.ts'
import { givenId, type IdKind, Ids } from './ids.ts'
import { writeTable } from './table-info.ts'
import { TextWriter } from './text-writer.ts'
import { TypeSpecs } from './type-spec.ts'

/** The kinds of extern that P4Info lists, by the names they have in v1model, PSA, PNA and softnpu. */
const EXTERN_KINDS: ReadonlyMap<string, IdKind> = new Map([
  ['counter', 'counter'],
  ['directcounter', 'directCounter'],
  ['meter', 'meter'],
  ['directmeter', 'directMeter'],
  ['register', 'register'],
  ['actionprofile', 'actionProfile'],
  ['actionselector', 'actionProfile'],
  ['digest', 'digest'],
])

/** Annotations that other fields of P4Info stand for. */
const EXPRESSED = new Set(['name', 'id', 'brief', 'description', 'pkginfo', 'p4runtime_translation'])

/** What the writers of single objects share. */
export interface InfoContext {
  readonly checked: CheckedProgram
  readonly tree: InstanceTree
  readonly out: TextWriter
  readonly ids: Ids
  readonly types: TypeSpecs
  readonly aliases: ReadonlyMap<string, string>
}

export function externKind(type: {
  readonly declaration: { readonly name: { readonly text: string } }
}): IdKind | undefined {
  return EXTERN_KINDS.get(type.declaration.name.text.toLowerCase().replaceAll('_', ''))
}

/** The text of a `p4.config.v1.P4Info`; empty for a program without `main`. */
export function p4infoText(checked: CheckedProgram): string {
  const tree = instanceTree(checked)
  if (tree === undefined) return ''
  const out = new TextWriter()
  const externs = tree.externs.filter((extern) => externKind(extern.type) !== undefined)
  const digests = digestTypes(checked)
  const tables = tree.tables.filter(({ declaration }) => !isHidden(declaration.annotations))
  const actions = actionsInUse(checked, tree)
  const info: InfoContext = {
    checked,
    tree,
    out,
    ids: new Ids(),
    types: new TypeSpecs(checked),
    aliases: aliases([...tables, ...actions, ...tree.valueSets, ...externs].map((object) => object.name)),
  }
  out.message('pkg_info', () => packageInfo(info))
  for (const table of tables) writeTable(info, table)
  for (const { name, declaration } of actions) {
    out.message('actions', () => {
      preamble(info, 'action', name, declaration.annotations)
      const given = declaration.parameters.filter((parameter) => parameter.direction === 'none')
      for (const [index, parameter] of given.entries()) {
        out.message('params', () => {
          out.number('id', givenId(parameter.annotations) ?? index + 1)
          out.text('name', parameter.name.text)
          annotations(info, parameter.annotations)
          const type = checked.typeNodes.get(parameter.type)
          if (type !== undefined) info.types.scalar(out, type)
        })
      }
    })
  }
  for (const extern of externs) writeExtern(info, extern)
  writeControllerHeaders(info)
  for (const { name, declaration } of tree.valueSets) {
    out.message('value_sets', () => {
      preamble(info, 'valueSet', name, declaration.annotations)
      const type = checked.typeNodes.get(declaration.type)
      if (type !== undefined) writeValueSetMatches(info, type)
      out.number('size', evaluateInteger(checked.context, declaration.size))
    })
  }
  for (const type of digests) {
    out.message('digests', () => {
      const name = type.kind === 'struct' ? type.declaration.name.text : 'digest'
      preamble(info, 'digest', name, [])
      info.types.spec(out, 'type_spec', type)
    })
  }
  info.types.write(out)
  return out.finish()
}

export function preamble(info: InfoContext, kind: IdKind, name: string, list: readonly Annotation[]): void {
  const { out } = info
  out.message('preamble', () => {
    out.number('id', info.ids.of(kind, name, list))
    out.text('name', name)
    out.text('alias', info.aliases.get(name) ?? name)
    annotations(info, list)
    documentation(info, list)
  })
}

export function annotations({ out }: InfoContext, list: readonly Annotation[]): void {
  for (const annotation of list) {
    if (EXPRESSED.has(annotation.name.text)) continue
    const values = annotation.values.map(printExpression)
    const pairs = annotation.pairs.map((pair) => `${pair.name.text} = ${printExpression(pair.value)}`)
    const body = [...values, ...pairs].join(', ') || annotation.text
    const [open, close] = annotation.isStructured ? ['[', ']'] : ['(', ')']
    out.text('annotations', `@${annotation.name.text}${body === '' ? '' : open + body + close}`)
  }
}

function documentation({ out }: InfoContext, list: readonly Annotation[]): void {
  const text = (name: string): string | undefined => {
    const value = list.find((annotation) => annotation.name.text === name)?.values[0]
    return value?.kind === 'String' ? value.value : undefined
  }
  out.message(
    'doc',
    () => {
      out.text('brief', text('brief'))
      out.text('description', text('description'))
    },
    true,
  )
}

export function isHidden(list: readonly Annotation[]): boolean {
  return list.some((annotation) => annotation.name.text === 'hidden')
}

function packageInfo(info: InfoContext): void {
  const { out, tree } = info
  const main = mainOf(info.checked.tree)
  for (const annotation of main?.annotations ?? []) {
    if (annotation.name.text !== 'pkginfo') continue
    for (const { name, value } of annotation.pairs) {
      if (/^(name|version|organization|contact|url)$/.test(name.text) && value.kind === 'String') {
        out.text(name.text, value.value)
      }
    }
  }
  out.text('arch', tree.architecture ?? 'unknown')
}

/** Actions that some table lists, each once, in order of declaration. */
function actionsInUse(checked: CheckedProgram, tree: InstanceTree): InstanceTree['actions'] {
  const used = new Set<unknown>()
  for (const { declaration } of tree.tables) {
    for (const property of declaration.properties) {
      if (property.kind !== 'ActionsProperty') continue
      for (const { name } of property.actions) {
        const symbol = checked.references.get(name)
        if (symbol?.kind === 'action') used.add(symbol.declaration)
      }
    }
  }
  const seen = new Set<string>()
  return tree.actions.filter(({ name, declaration }) => {
    if (!used.has(declaration) || seen.has(name)) return false
    seen.add(name)
    return true
  })
}

function writeExtern(info: InfoContext, { name, type, args, declaration }: ExternInstance): void {
  const { out, checked } = info
  const kind = externKind(type)
  const number = (test: RegExp): number | bigint | undefined => numberOf(checked, args, test)
  const unit = (): void => out.message('spec', () => out.word('unit', unitOf(args)))
  switch (kind) {
    case 'counter':
    case 'meter':
      out.message(`${kind}s`, () => {
        preamble(info, kind, name, declaration.annotations)
        unit()
        out.number('size', number(/size|^n_|instance_count/))
      })
      return
    case 'directCounter':
    case 'directMeter':
      out.message(kind === 'directCounter' ? 'direct_counters' : 'direct_meters', () => {
        preamble(info, kind, name, declaration.annotations)
        unit()
        const table = info.tree.tables.find((candidate) => usesExtern(checked, candidate.declaration, declaration))
        if (table !== undefined)
          out.number('direct_table_id', info.ids.of('table', table.name, table.declaration.annotations))
      })
      return
    case 'register':
      out.message('registers', () => {
        preamble(info, kind, name, declaration.annotations)
        const [element] = type.args
        if (element !== undefined) info.types.spec(out, 'type_spec', element)
        out.number('size', number(/size/))
      })
      return
    case 'actionProfile':
      out.message('action_profiles', () => {
        preamble(info, kind, name, declaration.annotations)
        for (const table of info.tree.tables) {
          if (!usesExtern(checked, table.declaration, declaration)) continue
          out.number('table_ids', info.ids.of('table', table.name, table.declaration.annotations))
        }
        const isSelector = /selector/i.test(type.declaration.name.text)
        if (isSelector) out.word('with_selector', 'true')
        out.number('size', number(/size/))
        const group = declaration.annotations.find((item) => item.name.text === 'max_group_size')?.values[0]
        if (isSelector && group?.kind === 'Integer') out.number('max_group_size', group.value)
      })
      return
    case 'digest':
      out.message('digests', () => {
        preamble(info, kind, name, declaration.annotations)
        const [element] = type.args
        if (element !== undefined) info.types.spec(out, 'type_spec', element)
      })
      return
    default:
  }
}

/** The constructor's argument whose parameter is called like this. */
function numberOf(checked: CheckedProgram, args: readonly BoundArgument[], name: RegExp): bigint | undefined {
  const found = args.find((argument) => name.test(argument.parameter.name))
  const source = found?.value ?? found?.parameter.initializer
  return source === undefined ? undefined : evaluateInteger(checked.context, source)
}

function unitOf(args: readonly BoundArgument[]): string {
  const source = args.find(({ value }) => value?.kind === 'Member')?.value
  const member = source?.kind === 'Member' ? source.member.text.toLowerCase() : ''
  return member === 'bytes' ? 'BYTES' : member === 'packets' ? 'PACKETS' : 'BOTH'
}

/** Whether a property of the table (`counters`, `psa_direct_meter`, `implementation`, …) names the instance. */
export function usesExtern(checked: CheckedProgram, table: TableDeclaration, extern: object): boolean {
  return table.properties.some((property) => {
    if (property.kind !== 'OtherProperty') return false
    const symbol = checked.references.get(property.value)
    return symbol?.kind === 'instance' && symbol.declaration === extern
  })
}

function writeControllerHeaders(info: InfoContext): void {
  const { out, checked } = info
  for (const declaration of checked.tree.declarations) {
    if (declaration.kind !== 'Struct' || declaration.form !== 'header') continue
    const value = declaration.annotations.find((item) => item.name.text === 'controller_header')?.values[0]
    if (value?.kind !== 'String') continue
    out.message('controller_packet_metadata', () => {
      preamble(info, 'controllerHeader', value.value, declaration.annotations)
      writeMetadata(info, declaration)
    })
  }
}

function writeMetadata({ out, checked, types }: InfoContext, declaration: StructDeclaration): void {
  for (const [index, field] of declaration.fields.entries()) {
    out.message('metadata', () => {
      out.number('id', givenId(field.annotations) ?? index + 1)
      out.text('name', field.name.text)
      const type = checked.typeNodes.get(field.type)
      if (type !== undefined) types.scalar(out, type)
    })
  }
}

/** A value set of a struct has one match per field, whose kind `@match` gives. */
function writeValueSetMatches({ out, checked, types }: InfoContext, input: Type): void {
  const type = checked.context.inference.resolve(input)
  const fields = type.kind === 'struct' ? checked.context.fieldsOf(type) : [{ name: '', type }]
  for (const [index, field] of fields.entries()) {
    out.message('match', () => {
      const declared = type.kind === 'struct' ? type.declaration.fields[index] : undefined
      out.number('id', givenId(declared?.annotations ?? []) ?? index + 1)
      if (field.name !== '') out.text('name', field.name)
      types.scalar(out, field.type)
      const kind = declared?.annotations.find((item) => item.name.text === 'match')?.values[0]
      out.word('match_type', kind?.kind === 'Name' ? kind.name.toUpperCase() : 'EXACT')
    })
  }
}

/** Types of the data that v1model's `digest()` sends, each once. */
function digestTypes({ calls, context }: CheckedProgram): readonly Type[] {
  const found = new Map<string, Type>()
  for (const call of calls.values()) {
    if (call.kind !== 'function' || call.symbol.name !== 'digest' || !call.symbol.declaration.isExtern) continue
    const type = call.typeArgs[0] === undefined ? undefined : context.inference.resolve(call.typeArgs[0])
    if (type !== undefined) found.set(type.kind === 'struct' ? type.declaration.name.text : `#${found.size}`, type)
  }
  return [...found.values()]
}

/** The value of a compile-time expression as an unsigned number of `width` bits. */
export function constantBits(checked: CheckedProgram, expression: Expression, width: number): bigint | undefined {
  const value = evaluate(checked.context, expression)
  if (value?.kind === 'bool') return value.value ? 1n : 0n
  return value?.kind === 'number' ? BigInt.asUintN(width, value.value) : undefined
}
