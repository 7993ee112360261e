/** The classes through which a driver reaches registers: one for each register and block, synchronous or not. */
import type { BlockElement, BlockType, RegisterType } from '../specification/model.ts'
import { memberNames, type SourceNames } from './source-names.ts'
import { comment, hex, maskOf, rawLiteral } from './source-text.ts'
import { assignment, constructorName, fieldComment, isReadable, isWritable, parameterType } from './value-class.ts'

export interface ClientStyle {
  readonly isAsync: boolean
  /** What a block asks of the platform. */
  readonly platform: string
}

/** `read`, `write`, `set` and `update`, as far as the register's fields allow them. */
export function renderRegisterClass(register: RegisterType, names: SourceNames, isAsync: boolean): readonly string[] {
  // Because every register has a name.
  const value = names.registers.get(register)!
  const asyncWord = isAsync ? 'async ' : ''
  const awaitWord = isAsync ? 'await ' : ''
  const returns = (type: string): string => (isAsync ? `Promise<${type}>` : type)
  const wide = register.width > 32 ? 'Wide' : ''
  const isRead = register.fields.some(isReadable)
  const isWritten = register.fields.some(isWritable)
  const platform = `${wide}${isAsync ? 'Async' : 'Sync'}Platform`
  const lines = [
    ...comment([`Reaches a ${value}.`]),
    `export class ${value}${isAsync ? 'Async' : ''}Register {`,
    '/** In bytes. */',
    'readonly address: number',
    ...(isRead || isWritten ? [`readonly #platform: ${platform}`] : []),
    '',
    `constructor(${isRead || isWritten ? 'platform' : '_platform'}: ${platform}, address: number) {`,
    ...(isRead || isWritten ? ['this.#platform = platform'] : []),
    'this.address = address',
    '}',
  ]
  const bits = `${awaitWord}this.#platform.read${wide}(this.address, ${register.width})`
  if (isRead) {
    lines.push('', `${asyncWord}read(): ${returns(value)} {`, `return new ${constructorName(value)}(${bits})`, '}')
  }
  if (!isWritten) return [...lines, '}']
  const put = (raw: string): string =>
    `${awaitWord}this.#platform.write${wide}(this.address, ${raw}, ${register.width})`
  const idle = idleMask(register)
  const kept = (raw: string): string => {
    if (idle === 0n) return raw
    const masked = `${raw} & ~${rawLiteral(idle, register.width)}`
    return register.width > 32 ? masked : `(${masked}) >>> 0`
  }
  const patched = (raw: string): string => put(`${patchName(value)}(${kept(raw)}, fields)`)
  lines.push('', `${asyncWord}write(value: ${value}): ${returns('void')} {`, put('value.raw'), '}')
  lines.push('', '/** Writes the reset value with these fields. */')
  lines.push(`${asyncWord}set(fields: ${value}Fields): ${returns('void')} {`, patched(`${value}.RESET`), '}')
  if (!isRead) return [...lines, '}']
  const stay = 'Reads, changes these fields and writes; all other bits, reserved ones too, stay as read.'
  const acting = 'Fields that do something when 1 is written are 0 unless given.'
  lines.push('', ...comment(idle === 0n ? [stay] : [stay, acting]))
  const read = isAsync && idle !== 0n ? `(${bits})` : bits
  lines.push(`${asyncWord}update(fields: ${value}Fields): ${returns('void')} {`, patched(read), '}')
  return [...lines, '}']
}

