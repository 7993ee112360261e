/**
 * Tree to text in the canonical layout: four blanks of indentation, one member per line, an empty line between items
 * (none between `use`s). Numbers, documentation and comments come out as they were written.
 */
import type { Attribute, Element, Field, FieldTypeSyntax, Item, Path, Surroundings, SyntaxTree } from './syntax-tree.ts'

const INDENT = '    '

/** The text of a file, with a final newline. */
export function print(tree: SyntaxTree): string {
  const lines: string[] = []
  let previous: Item | undefined
  for (const item of tree.items) {
    if (previous !== undefined && !(previous.kind === 'use' && item.kind === 'use')) lines.push('')
    lines.push(...printItem(item))
    previous = item
  }
  if (tree.closing.length > 0 && lines.length > 0) lines.push('')
  return `${[...lines, ...tree.closing].join('\n')}\n`
}

function printItem(item: Item): readonly string[] {
  if (item.kind === 'use') return printNode(item.around, [], [], `use ${printPath(item.path)};`, '')
  const lines = [...printNode({ ...item.around, trailing: undefined }, item.doc, item.attributes, header(item), '')]
  for (const member of item.members) {
    const attributes = 'attributes' in member ? member.attributes : []
    if (member.around.isAfterBlank) lines.push('')
    lines.push(...printNode(member.around, member.doc, attributes, printMember(member), INDENT))
  }
  lines.push(...item.closing.map((comment) => indent(comment, INDENT)))
  lines.push(withTrailing('}', item.around))
  return lines
}

function header(item: Exclude<Item, { kind: 'use' }>): string {
  if (item.kind === 'enum') return `enum<${item.width.text}> ${item.name.name} {`
  const sram = item.isSram ? 'sram ' : ''
  if (item.kind === 'block') return `${sram}block ${item.name.name} {`
  const reset = item.reset === undefined ? '' : ` reset<${item.reset.text}>`
  return `${sram}register<${item.width.text}> ${item.name.name}${reset} {`
}

function printMember(member: Exclude<Item, { kind: 'use' }>['members'][number]): string {
  if ('value' in member) return `${member.name.name} = ${member.value.text},`
  return 'mode' in member ? printField(member) : printElement(member)
}

function printField(field: Field): string {
  return `${field.name.name}: ${field.mode} ${printFieldType(field.type)} @ ${field.offset.text},`
}

function printFieldType(type: FieldTypeSyntax): string {
  if (type.kind === 'bool') return 'bool'
  return type.kind === 'bits' ? `b${type.width.text}` : printPath(type.path)
}

function printElement(element: Element): string {
  const { array } = element
  const dimension = array === undefined ? '' : `[${array.length.text}; ${array.stride.text}]`
  return `${element.name.name}: ${printPath(element.type)}${dimension} @ ${element.offset.text},`
}

function printPath(path: Path): string {
  return path.segments.map((segment) => segment.name).join('::')
}

function printNode(
  around: Surroundings,
  doc: readonly string[],
  attributes: readonly Attribute[],
  line: string,
  indentation: string,
): readonly string[] {
  return [
    ...around.comments,
    ...doc.map((text) => `///${text}`),
    ...attributes.map((attribute) => `#[attr(${attribute.name.name} = "${escape(attribute.value)}")]`),
    withTrailing(line, around),
  ].map((text) => indent(text, indentation))
}

function withTrailing(line: string, around: Surroundings): string {
  return around.trailing === undefined ? line : `${line} ${around.trailing}`
}

function indent(text: string, indentation: string): string {
  return text === '' ? '' : indentation + text
}

/** A backslash is doubled only where it would otherwise be read as an escape. */
function escape(value: string): string {
  return value.replace(/\\(?=["\\]|$)|"/g, (match) => `\\${match}`)
}
