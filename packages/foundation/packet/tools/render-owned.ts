/**
 * Renders the owned form of a header (interface, read, write) and its text (describe, field values).
 */
import type { HeaderDefinition } from '../src/headers/definition.ts'
import { at, fixedLength, isBytes, PARAMETERS, pascal, type PlacedField } from './layout.ts'

export function renderOwned(header: HeaderDefinition, fields: readonly PlacedField[]): string {
  const name = header.name
  const Name = pascal(name)
  const owned = fields.filter((field) => !field.isOverlay)
  const tail = header.tail
  const lines = [`export interface ${Name}Header {`]
  for (const field of owned) lines.push(`readonly ${field.name}: ${isBytes(field) ? 'Uint8Array' : 'number'}`)
  if (tail !== undefined) lines.push(`readonly ${tail.name}: Uint8Array`)
  lines.push(`}`, `/** The owned form of a header that passed its check (allocates). */`)
  lines.push(`export function read${Name}(${PARAMETERS}): ${Name}Header {`, `return {`)
  for (const field of owned) {
    const accessor = isBytes(field) ? `read${Name}${pascal(field.name)}` : name + pascal(field.name)
    lines.push(`${field.name}: ${accessor}(bytes, offset),`)
  }
  if (tail !== undefined) lines.push(`${tail.name}: read${Name}${pascal(tail.name)}(bytes, offset),`)
  lines.push(`}`, `}`)
  lines.push(...renderWrite(header, owned))
  return lines.join('\n') + '\n'
}

function renderWrite(header: HeaderDefinition, owned: readonly PlacedField[]): string[] {
  const name = header.name
  const Name = pascal(name)
  const fixed = fixedLength(header)
  const tail = header.tail
  const lines: string[] = []
  if (tail === undefined) {
    lines.push(
      `/** Bytes that \`write${Name}\` writes. */`,
      `export function ${name}WireLength(_header: Partial<${Name}Header>): number {`,
      `return ${fixed}`,
      `}`,
    )
  } else {
    const needed = `Math.ceil((${fixed} + (header.${tail.name} === undefined ? 0 : header.${tail.name}.length)) / ${tail.multiple}) * ${tail.multiple}`
    lines.push(
      `/** Bytes that \`write${Name}\` writes: the fixed part and the ${tail.name}, padded to ${tail.multiple} bytes. */`,
      `export function ${name}WireLength(header: Partial<${Name}Header>): number {`,
      `return ${tail.minimum === undefined ? needed : `Math.max(${tail.minimum}, ${needed})`}`,
      `}`,
    )
  }
  lines.push(
    `/**`,
    ` * Writes a header; absent fields get their defaults${tail === undefined ? '' : `, \`${tail.lengthField}\` is derived from the ${tail.name}`}.`,
    ` * @returns bytes written. Throws a RangeError when they do not fit, which is the caller's mistake.`,
    ` */`,
    `export function write${Name}(${PARAMETERS}, header: Partial<${Name}Header>): number {`,
    `const length = ${name}WireLength(header)`,
  )
  const tooLong = tail === undefined ? '' : `length > ${tail.maximum} || `
  lines.push(`if (${tooLong}offset + length > bytes.length) throw new RangeError('${name} header does not fit')`)
  for (const field of owned) {
    const set = `set${Name}${pascal(field.name)}`
    if (isBytes(field)) {
      const from = field.bit >> 3
      lines.push(
        `if (header.${field.name} === undefined) bytes.fill(0, ${at(from)}, ${at(from + field.bits / 8)})`,
        `else ${set}(bytes, offset, header.${field.name})`,
      )
    } else if (field.name === tail?.lengthField) {
      lines.push(`${set}(bytes, offset, ${tail.fromLength.replaceAll('$length', 'length')})`)
    } else {
      const fallback = String(field.default ?? 0).replaceAll('$length', 'length')
      lines.push(`${set}(bytes, offset, header.${field.name} ?? ${fallback})`)
    }
  }
  if (tail !== undefined) {
    lines.push(
      `let at = offset + ${fixed}`,
      `if (header.${tail.name} !== undefined) {`,
      `bytes.set(header.${tail.name}, at)`,
      `at += header.${tail.name}.length`,
      `}`,
      `bytes.fill(0, at, offset + length)`,
    )
  }
  lines.push(`return length`, `}`)
  return lines
}

export function renderText(header: HeaderDefinition, fields: readonly PlacedField[]): string {
  const name = header.name
  const Name = pascal(name)
  const text = header.describe.replaceAll(/\{(\w+)\}/g, (_, fieldName: string) => {
    const field = fields.find((candidate) => candidate.name === fieldName)
    if (field === undefined) throw new Error(`${name}: describe names the unknown field ${fieldName}`)
    return '${' + formatted(header, field) + '}'
  })
  const lines = [
    `/** One line about a header that passed its check. */`,
    `export function describe${Name}(${text.includes('$') ? PARAMETERS : '_bytes: Uint8Array, _offset: number'}): string {`,
    `return \`${header.title} ${text}\``,
    `}`,
    `/** Every field with its value as text, in wire order (allocates). */`,
    `export function ${name}FieldValues(${PARAMETERS}): FieldValue[] {`,
    `return [`,
  ]
  for (const field of fields.filter((candidate) => !candidate.isOverlay)) {
    const value = formatted(header, field)
    const isText = value.startsWith('format') || value.startsWith('nameOf')
    lines.push(
      `{ name: '${field.name}', value: ${isText ? value : `String(${value})`}, bit: ${field.bit}, bits: ${field.bits} },`,
    )
  }
  if (header.tail !== undefined) {
    const length = `${name}${pascal(header.tail.name)}Length(bytes, offset)`
    const fixed = fixedLength(header)
    lines.push(
      `{ name: '${header.tail.name}', value: formatBytes(bytes, offset + ${fixed}, ${length}), bit: ${fixed * 8}, bits: ${length} * 8 },`,
    )
  }
  lines.push(`]`, `}`)
  return lines.join('\n') + '\n'
}

/** An expression that shows the field's value. */
function formatted(header: HeaderDefinition, field: PlacedField): string {
  const format = field.format ?? 'dec'
  const value = `${header.name}${pascal(field.name)}(bytes, offset)`
  const from = at(field.bit >> 3)
  switch (format) {
    case 'dec':
      return value
    case 'hex':
      return `formatHex(${value}, ${Math.ceil(field.bits / 4)})`
    case 'ip4':
      return `formatIpv4(${value})`
    case 'ip6':
      return `formatIpv6(bytes, ${from})`
    case 'mac':
      return `formatMac(bytes, ${from})`
    case 'bytes':
      return `formatBytes(bytes, ${from}, ${field.bits / 8})`
    case 'text':
      return `formatText(bytes, ${from}, ${field.bits / 8})`
    case 'tcpFlags':
      return `formatTcpFlags(${value})`
    default:
      return `nameOf(${format}, ${value})`
  }
}
