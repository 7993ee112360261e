/**
 * Renders a header definition as TypeScript source: constants, check, accessors, setters, owned form, describe.
 * Pure: definition in, text out. `generate.ts` formats and writes it.
 *
 * Invariant: every generated function is flat (no closures, no allocation) unless its name starts with `read`,
 * `describe` or ends in `FieldValues`.
 */
import type { HeaderDefinition, Predicate } from '../src/headers/definition.ts'
import {
  at,
  fileName,
  fixedLength,
  hex,
  isBytes,
  minimumLength,
  PARAMETERS,
  pascal,
  placeFields,
  type PlacedField,
  upper,
} from './layout.ts'
import { renderOwned, renderText } from './render-owned.ts'

/** The source of `generated/<name>.ts`, not yet formatted. */
export function renderHeader(header: HeaderDefinition): string {
  const fields = placeFields(header)
  const body = [
    renderConstants(header, fields),
    renderCheck(header, fields, false),
    header.bounds === undefined ? '' : renderCheck(header, fields, true),
    renderLength(header, fields),
    ...fields.map((field) => renderAccessors(header, field)),
    renderTailAccessors(header),
    renderOwned(header, fields),
    renderText(header, fields),
  ].join('\n')
  return [
    `/**`,
    ` * ${header.title}: ${header.reference}.`,
    ` * GENERATED from src/headers by \`node tools/generate.ts\`; do not edit.`,
    ` */`,
    renderImports(body),
    body,
  ].join('\n')
}

/** The source of `generated/index.ts`: every header's exports. */
export function renderIndex(headers: readonly HeaderDefinition[]): string {
  const lines = headers.map((header) => `export * from './${fileName(header)}'`)
  return `/** GENERATED from src/headers by \`node tools/generate.ts\`; do not edit. */\n${lines.join('\n')}\n`
}

/** The source of `generated/header-table.ts`: what the dissector needs to walk a frame. */
export function renderTable(headers: readonly HeaderDefinition[]): string {
  const imports: string[] = []
  const rows: string[] = []
  for (const header of headers) {
    const Name = pascal(header.name)
    const used = [`check${Name}`, `${header.name}HeaderLength`, `describe${Name}`, `${header.name}FieldValues`]
    let next = ''
    if (header.next !== undefined) {
      const accessor = header.name + pascal(header.next.field)
      used.push(accessor)
      next = `next: ${accessor}, nextRegistry: '${header.next.registry}',`
    }
    imports.push(`import { ${used.join(', ')} } from './${fileName(header)}'`)
    const chosen = header.chosenBy
    rows.push(
      `{ name: '${header.name}', title: '${header.title}', check: check${Name}, headerLength: ${header.name}HeaderLength,` +
        ` describe: describe${Name}, fieldValues: ${header.name}FieldValues, ${next}` +
        (chosen === undefined ? '' : `registry: '${chosen.registry}', values: [${chosen.values.join(', ')}],`) +
        ` }`,
    )
  }
  return [
    `/**`,
    ` * Every header as a row of functions, for code that walks frames without knowing what is in them.`,
    ` * GENERATED from src/headers by \`node tools/generate.ts\`; do not edit.`,
    ` */`,
    `import type { HeaderRow } from '../header-row.ts'`,
    ...imports,
    `export const headerTable: readonly HeaderRow[] = [${rows.join(',\n')}]`,
    '',
  ].join('\n')
}

function renderImports(body: string): string {
  const formats = ['formatBytes', 'formatHex', 'formatIpv4', 'formatIpv6', 'formatMac', 'formatTcpFlags', 'formatText']
  const constants = [
    'ArpOperation',
    'DhcpOperation',
    'EtherType',
    'GeneveOxideOption',
    'Icmpv6Type',
    'IcmpType',
    'IpProtocol',
    'SidecarCode',
  ]
  const usedFormats = formats.filter((name) => body.includes(`${name}(`))
  const usedConstants = constants.filter((name) => body.includes(`nameOf(${name},`))
  const lines: string[] = []
  if (usedConstants.length > 0)
    lines.push(`import { ${[...usedConstants, 'nameOf'].join(', ')} } from '../constants.ts'`)
  if (usedFormats.length > 0) lines.push(`import { ${usedFormats.join(', ')} } from '../format.ts'`)
  lines.push(`import type { FieldValue } from '../header-row.ts'`)
  if (body.includes('ParseError.')) lines.push(`import { ParseError } from '../parse-error.ts'`)
  return lines.join('\n') + '\n'
}

function renderConstants(header: HeaderDefinition, fields: readonly PlacedField[]): string {
  const prefix = upper(header.name)
  const lines = [`/** Length of the fixed part in bytes. */`, `export const ${prefix}_MIN = ${fixedLength(header)}`]
  if (header.tail !== undefined) {
    lines.push(`/** Largest header in bytes. */`, `export const ${prefix}_MAX = ${header.tail.maximum}`)
  }
  for (const field of fields) lines.push(`export const ${prefix}_${upper(field.name)} = ${field.bit >> 3}`)
  return lines.join('\n') + '\n'
}

