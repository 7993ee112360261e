/**
 * Where every register is: address = sum of the offsets of the blocks on the way, plus index times stride. Addresses
 * are in bytes from the start of `Main`.
 */
import type { BlockType, RegisterField, RegisterType, Specification } from '../specification/model.ts'
import { gapsOf, qualifiedName, sizeOf } from '../specification/model.ts'

/** One register, arrays counted out. */
export interface PlacedRegister {
  /** In bytes. Of an sram register: where it would be if its block were addressed. */
  readonly address: number
  /** `phys/1/status`. */
  readonly path: string
  readonly register: RegisterType
  /** Of a register in an sram block: its element's rank by offset. */
  readonly selector: number | undefined
}

export interface LookupResult extends PlacedRegister {
  /** Bytes from the register's address to the address asked for. */
  readonly byte: number
  /** The fields with bits in that byte. */
  readonly fields: readonly RegisterField[]
}

/** Every register of the specification in order of address (interleaved arrays too). */
export function addressMap(specification: Specification): readonly PlacedRegister[] {
  const placed: PlacedRegister[] = []
  collect(specification.main, 0, '', placed)
  return placed.sort((a, b) => a.address - b.address)
}

/** The register that holds the byte at `address`, or `undefined` for a hole. Costs the depth of the blocks. */
export function lookupAddress(specification: Specification, address: number): LookupResult | undefined {
  if (!Number.isSafeInteger(address) || address < 0) return undefined
  return find(specification.main, address, 0, '')
}

/** Registers whose path matches, in order of address. */
export function lookupPath(specification: Specification, pattern: RegExp): readonly PlacedRegister[] {
  return addressMap(specification).filter(({ path }) => path.search(pattern) >= 0)
}

/** One line a register: `0x7400: phys/1/status`, addresses padded to one width. */
export function renderAddressMap(specification: Specification): string {
  const digits = Math.max(4, specification.main.size.toString(16).length)
  const lines = addressMap(specification).map(({ address, path, selector }) => {
    const sram = selector === undefined ? '' : ` (sram, selector ${selector})`
    return `0x${address.toString(16).padStart(digits, '0')}: ${path}${sram}`
  })
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

/** The map as plain data for other tools. Values that may exceed 2^53 are hexadecimal strings. */
export interface AddressMapJson {
  readonly format: 'rsf-address-map'
  readonly version: 1
  readonly sizeBytes: number
  readonly registers: readonly {
    readonly path: string
    readonly address: number
    readonly type: string
    readonly sramSelector?: number
  }[]
  readonly types: Readonly<Record<string, RegisterJson>>
  readonly enums: Readonly<
    Record<string, { readonly widthBits: number; readonly values: Readonly<Record<string, number>> }>
  >
}

export interface RegisterJson {
  readonly widthBits: number
  readonly reset: string
  readonly doc: string
  readonly fields: readonly {
    readonly name: string
    readonly mode: string
    readonly access: string
    readonly type: string
    readonly offsetBits: number
    readonly widthBits: number
    readonly doc: string
  }[]
  /** Bits that no field names, as [offset, width]. */
  readonly gaps: readonly (readonly [number, number])[]
}

export function addressMapJson(specification: Specification): AddressMapJson {
  return {
    format: 'rsf-address-map',
    version: 1,
    sizeBytes: specification.main.size,
    registers: addressMap(specification).map(({ path, address, register, selector }) => ({
      path,
      address,
      type: qualifiedName(register),
      ...(selector === undefined ? {} : { sramSelector: selector }),
    })),
    types: Object.fromEntries(specification.registers.map((type) => [qualifiedName(type), registerJson(type)])),
    enums: Object.fromEntries(
      specification.enums.map((type) => {
        const values = Object.fromEntries(type.alternatives.map(({ name, value }) => [name, value]))
        return [qualifiedName(type), { widthBits: type.width, values }]
      }),
    ),
  }
}

function registerJson(register: RegisterType): RegisterJson {
  return {
    widthBits: register.width,
    reset: `0x${register.reset.toString(16)}`,
    doc: register.doc.join('\n'),
    fields: register.fields.map((field) => ({
      name: field.name,
      mode: field.mode,
      access: field.access,
      type: field.type.kind === 'enum' ? qualifiedName(field.type.type) : field.type.kind,
      offsetBits: field.offset,
      widthBits: field.width,
      doc: field.doc.join('\n'),
    })),
    gaps: gapsOf(register),
  }
}

function collect(block: BlockType, base: number, prefix: string, placed: PlacedRegister[]): void {
  for (const { name, type, offset, array, selector } of block.elements) {
    for (let index = 0; index < (array?.length ?? 1); index++) {
      const address = base + offset + index * (array?.stride ?? 0)
      const path = prefix + (array === undefined ? name : `${name}/${index}`)
      if (type.kind === 'register') placed.push({ address, path, register: type, selector })
      else collect(type, address, `${path}/`, placed)
    }
  }
}

function find(block: BlockType, address: number, base: number, prefix: string): LookupResult | undefined {
  for (const { name, type, offset, array, selector } of block.elements) {
    const relative = address - base - offset
    const size = sizeOf(type)
    if (relative < 0 || size === 0) continue
    const index = array === undefined ? 0 : Math.min(array.length - 1, Math.floor(relative / array.stride))
    const start = base + offset + index * (array?.stride ?? 0)
    const byte = address - start
    if (byte >= size) continue
    const path = prefix + (array === undefined ? name : `${name}/${index}`)
    if (type.kind === 'block') return find(type, address, start, `${path}/`)
    const fields = type.fields.filter((field) => field.offset < byte * 8 + 8 && field.offset + field.width > byte * 8)
    return { address: start, path, register: type, selector, byte, fields }
  }
  return undefined
}
