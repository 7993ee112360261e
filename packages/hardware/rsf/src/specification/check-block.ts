/** Blocks: element types, arrays, overlaps, addresses, sram. A block is checked after the blocks it holds. */
import type { DiagnosticSink } from '../source/diagnostic.ts'
import type { BlockItem, Element } from '../syntax/syntax-tree.ts'
import { attributesOf, docOf } from './documentation.ts'
import { sizeOf, type BlockElement, type BlockType, type RegisterType } from './model.ts'
import type { Module } from './module.ts'
import { checkDistinct, type Declared } from './names.ts'

/** Maps, clients and simulations walk all registers; this bounds what a few lines of text can ask for. */
const MAX_REGISTERS = 1 << 20

export interface BlockContext {
  readonly module: Module
  readonly sink: DiagnosticSink
  /** The type of an element; problems have been reported when it is `undefined`. */
  typeOf(element: Element): RegisterType | BlockType | undefined
}

interface Placed {
  readonly syntax: Element
  readonly element: BlockElement
}

export function checkBlock(item: BlockItem, context: BlockContext): BlockType {
  const { sink, module } = context
  checkDistinct(item.members, 'element', sink)
  const placed: Placed[] = []
  for (const syntax of item.members) {
    const element = checkElement(syntax, item, context)
    if (element !== undefined) placed.push({ syntax, element })
  }
  placed.sort((a, b) => a.element.offset - b.element.offset)
  const elements = placed.map(({ element }, rank) => ({ ...element, selector: item.isSram ? rank : undefined }))
  const registerCount = countRegisters(item, elements, sink)
  // Comparing costs as much as there are registers, so only what is bounded is compared.
  if (registerCount <= MAX_REGISTERS) reportOverlaps(placed, sink)
  return {
    kind: 'block',
    name: item.name.name,
    module: module.name,
    doc: docOf(item.doc),
    attributes: attributesOf(item.attributes),
    range: item.name.range,
    isSram: item.isSram,
    elements,
    size: elements.reduce((size, element) => Math.max(size, endOf(element)), 0),
    registerCount: Math.min(registerCount, MAX_REGISTERS),
  }
}

/** Reports an element whose type is neither a register nor a block. */
export function reportWrongElement(element: Element, declared: Declared, sink: DiagnosticSink): void {
  const message = `${declared.item.name.name} is an enum; an element is a register or a block`
  sink.error('RSF3007', element.type.range, message)
}

function checkElement(syntax: Element, block: BlockItem, context: BlockContext): BlockElement | undefined {
  const { sink } = context
  const type = context.typeOf(syntax)
  if (type === undefined) return undefined
  const name = syntax.name.name
  if (type.kind === 'block' && block.isSram) {
    sink.error('RSF4015', syntax.type.range, 'NOT IMPLEMENTED: a block inside an sram block')
    return undefined
  }
  if (type.kind === 'register' && type.isSram !== block.isSram) {
    const message = block.isSram ? 'an sram block holds sram registers' : 'an sram register stands in an sram block'
    sink.error('RSF4015', syntax.type.range, message)
    return undefined
  }
  const array = checkArray(syntax, sizeOf(type), sink)
  if (array === null) return undefined
  const span = array === undefined ? 0n : BigInt(array.length - 1) * BigInt(array.stride)
  if (syntax.offset.value + span + BigInt(sizeOf(type)) > BigInt(Number.MAX_SAFE_INTEGER)) {
    sink.error('RSF4011', syntax.offset.range, `element ${name} ends above 2^53 - 1`)
    return undefined
  }
  const offset = Number(syntax.offset.value)
  reportUnaligned(syntax, type, offset, array?.stride ?? 0, sink)
  const { doc, attributes } = syntax
  return { name, doc: docOf(doc), attributes: attributesOf(attributes), type, offset, array, selector: undefined }
}

/** `null` when the array is wrong and has been reported. */
function checkArray(syntax: Element, size: number, sink: DiagnosticSink): BlockElement['array'] | null {
  if (syntax.array === undefined) return undefined
  const { length, stride } = syntax.array
  if (length.value === 0n) {
    sink.error('RSF4010', length.range, `array ${syntax.name.name} has no elements`)
    return null
  }
  if (length.value > MAX_REGISTERS) {
    sink.error('RSF4012', length.range, `array ${syntax.name.name} has more than ${MAX_REGISTERS} elements`)
    return null
  }
  if (stride.value > Number.MAX_SAFE_INTEGER) {
    sink.error('RSF4011', stride.range, `the stride ${stride.text} is above 2^53 - 1`)
    return null
  }
  if (stride.value < size) {
    sink.error('RSF4009', stride.range, `the stride ${stride.text} is less than the ${size} bytes of an element`)
    return null
  }
  return { length: Number(length.value), stride: Number(stride.value) }
}

function reportUnaligned(
  syntax: Element,
  type: RegisterType | BlockType,
  offset: number,
  stride: number,
  sink: DiagnosticSink,
): void {
  if (type.kind !== 'register') return
  // Buses move words of a power of two bytes; wider registers are moved as several 64-bit words.
  const bytes = Math.min(8, type.width / 8)
  if ((bytes & (bytes - 1)) !== 0 || (offset % bytes === 0 && stride % bytes === 0)) return
  const message = `register ${syntax.name.name} is not aligned to its ${bytes} bytes`
  sink.warning('RSF4013', syntax.offset.range, message)
}

function endOf({ type, offset, array }: BlockElement): number {
  return offset + (array === undefined ? 0 : (array.length - 1) * array.stride) + sizeOf(type)
}

/** Elements may interleave (two arrays of one stride), so spans that cross are compared member by member. */
function reportOverlaps(placed: readonly Placed[], sink: DiagnosticSink): void {
  let open: Placed[] = []
  for (const each of placed) {
    open = open.filter(({ element }) => endOf(element) > each.element.offset)
    const other = open.find(({ element }) => isOverlapping(element, each.element))
    if (other !== undefined) {
      const notes = [{ message: `${other.element.name} is here`, range: other.syntax.name.range }]
      const message = `element ${each.element.name} overlaps ${other.element.name}`
      sink.error('RSF4014', each.syntax.name.range, message, notes)
    }
    open.push(each)
  }
}

function isOverlapping(a: BlockElement, b: BlockElement): boolean {
  if (sizeOf(a.type) === 0 || sizeOf(b.type) === 0) return false
  const [many, few] = (a.array?.length ?? 1) > (b.array?.length ?? 1) ? [a, b] : [b, a]
  const length = few.array?.length ?? 1
  for (let index = 0; index < length; index++) {
    const start = few.offset + index * (few.array?.stride ?? 0)
    const end = start + sizeOf(few.type)
    // The first member of `many` that ends after `start`: when it begins after `end`, so do all later ones.
    const stride = many.array?.stride ?? 1
    const past = start - sizeOf(many.type) - many.offset
    const first = Math.max(0, Math.floor(past / stride) + 1)
    if (first < (many.array?.length ?? 1) && many.offset + first * (many.array?.stride ?? 0) < end) return true
  }
  return false
}

function countRegisters(item: BlockItem, elements: readonly BlockElement[], sink: DiagnosticSink): number {
  let count = 0
  for (const { type, array } of elements) {
    count += (array?.length ?? 1) * (type.kind === 'register' ? 1 : type.registerCount)
  }
  if (count > MAX_REGISTERS) {
    sink.error('RSF4012', item.name.range, `block ${item.name.name} has more than ${MAX_REGISTERS} registers`)
  }
  return count
}
