/** Enumerations: width, values that fit, values declared once. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { EnumItem, NumberLiteral } from '../syntax/syntax-tree.ts'
import { attributesOf, docOf } from './documentation.ts'
import type { EnumAlternative, EnumType } from './model.ts'
import type { Module } from './module.ts'
import { checkDistinct } from './names.ts'

const MAX_ENUM_BITS = 32

export function checkEnum(item: EnumItem, module: Module, sink: DiagnosticSink): EnumType {
  checkDistinct(item.members, 'alternative', sink)
  const width = enumWidth(item, sink)
  const seen = new Map<bigint, NumberLiteral>()
  const alternatives: EnumAlternative[] = []
  for (const { name, value, doc } of item.members) {
    if (value.value >> BigInt(width) !== 0n) {
      sink.error('RSF4003', value.range, `${value.text} does not fit in the ${width} bits of ${item.name.name}`)
      continue
    }
    const earlier = seen.get(value.value)
    if (earlier !== undefined) {
      const notes = [{ message: 'first here', range: earlier.range }]
      sink.error('RSF4004', value.range, `a second alternative has the value ${value.text}`, notes)
      continue
    }
    seen.set(value.value, value)
    alternatives.push({ name: name.name, doc: docOf(doc), value: Number(value.value) })
  }
  return {
    kind: 'enum',
    name: item.name.name,
    module: module.name,
    doc: docOf(item.doc),
    attributes: attributesOf(item.attributes),
    range: item.name.range,
    width,
    alternatives,
    isExhaustive: alternatives.length === 2 ** width,
  }
}

function enumWidth(item: EnumItem, sink: DiagnosticSink): number {
  const { value, range } = item.width
  if (value >= 1n && value <= MAX_ENUM_BITS) return Number(value)
  sink.error('RSF4005', range, `an enum has 1 to ${MAX_ENUM_BITS} bits, not ${value}`)
  return value === 0n ? 1 : MAX_ENUM_BITS
}
