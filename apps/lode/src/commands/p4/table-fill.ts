/**
 * Table entries for a benchmark. Packets are explained one by one; where a table missed, it gets an entry that the packet
 * hits, which stays if the packet gets further by it (it is sent instead of dropped, or meets more tables). What is left of
 * the wanted number of entries is filled with keys at random.
 */
import type { Entry, Explanation, Pipeline, TableDescription } from '@lodestone/npu'
import type { KeySet } from '@lodestone/p4'
import { Ip, Mac } from '@lodestone/net'

const ROUNDS_MAX = 24
/** More than a packet meets tables. */
const SENT = 10_000
/** Parameters stay small: ports that exist, indices inside arrays. */
const PARAMETER_VALUES = 16

export interface FillOptions {
  readonly pipeline: Pipeline
  readonly frames: readonly Uint8Array[]
  readonly port: number
  /** Per table. */
  readonly entries: number
  /** Uniform below the bound. */
  readonly random: (bound: number) => number
}

/** @returns the frames that are sent, if there are any, else all. */
export function fillTables(options: FillOptions): readonly Uint8Array[] {
  const { pipeline, frames, port, random } = options
  for (const frame of frames) lead(options, frame)
  for (const table of pipeline.tables) {
    if (table.keys.length === 0 || table.isConst) continue
    const wanted = Math.min(options.entries, table.size)
    const have = pipeline.usage(table.name)?.entries ?? 0
    // Short keys run out of values, so the number of attempts is bounded.
    for (let k = have, attempts = 0; k < wanted && attempts < 4 * wanted; attempts++) {
      const keys = table.keys.map(({ match, width }) => anything(match, width, random))
      if (add(pipeline, table, keys, 1 + random(1000), random) !== undefined) k++
    }
  }
  const sent = frames.filter((frame) => progress(pipeline.explain(frame, port)) >= SENT)
  return sent.length > 0 ? sent : frames
}

/** Gives tables that miss the packet entries, as long as it gets further. */
function lead({ pipeline, port, random }: FillOptions, frame: Uint8Array): void {
  const tried = new Set<string>()
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const explanation = pipeline.explain(frame, port)
    const miss = explanation.runs
      .flatMap(({ steps }) => steps)
      .find((step) => step.kind === 'table' && !step.hit && step.keys.length > 0 && !tried.has(step.table))
    if (miss?.kind !== 'table') return
    tried.add(miss.table)
    const table = pipeline.tables.find(({ name }) => name === miss.table)
    const values = miss.keys.map(({ value }) => parseValue(value))
    if (table === undefined || values.some((value) => value === undefined)) continue
    const keys = table.keys.map(({ match, width }, k) => around(match, width, values[k]!))
    const entry = add(pipeline, table, keys, 1_000_000, random)
    if (entry === undefined) continue
    if (progress(pipeline.explain(frame, port)) <= progress(explanation)) pipeline.deleteEntry(table.name, entry)
  }
}

/** How far a packet gets: whether it is sent, then how many tables it meets. */
function progress({ runs }: Explanation): number {
  const tables = runs.reduce((sum, { steps }) => sum + steps.filter((step) => step.kind === 'table').length, 0)
  return (runs.some(({ outcome }) => outcome.kind === 'sent') ? SENT : 0) + tables
}

function add(
  pipeline: Pipeline,
  table: TableDescription,
  keys: readonly KeySet[],
  priority: number,
  random: FillOptions['random'],
): Entry | undefined {
  if (table.isConst) return undefined
  const hasPriority = table.keys.some(({ match }) => match === 'ternary' || match === 'range' || match === 'optional')
  const entry = { keys, ...(hasPriority ? { priority } : {}) }
  // The action with most parameters is the one that does the table's work; one that drops has none or a reason.
  const actions = [...table.actions].sort((a, b) => weight(b) - weight(a))
  for (const { name, parameters } of actions) {
    const values = parameters.map(({ width }) => BigInt(random(Math.min(PARAMETER_VALUES, 2 ** Math.min(width, 30)))))
    const full: Entry = { ...entry, action: name, parameters: values }
    const result = pipeline.addEntry(table.name, full)
    if (result.ok) return full
    if (result.error.kind !== 'noSuchAction') return undefined
  }
  return undefined
}

function weight(action: TableDescription['actions'][number]): number {
  return /drop|discard|reject|deny|NoAction/i.test(action.name) ? -1 : action.parameters.length
}

function around(match: string, width: number, value: bigint): KeySet {
  const full = (1n << BigInt(width)) - 1n
  if (match === 'lpm') {
    const length = width - (width >> 2)
    return { kind: 'lpm', value: value & (full ^ (full >> BigInt(length))), length }
  }
  if (match === 'ternary') {
    const mask = full ^ (full >> BigInt(width - (width >> 2)))
    return { kind: 'ternary', value: value & mask, mask }
  }
  if (match === 'range') return { kind: 'range', low: value >> 1n, high: value }
  return { kind: 'exact', value }
}

function anything(match: string, width: number, random: FillOptions['random']): KeySet {
  let value = 0n
  for (let k = 0; k < width; k += 16) value = (value << 16n) | BigInt(random(65536))
  value &= (1n << BigInt(width)) - 1n
  if (match === 'lpm') {
    const length = 1 + random(width)
    const low = BigInt(width - length)
    return { kind: 'lpm', value: (value >> low) << low, length }
  }
  return around(match, width, value)
}

/** What an explanation prints, read back; undefined for words. */
function parseValue(text: string): bigint | undefined {
  if (text === 'true' || text === 'false') return text === 'true' ? 1n : 0n
  if (/^(0x[\da-f]+|\d+)$/i.test(text)) return BigInt(text)
  const bytes = (Mac.parse(text) ?? Ip.parse(text))?.bytes
  return bytes?.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
