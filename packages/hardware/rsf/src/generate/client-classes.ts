/** The classes through which a driver reaches registers: one for each register and block, synchronous or not. */
import type { BlockElement, BlockType, RegisterType } from '../specification/model.ts'
import { memberNames, type SourceNames } from './source-names.ts'
import { comment, hex, maskOf, rawLiteral } from './source-text.ts'
import { assignment, constructorName, isReadable, isWritable, parameterType } from './value-class.ts'

export interface ClientStyle {
  readonly isAsync: boolean
  /** Name of the platform's interface. */
  readonly platform: string
}

/** `read`, `write`, `set` and `update`, as far as the register's fields allow them. */
export function renderRegisterClass(register: RegisterType, names: SourceNames, style: ClientStyle): readonly string[] {
  // Because every register has a name.
  const value = names.registers.get(register)!
  const made = constructorName(value)
  const asyncWord = style.isAsync ? 'async ' : ''
  const awaitWord = style.isAsync ? 'await ' : ''
  const returns = (type: string): string => (style.isAsync ? `Promise<${type}>` : type)
  const wide = register.width > 32 ? 'Wide' : ''
  const isRead = register.fields.some(isReadable)
  const isWritten = register.fields.some(isWritable)
  const change = `((next: ${value}) => void) | ${value}Fields`
  const lines = [
    ...comment([`Reaches a ${value}.`]),
    `export class ${value}${style.isAsync ? 'Async' : ''}Register {`,
    '/** In bytes. */',
    'readonly address: number',
    ...(isRead || isWritten ? [`readonly #platform: ${style.platform}`] : []),
    '',
    `constructor(${isRead || isWritten ? 'platform' : '_platform'}: ${style.platform}, address: number) {`,
    ...(isRead || isWritten ? ['this.#platform = platform'] : []),
    'this.address = address',
    '}',
  ]
  if (isRead) {
    lines.push('', `${asyncWord}read(): ${returns(value)} {`)
    lines.push(`return new ${made}(${awaitWord}this.#platform.read${wide}(this.address, ${register.width}))`, '}')
  }
  if (!isWritten) return [...lines, '}']
  lines.push('', `${asyncWord}write(value: ${value}): ${returns('void')} {`)
  lines.push(`${awaitWord}this.#platform.write${wide}(this.address, value.raw, ${register.width})`, '}')
  const idle = idleMask(register)
  const kept = (raw: string): string => {
    if (idle === 0n) return raw
    const masked = `${raw} & ~${rawLiteral(idle, register.width)}`
    return register.width > 32 ? masked : `(${masked}) >>> 0`
  }
  const put = (bits: string): string =>
    `${awaitWord}this.#platform.write${wide}(this.address, ${bits}, ${register.width})`
  /** Before the value is made: with a record none is. */
  const patched = (bits: string): readonly string[] => [
    "if (typeof change !== 'function') {",
    put(`${patchName(value)}(${bits}, change)`),
    'return',
    '}',
  ]
  lines.push('', '/** Writes the reset value with these fields, or as the function changes it. */')
  lines.push(`${asyncWord}set(change: ${change}): ${returns('void')} {`)
  lines.push(...patched(kept(`${value}.RESET`)))
  lines.push(`const next = new ${made}(${idle === 0n ? '' : kept(`${value}.RESET`)})`, 'change(next)')
  lines.push(`${awaitWord}this.write(next)`, '}')
  if (!isRead) return [...lines, '}']
  if (idle === 0n) {
    lines.push('', '/** Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. */')
    lines.push(`${asyncWord}update(change: ${change}): ${returns('void')} {`)
    lines.push(...patched(`${awaitWord}this.#platform.read${wide}(this.address, ${register.width})`))
    lines.push(`const next = ${awaitWord}this.read()`, 'change(next)', `${awaitWord}this.write(next)`, '}')
  } else {
    lines.push(
      '',
      '/**',
      ' * Reads, changes these fields and writes; all other bits, reserved ones too, stay as read. Fields that do',
    )
    lines.push(' * something when 1 is written are 0 unless set; `current` is what was read.', ' */')
    const both = change.replace(') =>', `, current: ${value}) =>`)
    lines.push(`${asyncWord}update(change: ${both}): ${returns('void')} {`)
    lines.push(...patched(kept(`(${awaitWord}this.#platform.read${wide}(this.address, ${register.width}))`)))
    lines.push(`const current = ${awaitWord}this.read()`, `const next = new ${made}(${kept('current.raw')})`)
    lines.push('change(next, current)', `${awaitWord}this.write(next)`, '}')
  }
  return [...lines, '}']
}