/** Fields of a register as a record, and what puts them into its bits. */
export function renderFieldsRecord(register: RegisterType, names: SourceNames): readonly string[] {
  const written = register.fields.filter(isWritable)
  if (written.length === 0) return []
  // Because every register has a name.
  const value = names.registers.get(register)!
  const members = memberNames(register.fields)
  const lines = [...comment([`Fields of ${value} that can be written.`]), `export interface ${value}Fields {`]
  for (const field of written) {
    lines.push(...fieldComment(field), `readonly ${members.get(field.name)}?: ${parameterType(field, names)}`)
  }
  const isWide = register.width > 32
  const raw = isWide ? 'bigint' : 'number'
  lines.push('}', '', '// On the bits themselves: no value is made for it.')
  lines.push(`function ${patchName(value)}(raw: ${raw}, fields: ${value}Fields): ${raw} {`, 'let bits = raw')
  for (const field of written) {
    // Because the map was made from these fields.
    const member = members.get(field.name)!
    const what = `'${value}.${member}'`
    // Not the member's name, which may be that of something used here.
    const place = { register, names, what, target: 'bits', value: 'field' }
    lines.push(
      '{',
      `const field = fields.${member}`,
      'if (field !== undefined) {',
      ...assignment(field, place),
      '}',
      '}',
    )
  }
  return [...lines, `return ${register.width === 32 ? 'bits >>> 0' : 'bits'}`, '}']
}

function patchName(value: string): string {
  return `patch${value}`
}

/**
 * Elements as properties; arrays as methods that check their index and keep what they made. An element of an sram block
 * is reached the same way, over the platform that its selector names.
 */
export function renderBlockClass(block: BlockType, names: SourceNames, style: ClientStyle): readonly string[] {
  const members = memberNames(block.elements)
  const suffix = style.isAsync ? 'Async' : ''
  const name = `${names.blocks.get(block)}${suffix}Block`
  const fields: string[] = []
  const setUp: string[] = []
  const methods: string[] = []
  // Of a memory, addresses count from its own start.
  const platformOf = (whole: string, { selector }: BlockElement, at: string): string =>
    selector === undefined ? whole : `${whole}.memory(${at}, ${selector})`
  const isPlatformKept = block.elements.some((element) => element.array !== undefined)
  for (const element of block.elements) {
    // Because the map was made from these elements.
    const member = members.get(element.name)!
    const type = elementClass(element, names, style)
    if (element.array === undefined) {
      fields.push(...comment(element.doc), `readonly ${member}: ${type}`)
      const place = element.selector === undefined ? sum('address', element.offset) : '0'
      setUp.push(`this.${member} = new ${type}(${platformOf('platform', element, 'address')}, ${place})`)
      continue
    }
    const { length, stride } = element.array
    fields.push(`readonly ${member}Count = ${length}`, `readonly #${member}: ${type}[] = []`)
    methods.push('', ...comment([...element.doc, `Index 0 to ${length - 1}; throws RangeError for another.`]))
    const entry = `index * ${hex(stride)}`
    const at = element.selector === undefined ? `${sum('this.address', element.offset)} + ${entry}` : entry
    const platform = platformOf('this.#platform', element, 'this.address')
    methods.push(`${member}(index: number): ${type} {`, `const known = this.#${member}[index]`)
    // Only checked indices are kept, so what is known needs no check.
    methods.push('if (known !== undefined) return known', `indexIn(index, ${length}, '${name}.${member}')`)
    methods.push(`return (this.#${member}[index] = new ${type}(${platform}, ${at}))`, '}')
  }
  return [
    ...comment(block.doc),
    `export class ${name} {`,
    '/** In bytes. */',
    'readonly address: number',
    ...fields,
    ...(isPlatformKept ? [`readonly #platform: ${style.platform}`] : []),
    '',
    `constructor(${setUp.length + methods.length > 0 ? 'platform' : '_platform'}: ${style.platform}, address = 0) {`,
    'this.address = address',
    ...(isPlatformKept ? ['this.#platform = platform'] : []),
    ...setUp,
    '}',
    ...methods,
    '}',
  ]
}

function sum(address: string, offset: number): string {
  return offset === 0 ? address : `${address} + ${hex(offset)}`
}

/** Bits to write as 0 unless the driver says otherwise: writing 1 there does something. */
function idleMask(register: RegisterType): bigint {
  return register.fields
    .filter(({ access }) => access === 'w1c' || access === 'w1s' || access === 'pulse')
    .reduce((mask, field) => mask | maskOf(field), 0n)
}

function elementClass({ type }: BlockElement, names: SourceNames, style: ClientStyle): string {
  const suffix = style.isAsync ? 'Async' : ''
  if (type.kind === 'register') return `${names.registers.get(type)}${suffix}Register`
  return `${names.blocks.get(type)}${suffix}Block`
}
