/** Values as people read them: by the format that the program gives a slot, else decimal. */
import { formatIpv4, formatIpv6, formatMac } from '@lodestone/packet'
import type { BoundAction, Expression, KeySet, Program, Slot } from '@lodestone/p4'

export type ValueFormat = NonNullable<Slot['format']>

/** Format of what an expression reads, when it is a plain load, slice or cast of a slot. */
export function formatOf(program: Program, expression: Expression): ValueFormat | undefined {
  if (expression.op === 'load') {
    const slot = program.slots[expression.slot]!
    return slot.width === expression.width ? slot.format : undefined
  }
  if (expression.op === 'cast' && expression.operand.width === expression.width) {
    return formatOf(program, expression.operand)
  }
  return undefined
}

export function formatValue(value: bigint, width: number, format: ValueFormat | undefined): string {
  if (format === 'ipv4' && width === 32) return formatIpv4(Number(value))
  if (format === 'ipv6' && width === 128) return formatIpv6(bytesOf(value, 16), 0)
  if (format === 'mac' && width === 48) return formatMac(bytesOf(value, 6), 0)
  if (format === 'hex' || width > 64) return `0x${value.toString(16).padStart(Math.ceil(width / 4), '0')}`
  return value.toString()
}

/** One key of an entry as the control plane would write it: `203.0.113.0/24`, `0x0800 &&& 0xff00`, `80..443`, `*`. */
export function formatKey(key: KeySet, width: number, format: ValueFormat | undefined): string {
  const text = (value: bigint): string => formatValue(value, width, format)
  switch (key.kind) {
    case 'any':
      return '*'
    case 'exact':
      return text(key.value)
    case 'lpm':
      return `${text(key.value)}/${key.length}`
    case 'range':
      return key.low === key.high ? text(key.low) : `${text(key.low)}..${text(key.high)}`
    case 'ternary': {
      const full = (1n << BigInt(width)) - 1n
      if (key.mask === full) return text(key.value)
      const digits = Math.ceil(width / 4)
      return `${text(key.value)} &&& 0x${key.mask.toString(16).padStart(digits, '0')}`
    }
  }
}

/** Parameters of a table's action by name. */
export function formatParameters(
  program: Program,
  table: number,
  bound: BoundAction,
): { name: string; value: string }[] {
  const reference = program.tables[table]!.actions[bound.action]
  if (reference === undefined) return []
  return program.actions[reference.action]!.parameters.map(({ name, width, slot }, k) => ({
    name,
    value: formatValue(bound.parameters[k] ?? 0n, width, program.slots[slot]!.format),
  }))
}

function bytesOf(value: bigint, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, k) => Number((value >> BigInt(8 * (count - 1 - k))) & 0xffn))
}