function renderCheck(header: HeaderDefinition, fields: readonly PlacedField[], isQuoted: boolean): string {
  const Name = pascal(header.name)
  const minimum = minimumLength(header)
  const lines: string[] = []
  lines.push(
    isQuoted
      ? `/** As \`check${Name}\`, but the payload may be cut short: for packets quoted in ICMP errors, and first fragments. */`
      : `/** Validates the header at \`offset\`, of bytes that end at \`end\`. @returns its length in bytes, or a \`ParseError\`. */`,
    `export function check${Name}${isQuoted ? 'Quoted' : ''}(${PARAMETERS}, end: number): number {`,
    `if (end - offset < ${minimum}) return ParseError.truncated`,
  )
  const require = (predicate: Predicate): void => {
    lines.push(`if (${negate(expression(predicate.require, header, fields))}) return ParseError.${predicate.error}`)
  }
  for (const predicate of header.valid ?? []) require(predicate)
  const bounds = isQuoted ? [] : (header.bounds ?? [])
  if (header.tail === undefined) {
    for (const predicate of bounds) require(predicate)
    lines.push(`return ${fixedLength(header)}`, `}`)
  } else {
    lines.push(
      `const length = ${expression(header.tail.length, header, fields)}`,
      `if (length > end - offset) return ParseError.truncated`,
    )
    for (const predicate of bounds) require(predicate)
    lines.push(`return length`, `}`)
  }
  return lines.join('\n') + '\n'
}

function renderLength(header: HeaderDefinition, fields: readonly PlacedField[]): string {
  const name = header.name
  if (header.tail === undefined) {
    return [
      `/** Length in bytes of a header that passed its check. */`,
      `export function ${name}HeaderLength(_bytes: Uint8Array, _offset: number): number {`,
      `return ${fixedLength(header)}`,
      `}`,
      ``,
    ].join('\n')
  }
  return [
    `/** Length in bytes of a header that passed its check. */`,
    `export function ${name}HeaderLength(${PARAMETERS}): number {`,
    `return ${expression(header.tail.length, header, fields)}`,
    `}`,
    ``,
  ].join('\n')
}

function renderAccessors(header: HeaderDefinition, field: PlacedField): string {
  const doc = docComment(header, field)
  return doc + (isBytes(field) ? renderByteAccessors(header, field) : renderNumberAccessors(header, field))
}

function docComment(header: HeaderDefinition, field: PlacedField): string {
  const width = isBytes(field) ? `${field.bits / 8} bytes` : field.bits === 1 ? '1 bit' : `${field.bits} bits`
  return `/** ${header.title} ${field.name}, ${width}${field.doc === undefined ? '' : `: ${field.doc}`}. */\n`
}

function renderNumberAccessors(header: HeaderDefinition, field: PlacedField): string {
  const name = header.name + pascal(field.name)
  const first = field.bit >> 3
  const last = (field.bit + field.bits - 1) >> 3
  const count = last - first + 1
  if (count > 4) throw new Error(`${header.name}.${field.name} spans ${count} bytes`)
  const shift = 7 - ((field.bit + field.bits - 1) & 7)
  const terms: string[] = []
  for (let i = 0; i < count; i++) {
    const up = 8 * (count - 1 - i)
    terms.push(up === 0 ? `bytes[${at(first + i)}]!` : `(bytes[${at(first + i)}]! << ${up})`)
  }
  let value = terms.length === 1 ? terms[0]! : `(${terms.join(' | ')})`
  if (shift > 0) value = `(${value} >>> ${shift})`
  if (field.bits === 32) value = `${value} >>> 0`
  else if (field.bits + shift < count * 8) value = `${value} & ${hex(2 ** field.bits - 1)}`
  const stores: string[] = []
  for (let i = 0; i < count; i++) {
    // Bits of byte `first + i` that belong to the field, and how the value moves to reach them.
    const low = i === count - 1 ? shift : 0
    const high = i === 0 ? 7 - (field.bit & 7) : 7
    const mask = ((1 << (high + 1)) - 1) & ~((1 << low) - 1)
    const right = 8 * (count - 1 - i) - shift
    const moved = right > 0 ? `(value >>> ${right})` : right < 0 ? `(value << ${-right})` : 'value'
    if (mask === 0xff) stores.push(`bytes[${at(first + i)}] = ${moved}`)
    else
      stores.push(
        `bytes[${at(first + i)}] = (bytes[${at(first + i)}]! & ${hex(~mask & 0xff)}) | (${moved} & ${hex(mask)})`,
      )
  }
  return [
    `export function ${name}(${PARAMETERS}): number {`,
    `return ${value}`,
    `}`,
    `export function set${pascal(name)}(${PARAMETERS}, value: number): void {`,
    ...stores,
    `}`,
    ``,
  ].join('\n')
}

