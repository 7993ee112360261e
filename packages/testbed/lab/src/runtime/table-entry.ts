/** Table entries as documents write them, against the tables of a compiled program. */
import { Ip, Mac } from '@lodestone/net'
import type { Entry, TableDescription } from '@lodestone/npu'
import type { KeySet, MatchKind } from '@lodestone/p4'
import type { NodeOf } from '../document/document.ts'

export type EntryDocument = NodeOf<'switch'>['entries'][number]

/** Throws with a sentence. */
export function entryOf(
  document: EntryDocument,
  tables: readonly TableDescription[],
): { readonly table: string; readonly entry: Entry } {
  const table = tableNamed(document.table, tables)
  if (document.keys.length !== table.keys.length) {
    throw new Error(
      `${table.name} has ${table.keys.length} keys (${table.keys.map(({ name }) => name).join(', ')}), not ${document.keys.length}`,
    )
  }
  const hasPriority = table.keys.some(({ match }) => match === 'ternary' || match === 'range' || match === 'optional')
  return {
    table: table.name,
    entry: {
      keys: document.keys.map((text, i) => keyOf(String(text), table.keys[i]!)),
      action: document.action,
      parameters: document.args.map((text) => numberOf(String(text))),
      ...(hasPriority ? { priority: document.priority ?? 1 } : {}),
    },
  }
}

/** By its full name, or by the last part of it. Throws with a sentence. */
export function tableNamed(wanted: string, tables: readonly TableDescription[]): TableDescription {
  const table = tables.find(({ name }) => name === wanted || name.endsWith(`.${wanted}`))
  if (table !== undefined) return table
  throw new Error(`there is no table ${wanted}; there are ${tables.map(({ name }) => name).join(', ')}`)
}

function keyOf(
  text: string,
  { name, match, width }: { readonly name: string; readonly match: MatchKind; readonly width: number },
): KeySet {
  if (text === '_') return { kind: 'any' }
  const [value, mask] = text.split('&&&')
  if (mask !== undefined) return { kind: 'ternary', value: numberOf(value!), mask: numberOf(mask) }
  const [low, high] = text.split('..')
  if (high !== undefined) return { kind: 'range', low: numberOf(low!), high: numberOf(high) }
  const [prefix, length] = text.split('/')
  if (length !== undefined) {
    const bits = Number(length)
    if (!Number.isInteger(bits) || bits < 0 || bits > width)
      throw new Error(`${name}: /${length} is no length of a ${width}-bit prefix`)
    const host = (1n << BigInt(width - bits)) - 1n
    return { kind: 'lpm', value: numberOf(prefix!) & ~host, length: bits }
  }
  const exact = numberOf(text)
  if (match === 'lpm') return { kind: 'lpm', value: exact, length: width }
  if (match === 'ternary') return { kind: 'ternary', value: exact, mask: (1n << BigInt(width)) - 1n }
  if (match === 'range') return { kind: 'range', low: exact, high: exact }
  return { kind: 'exact', value: exact }
}

/** A number, `true`, a MAC or IP address. Throws with a sentence. */
export function numberOf(text: string): bigint {
  if (text === 'true' || text === 'false') return text === 'true' ? 1n : 0n
  if (/^(0x[\da-f]+|\d+)$/i.test(text)) return BigInt(text)
  const bytes = (Mac.parse(text) ?? Ip.parse(text))?.bytes
  if (bytes === undefined) throw new Error(`${text} is no number and no address`)
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
