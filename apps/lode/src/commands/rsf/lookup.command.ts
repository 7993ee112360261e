import type { PlacedRegister, RegisterField } from '@lodestone/rsf'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { loadSpecification } from './load-specification.ts'

interface LookupFlags {
  readonly json: boolean
  readonly fields: boolean
  readonly value?: bigint
}

const valueOf = (text: string): bigint => {
  if (!/^(0x[0-9a-fA-F]+|0b[01]+|\d+)$/.test(text)) throw new Error('--value takes a number, as in 0x1f')
  return BigInt(text)
}

export const lookupCommand = buildCommand({
  docs: {
    brief: 'Find registers by address or by name, with their fields',
    fullDescription: [
      'WHAT is a byte address (0x7400, 29696) or a regular expression over paths (phys/1/status).',
      '',
      'Exit status: 0 found, 1 nothing is there, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: 'nic.rsf 0x7402', brief: 'The register that holds this byte' },
      { input: 'nic.rsf status', brief: 'Every register with status in its path' },
      { input: 'nic.rsf 0x7400 --value 0x3', brief: 'And what its fields are when it reads so' },
      { input: '--fields nic.rsf speed', brief: 'Registers that have a field of that name' },
    ],
  },
  parameters: {
    flags: {
      json: { kind: 'boolean', default: false, brief: 'Print JSON' },
      fields: { kind: 'boolean', default: false, brief: 'WHAT is a regular expression over names of fields' },
      value: {
        kind: 'parsed',
        parse: valueOf,
        optional: true,
        brief: 'Decode this value of the register',
        placeholder: 'NUMBER',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Specification', placeholder: 'FILE' },
        { parse: parseText, brief: 'Address or pattern', placeholder: 'WHAT' },
      ],
    },
  },
  async func(this: LodeContext, flags: LookupFlags, file: string, what: string) {
    const loaded = await loadSpecification(this, file)
    if (loaded === undefined) return
    const { addressMap, lookupAddress, lookupPath, qualifiedName } = await import('@lodestone/rsf')
    const { specification } = loaded
    let found: readonly PlacedRegister[]
    if (!flags.fields && /^(0x[0-9a-fA-F]+|\d+)$/.test(what)) {
      const hit = lookupAddress(specification, Number(what))
      found = hit === undefined ? [] : [hit]
    } else {
      const pattern = regularExpression(what)
      if (pattern === undefined) {
        this.note(`${what} is neither an address nor a regular expression`)
        return this.exit(ExitStatus.usage)
      }
      found = flags.fields
        ? addressMap(specification).filter(({ register }) => register.fields.some((field) => pattern.test(field.name)))
        : lookupPath(specification, pattern)
    }
    if (found.length === 0) {
      this.note(`nothing in ${file} is ${what}`)
      return this.exit(ExitStatus.failed)
    }
    if (flags.json)
      return this.printJson(found.map((each) => jsonRegister(each, qualifiedName(each.register), flags.value)))
    for (const [index, each] of found.entries()) {
      if (index > 0) this.print('')
      const { register } = each
      const sram = each.selector === undefined ? '' : `, sram selector ${each.selector}`
      this.print(
        `${hex(each.address)} ${each.path}: ${qualifiedName(register)}, ${register.width} bits, reset ${hex(register.reset)}${sram}`,
      )
      const valued = flags.value === undefined ? [] : ['value']
      this.print(
        textTable(
          ['bits', 'field', 'mode', 'type', 'access', ...valued, 'what it is'],
          register.fields.map((field) => [
            bitsText(field),
            field.name,
            field.mode,
            typeText(field),
            field.access === 'plain' ? '' : field.access,
            ...(flags.value === undefined ? [] : [fieldValue(field, flags.value)]),
            field.doc.join(' ').trim(),
          ]),
        ),
      )
    }
  },
})

function jsonRegister({ address, path, register, selector }: PlacedRegister, type: string, value: bigint | undefined) {
  return {
    address,
    path,
    type,
    widthBits: register.width,
    reset: hex(register.reset),
    ...(selector === undefined ? {} : { sramSelector: selector }),
    fields: register.fields.map((field) => ({
      name: field.name,
      offsetBits: field.offset,
      widthBits: field.width,
      mode: field.mode,
      access: field.access,
      type: typeText(field),
      ...(value === undefined ? {} : { value: fieldValue(field, value) }),
    })),
  }
}

function regularExpression(text: string): RegExp | undefined {
  try {
    return new RegExp(text)
  } catch {
    return undefined // the caller says so
  }
}

function bitsText({ offset, width }: RegisterField): string {
  return width === 1 ? String(offset) : `${offset + width - 1}:${offset}`
}

function typeText({ type, width }: RegisterField): string {
  if (type.kind === 'enum') return type.type.name
  return type.kind === 'bits' ? `b${width}` : type.kind
}

function fieldValue({ offset, width, type }: RegisterField, value: bigint): string {
  const raw = (value >> BigInt(offset)) & ((1n << BigInt(width)) - 1n)
  if (type.kind === 'bool') return raw === 1n ? 'true' : 'false'
  if (type.kind !== 'enum') return hex(raw)
  return type.type.alternatives.find((each) => BigInt(each.value) === raw)?.name ?? `${hex(raw)} (undeclared)`
}

function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`
}