function renderByteAccessors(header: HeaderDefinition, field: PlacedField): string {
  if (field.bit % 8 !== 0 || field.bits % 8 !== 0) throw new Error(`${header.name}.${field.name} is not whole bytes`)
  const name = header.name + pascal(field.name)
  const Name = pascal(name)
  const start = field.bit >> 3
  const length = field.bits >> 3
  const copy = (to: string, toBase: (i: number) => string, from: string, fromBase: (i: number) => string): string[] =>
    length <= 16
      ? Array.from({ length }, (_, i) => `${to}[${toBase(i)}] = ${from}[${fromBase(i)}]!`)
      : [`for (let i = 0; i < ${length}; i++) ${to}[${toBase(0)} + i] = ${from}[${fromBase(0)} + i]!`]
  const plus = (base: string, i: number): string => (i === 0 ? base : `${base} + ${i}`)
  const lines = [
    `export function copy${Name}(${PARAMETERS}, out: Uint8Array, outOffset: number): void {`,
    ...copy(
      'out',
      (i) => plus('outOffset', i),
      'bytes',
      (i) => at(start + i),
    ),
    `}`,
    `export function set${Name}(${PARAMETERS}, source: Uint8Array, sourceOffset = 0): void {`,
    ...copy(
      'bytes',
      (i) => at(start + i),
      'source',
      (i) => plus('sourceOffset', i),
    ),
    `}`,
    `/** A copy of the ${length} bytes (allocates). */`,
    `export function read${Name}(${PARAMETERS}): Uint8Array {`,
    `return new Uint8Array(bytes.subarray(${at(start)}, ${at(start + length)}))`,
    `}`,
  ]
  if (length === 6) {
    lines.push(
      `/** The MAC as a number below 2^48. */`,
      `export function ${name}Number(${PARAMETERS}): number {`,
      `return ((bytes[${at(start)}]! << 8) | bytes[${at(start + 1)}]!) * 0x100000000 +`,
      `(((bytes[${at(start + 2)}]! << 24) | (bytes[${at(start + 3)}]! << 16) | (bytes[${at(start + 4)}]! << 8) | bytes[${at(start + 5)}]!) >>> 0)`,
      `}`,
      `export function set${Name}Number(${PARAMETERS}, value: number): void {`,
      `const high = Math.floor(value / 0x100000000)`,
      `const low = value >>> 0`,
      `bytes[${at(start)}] = high >>> 8`,
      `bytes[${at(start + 1)}] = high`,
      ...[24, 16, 8].map((by, i) => `bytes[${at(start + 2 + i)}] = low >>> ${by}`),
      `bytes[${at(start + 5)}] = low`,
      `}`,
    )
  } else if (length % 4 === 0) {
    lines.push(
      `/** Unsigned 32-bit word \`index\`, 0 to ${length / 4 - 1}, the first being the most significant. */`,
      `export function ${name}Word(${PARAMETERS}, index: number): number {`,
      `const from = ${at(start)} + index * 4`,
      `return ((bytes[from]! << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!) >>> 0`,
      `}`,
    )
  }
  return lines.join('\n') + '\n'
}

function renderTailAccessors(header: HeaderDefinition): string {
  if (header.tail === undefined) return ''
  const name = header.name
  const tail = pascal(header.tail.name)
  const fixed = fixedLength(header)
  return [
    `/** Bytes of ${header.tail.name} after the fixed part. */`,
    `export function ${name}${tail}Length(${PARAMETERS}): number {`,
    `return ${name}HeaderLength(bytes, offset) - ${fixed}`,
    `}`,
    `/** A copy of the ${header.tail.name} (allocates). */`,
    `export function read${pascal(name)}${tail}(${PARAMETERS}): Uint8Array {`,
    `return new Uint8Array(bytes.subarray(offset + ${fixed}, offset + ${name}HeaderLength(bytes, offset)))`,
    `}`,
    ``,
  ].join('\n')
}

/** Source for an expression of the table. */
function expression(source: string, header: HeaderDefinition, fields: readonly PlacedField[]): string {
  return source.replaceAll(/\$?[a-zA-Z]\w*/g, (word) => {
    if (word === '$length') return 'length'
    if (word === '$available') return 'end - offset'
    // A hexadecimal literal's tail, such as the x0800 of 0x0800.
    if (/^x[0-9a-f]+$/.test(word)) return word
    if (!fields.some((field) => field.name === word)) throw new Error(`${header.name}: ${word} in ${source}?`)
    return `${header.name}${pascal(word)}(bytes, offset)`
  })
}

/** The negation of a conjunction of comparisons, without a wrapping `!`. */
function negate(condition: string): string {
  const opposite: Readonly<Record<string, string>> = {
    '===': '!==',
    '!==': '===',
    '>=': '<',
    '<=': '>',
  }
  return condition
    .split(' && ')
    .map((part) => part.replace(/ (===|!==|>=|<=) /, (_, operator: string) => ` ${opposite[operator]!} `))
    .join(' || ')
}
