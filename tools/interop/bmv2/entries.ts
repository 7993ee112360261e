/** Random table entries that packets of the run come upon: their keys are what packets were looked up with, more or less. */
import { createPipeline, type Entry, type Pipeline } from '@lodestone/npu'
import type { KeySet, Program, Table } from '@lodestone/p4'
import { Arena } from '@lodestone/frame'
import type { Draw } from '../../../packages/dataplane/npu/src/testing/draw.ts'
import { Duel } from '../../../packages/dataplane/npu/src/testing/duel.ts'
import { type Bmv2Control, padOf } from './control.ts'
import type { TestPacket } from './packets.ts'

const PER_TABLE = 6
/** Packets whose keys are looked at. */
const LOOKED_AT = 24

export interface PlannedEntry {
  readonly table: string
  readonly entry: Entry
}

/** Only for tables without entries of the program (which BMv2 lets nobody add to) or an action profile. Those that ours refuses are left out. */
export function plannedEntries(program: Program, packets: readonly TestPacket[], draw: Draw): PlannedEntry[] {
  const isFilled = ({ keys, entries, implementation }: Table): boolean =>
    keys.length > 0 && entries.length === 0 && implementation === undefined
  if (!program.tables.some(isFilled)) return []
  const seen = new Map<number, (readonly (bigint | undefined)[])[]>()
  const duel = new Duel(program)
  const step = Math.ceil(packets.length / LOOKED_AT)
  for (const { port, bytes } of packets.filter((_, k) => k % step === 0)) {
    if (bytes.length > 0) duel.send(bytes, port)
    for (const { table, keys } of duel.interpreter.applied) seen.set(table, [...(seen.get(table) ?? []), keys])
  }
  const pipeline = createPipeline(program, { arena: new Arena({ slots: 1 }), nowMs: () => 0 })
  return program.tables.flatMap((table, index) => {
    const { keys, actions, name } = table
    if (!isFilled(table)) return []
    const values = seen.get(index) ?? []
    return Array.from({ length: PER_TABLE }, (): PlannedEntry => {
      const near = values.length === 0 ? [] : draw.pick(values)
      const sets = keys.map(({ match, expression: { width } }, k) => keySet(draw, match, width, near[k]))
      const action = program.actions[draw.pick(actions).action]!
      const parameters = action.parameters.map(({ width }) => draw.bits(width))
      const isRanked = keys.some(({ match }) => match === 'ternary' || match === 'range' || match === 'optional')
      const priority = isRanked ? { priority: 1 + draw.below(1000) } : {}
      return { table: name, entry: { keys: sets, ...priority, action: action.name, parameters } }
    }).filter(({ entry }) => pipeline.addEntry(name, entry).ok)
  })
}

export async function addEntries(
  entries: readonly PlannedEntry[],
  pipeline: Pipeline,
  control: Bmv2Control,
): Promise<void> {
  for (const { table, entry } of entries) {
    if (!control.hasTable(table)) continue
    const description = pipeline.tables.find(({ name }) => name === table)!
    const result = pipeline.addEntry(table, entry)
    if (!result.ok) throw new Error(`${table}: ${result.error.kind}`)
    await control.addEntry(description, entry)
  }
}

function keySet(draw: Draw, match: string, width: number, near: bigint | undefined): KeySet {
  const full = (1n << BigInt(width)) - 1n
  const value = near !== undefined && !draw.chance(5) ? near : draw.bits(width)
  switch (match) {
    case 'lpm': {
      const length = draw.below(width + 1 - padOf(width))
      return { kind: 'lpm', value: value & (full ^ (full >> BigInt(length))), length }
    }
    case 'ternary': {
      const mask = draw.chance(3) ? full : draw.bits(width)
      return mask === 0n ? { kind: 'any' } : { kind: 'ternary', value: value & mask, mask }
    }
    case 'range': {
      const other = draw.chance(2) ? draw.bits(width) : value
      return { kind: 'range', low: value < other ? value : other, high: value < other ? other : value }
    }
    case 'optional':
      return draw.chance(3) ? { kind: 'any' } : { kind: 'exact', value }
    default:
      return { kind: 'exact', value }
  }
}