/** Fields of a register as a record, and what writes them into its value: a change without a function made for the call. */
export function renderFieldsRecord(register: RegisterType, names: SourceNames): readonly string[] {
  const written = register.fields.filter(isWritable)
  if (written.length === 0) return []
  // Because every register has a name.
  const value = names.registers.get(register)!
  const members = memberNames(register.fields)
  const lines = [...comment([`Fields of ${value} that can be written.`]), `export interface ${value}Fields {`]
  for (const field of written) lines.push(`readonly ${members.get(field.name)}?: ${parameterType(field, names)}`)
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

/** Elements as properties; arrays as methods that check their index and keep what they made. */
export function renderBlockClass(block: BlockType, names: SourceNames, style: ClientStyle): readonly string[] {
  const members = memberNames(block.elements)
  const suffix = style.isAsync ? 'Async' : ''
  const name = `${names.blocks.get(block)}${suffix}Block`
  const fields: string[] = []
  const setUp: string[] = []
  const methods: string[] = []
  const isPlatformKept = block.elements.some((element) => element.array !== undefined)
  for (const element of block.elements) {
    // Because the map was made from these elements.
    const member = members.get(element.name)!
    const type = elementClass(element, names, style)
    const base = element.offset === 0 ? 'address' : `address + ${hex(element.offset)}`
    if (element.array === undefined) {
      fields.push(...comment(element.doc), `readonly ${member}: ${type}`)
      setUp.push(`this.${member} = new ${type}(platform, ${base})`)
      continue
    }
    const { length, stride } = element.array
    fields.push(`readonly ${member}Count = ${length}`, `readonly #${member}: ${type}[] = []`)
    methods.push('', ...comment([...element.doc, `Index 0 to ${length - 1}; throws RangeError for another.`]))
    const at = `this.${base} + index * ${hex(stride)}`
    methods.push(`${member}(index: number): ${type} {`, `const known = this.#${member}[index]`)
    // Only checked indices are kept, so what is known needs no check.
    methods.push('if (known !== undefined) return known', `indexIn(index, ${length}, '${name}.${member}')`)
    methods.push(`return (this.#${member}[index] = new ${type}(this.#platform, ${at}))`, '}')
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

/** An sram block: where its memories are, nothing that reads them. */
export function renderSramBlockClass(block: BlockType, names: SourceNames): readonly string[] {
  const members = memberNames(block.elements)
  const lines = [
    ...comment(block.doc),
    `export class ${names.blocks.get(block)}Block {`,
    '/** In bytes. */',
    'readonly address: number',
  ]
  for (const { name, doc, type, array, selector } of block.elements) {
    // Because the checker lets only registers into sram blocks.
    if (type.kind !== 'register') continue
    const value = names.registers.get(type)
    const raw = type.width > 32 ? 'raw' : 'Number(raw)'
    lines.push(...comment(doc), `readonly ${members.get(name)}: SramElement<${value}> = new SramElement(`)
    lines.push('{', `name: '${name}',`, `selector: ${selector},`, `count: ${array?.length ?? 1},`)
    lines.push(`strideBytes: ${hex(array?.stride ?? type.width / 8)},`, `widthBits: ${type.width},`, '},')
    lines.push(`(raw) => new ${value}(${raw}),`, ')')
  }
  return [...lines, '', 'constructor(_platform: unknown, address = 0) {', 'this.address = address', '}', '}']
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
  return `${names.blocks.get(type)}${type.isSram ? '' : suffix}Block`
}
