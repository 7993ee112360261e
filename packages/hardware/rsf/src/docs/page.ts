/** A page of documentation before it is Markdown or HTML: headings, text and tables, in order. */
import { bitsText } from '../specification/check-register.ts'
import { gapsOf, qualifiedName, type BlockType, type EnumType } from '../specification/model.ts'
import type { RegisterField, RegisterType, Specification } from '../specification/model.ts'

export type Part =
  | { readonly kind: 'heading'; readonly level: 1 | 2 | 3; readonly text: string; readonly anchor: string }
  | { readonly kind: 'text'; readonly lines: readonly string[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly Cell[])[] }

/** Text, perhaps linked to a heading's anchor. */
export interface Cell {
  readonly text: string
  readonly anchor?: string
}

export function pageOf(specification: Specification): readonly Part[] {
  const title = specification.file.replace(/^.*\//, '')
  return [
    { kind: 'heading', level: 1, text: `Registers of ${title}`, anchor: 'top' },
    ...section('Blocks', 'blocks', specification.blocks.toReversed(), blockParts),
    ...section('Registers', 'registers', specification.registers, registerParts),
    ...section('Enums', 'enums', specification.enums, enumParts),
  ]
}

function section<T>(
  text: string,
  anchor: string,
  all: readonly T[],
  parts: (each: T) => readonly Part[],
): readonly Part[] {
  return all.length === 0 ? [] : [{ kind: 'heading', level: 2, text, anchor }, ...all.flatMap(parts)]
}

function blockParts(block: BlockType): readonly Part[] {
  const rows = block.elements.map((element) => {
    const { array } = element
    const count = array === undefined ? '' : `[${array.length}; ${hex(array.stride)}]`
    return [
      { text: hex(element.offset) },
      { text: `${element.name}${count}` },
      { text: qualifiedName(element.type), anchor: anchorOf(element.type) },
      { text: element.doc.join(' ') },
    ]
  })
  const size = `${block.size} bytes, ${block.registerCount} registers${block.isSram ? ', in sram' : ''}.`
  return [...opening(block, size), { kind: 'table', head: ['Offset', 'Element', 'Type', 'Meaning'], rows }]
}

function registerParts(register: RegisterType): readonly Part[] {
  const digits = register.width / 4
  const size = `${register.width} bits, reset 0x${register.reset.toString(16).padStart(digits, '0')}.`
  const gaps = gapsOf(register).map(([offset, width]) => ({ offset, width, row: gapRow(offset, width) }))
  const fields = register.fields.map((field) => ({ ...field, row: fieldRow(field, register) }))
  // The most significant bits first, as in data sheets.
  const rows = [...fields, ...gaps].toSorted((a, b) => b.offset - a.offset).map(({ row }) => row)
  const head = ['Bits', 'Field', 'Access', 'Type', 'Reset', 'Meaning']
  return [...opening(register, size), { kind: 'table', head, rows }]
}

function fieldRow(field: RegisterField, register: RegisterType): readonly Cell[] {
  const { type } = field
  const reset = BigInt.asUintN(field.width, register.reset >> BigInt(field.offset))
  return [
    { text: bitsText(field).replace(/^bits? /, '') },
    { text: field.name },
    { text: field.access === 'plain' ? field.mode : `${field.mode}, ${field.access}` },
    type.kind === 'enum' ? { text: qualifiedName(type.type), anchor: anchorOf(type.type) } : { text: type.kind },
    { text: hex(reset) },
    { text: field.doc.join(' ') },
  ]
}

function gapRow(offset: number, width: number): readonly Cell[] {
  const range = bitsText({ offset, width }).replace(/^bits? /, '')
  return [range, '(none)', '', '', '', ''].map((text) => ({ text }))
}

function enumParts(type: EnumType): readonly Part[] {
  const rows = type.alternatives.map(({ name, value, doc }) => [
    { text: `0b${value.toString(2).padStart(type.width, '0')}` },
    { text: name },
    { text: doc.join(' ') },
  ])
  const size = `${type.width} bits${type.isExhaustive ? ', every value declared' : ''}.`
  return [...opening(type, size), { kind: 'table', head: ['Value', 'Name', 'Meaning'], rows }]
}

function opening(type: BlockType | RegisterType | EnumType, size: string): readonly Part[] {
  return [
    { kind: 'heading', level: 3, text: qualifiedName(type), anchor: anchorOf(type) },
    { kind: 'text', lines: type.doc },
    { kind: 'text', lines: [size] },
  ]
}

function anchorOf(type: BlockType | RegisterType | EnumType): string {
  return `${type.kind}-${[...type.module, type.name].join('-')}`
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`
}
