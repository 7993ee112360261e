/** The device's side: a simulated register for every register and sram entry, in the same tree as the client's. */
import type { BlockType, RegisterField, RegisterType } from '../specification/model.ts'
import { gapsOf } from '../specification/model.ts'
import { camelCase, memberNames, type SourceNames } from './source-names.ts'
import { comment, hex, maskOf } from './source-text.ts'
import { isReadable, isWritable } from './value-class.ts'

/** The masks of a register and a function that makes one. */
export function renderRegisterSimulation(register: RegisterType, names: SourceNames): readonly string[] {
  // Because every register has a name.
  const name = names.registers.get(register)!
  const shape = `${camelCase(name)}Shape`
  const masks = shapeOf(register)
  const raw = register.width > 32 ? 'raw' : 'Number(raw)'
  return [
    `const ${shape}: RegisterShape = {`,
    `widthBits: ${register.width},`,
    ...Object.entries(masks).map(([key, mask]) => `${key}: ${hex(mask)}n,`),
    '}',
    '',
    `export function simulate${name}(file: RegisterFile, path: string, address: number): SimulatedRegister<Simulated${name}> {`,
    `const register = new SimulatedRegister(path, address, ${shape}, (raw) => new Simulated${name}(${raw}))`,
    'file.add(register)',
    'return register',
    '}',
  ]
}

export function renderBlockSimulation(block: BlockType, names: SourceNames): readonly string[] {
  const members = memberNames(block.elements)
  const fields: string[] = []
  const setUp: string[] = []
  const methods: string[] = []
  for (const { name, doc, type, offset, array, selector } of block.elements) {
    // Because the map was made from these elements.
    const member = members.get(name)!
    const isRegister = type.kind === 'register'
    const typeName = isRegister
      ? `SimulatedRegister<Simulated${names.registers.get(type)}>`
      : `${names.blocks.get(type)}Simulation`
    const file = selector === undefined ? 'file' : `file.memory(address, ${selector})`
    const make = (path: string, at: string): string =>
      isRegister
        ? `simulate${names.registers.get(type)}(${file}, \`\${path}${path}\`, ${at})`
        : `new ${typeName}(file, \`\${path}${path}/\`, ${at})`
    const base = selector !== undefined ? '0' : offset === 0 ? 'address' : `address + ${hex(offset)}`
    if (array === undefined) {
      fields.push(...comment(doc), `readonly ${member}: ${typeName}`)
      setUp.push(`this.${member} = ${make(name, base)}`)
      continue
    }
    fields.push(`readonly ${member}Count = ${array.length}`, `readonly #${member}: ${typeName}[] = []`)
    setUp.push(`for (let index = 0; index < ${array.length}; index++) {`)
    const entry = `index * ${hex(array.stride)}`
    const at = selector === undefined ? `${base} + ${entry}` : entry
    setUp.push(`this.#${member}.push(${make(`${name}/\${index}`, at)})`, '}')
    methods.push('', ...comment([...doc, `Index 0 to ${array.length - 1}; throws RangeError for another.`]))
    methods.push(`${member}(index: number): ${typeName} {`, '// Because the index was checked just here.')
    methods.push(`return this.#${member}[indexIn(index, ${array.length}, '${member}')]!`, '}')
  }
  const isUsed = setUp.length > 0
  return [
    ...comment([`The device's side of ${names.blocks.get(block)}.`]),
    `export class ${names.blocks.get(block)}Simulation {`,
    ...fields,
    ...(fields.length > 0 ? [''] : []),
    `constructor(${isUsed ? '' : '_'}file: RegisterFile, ${isUsed ? '' : '_'}path = '', ${isUsed ? '' : '_'}address = 0) {`,
    ...setUp,
    '}',
    ...methods,
    '}',
  ]
}

function shapeOf(register: RegisterType): Readonly<Record<string, bigint>> {
  const gaps = gapsOf(register).map(([offset, width]) => ({ offset, width }))
  const mask = (fields: readonly { readonly offset: number; readonly width: number }[]): bigint =>
    fields.reduce((sum, field) => sum | maskOf(field), 0n)
  const where = (test: (field: RegisterField) => boolean): bigint => mask(register.fields.filter(test))
  const reserved = where((field) => field.mode === 'reserved') | mask(gaps)
  return {
    reset: register.reset,
    readable: where((field) => isReadable(field) && field.access !== 'pulse') | reserved,
    writable: where((field) => isWritable(field) && (field.access === 'plain' || field.access === 'rc')),
    w1c: where((field) => field.access === 'w1c'),
    w1s: where((field) => field.access === 'w1s'),
    readClears: where((field) => field.access === 'rc'),
    reserved,
  }
}
