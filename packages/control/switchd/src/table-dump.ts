/** Tables of the pipeline as text for people: addresses as addresses, ports by name, masks and ranges as P4 writes them. */
import { Mac } from '@lodestone/net'
import type { Entry, TableDescription } from '@lodestone/npu'
import type { KeySet } from '@lodestone/p4'
import { ipFromValue } from './entry-key.ts'
import { portName } from './port-number.ts'

export interface EntryText {
  readonly keys: Readonly<Record<string, string>>
  /** Without the names of the controls around it. */
  readonly action: string
  readonly parameters: Readonly<Record<string, string>>
}

export function entryText(table: TableDescription, entry: Entry): EntryText {
  const action = table.actions.find(({ name }) => name === entry.action)
  return {
    keys: Object.fromEntries(table.keys.map(({ name, width }, i) => [name, keyText(entry.keys[i]!, name, width)])),
    action: localName(entry.action),
    parameters: Object.fromEntries(
      (action?.parameters ?? []).map(({ name, width }, i) => [name, valueText(entry.parameters[i]!, name, width)]),
    ),
  }
}

/** The same in one line: `203.0.113.0/24 → forward(port=qsfp0)`. Unlike the pipeline's own text it needs no entry that stands. */
export function entryLine(table: TableDescription, entry: Entry): string {
  const { keys, action, parameters } = entryText(table, entry)
  const values = Object.entries(parameters).map(([name, value]) => `${name}=${value}`)
  return `${Object.values(keys).join(', ')} → ${action}(${values.join(', ')})`
}

/** `ingress.router.forward` → `forward`. */
export function localName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

function keyText(key: KeySet, name: string, width: number): string {
  switch (key.kind) {
    case 'exact':
      return valueText(key.value, name, width)
    case 'lpm':
      return `${valueText(key.value, name, width)}/${key.length}`
    case 'ternary': {
      const all = (1n << BigInt(width)) - 1n
      if (key.mask === 0n) return '*'
      if (key.mask === all) return valueText(key.value, name, width)
      return `${hex(key.value, width)} &&& ${hex(key.mask, width)}`
    }
    case 'range':
      return `${valueText(key.low, name, width)}..${valueText(key.high, name, width)}`
    case 'any':
      return '*'
    default: {
      const unreachable: never = key
      return unreachable
    }
  }
}

function valueText(value: bigint, name: string, width: number): string {
  if (width === 128) return ipFromValue(value, 6).toString()
  if (width === 48) return Mac.fromNumber(Number(value)).toString()
  if (width === 32 && /ip|dst|src|next_hop/.test(name)) return ipFromValue(value, 4).toString()
  if (/(^|\.)port$/.test(name)) return portName(Number(value))
  return value.toString()
}

function hex(value: bigint, width: number): string {
  return `0x${value.toString(16).padStart(Math.ceil(width / 4), '0')}`
}
