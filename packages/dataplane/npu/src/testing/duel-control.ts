/**
 * The control plane's side of a duel: each write goes to all pipelines, whose answers must be the same, and, where they
 * accept it, to the interpreter.
 */
import assert from 'node:assert/strict'
import type { BoundAction, Interpreter, KeySet, Program, Reference } from '@lodestone/p4'
import { newEntry } from '@lodestone/p4'
import type { Entry, MeterConfig, Pipeline, TableResult } from '../index.ts'

type Accepted = { readonly ok: boolean }

export class DuelControl {
  readonly #program: Program
  readonly #pipelines: readonly Pipeline[]
  readonly #interpreter: Interpreter

  constructor(program: Program, pipelines: readonly Pipeline[], interpreter: Interpreter) {
    this.#program = program
    this.#pipelines = pipelines
    this.#interpreter = interpreter
  }

  add(
    table: number,
    keys: readonly KeySet[],
    priority: number,
    action: BoundAction,
    more: Partial<Entry> = {},
  ): TableResult {
    const { name } = this.#program.tables[table]!
    const result = this.#all((pipeline) => pipeline.addEntry(name, this.#entry(table, keys, priority, action, more)))
    if (!result.ok) return result
    const entry = newEntry(keys, priority, action, referenceOf(more))
    this.#interpreter.tables[table]!.entries.push(entry)
    return result
  }

  /** The same keys, another action. */
  modify(table: number, index: number, action: BoundAction, more: Partial<Entry> = {}): TableResult {
    const entry = this.#interpreter.tables[table]!.entries[index]!
    const { keys, priority } = entry
    const { name } = this.#program.tables[table]!
    const result = this.#all((pipeline) => pipeline.modifyEntry(name, this.#entry(table, keys, priority, action, more)))
    if (!result.ok) return result
    entry.action = action
    const reference = referenceOf(more)
    if (reference === undefined) delete entry.reference
    else entry.reference = reference
    return result
  }

  delete(table: number, index: number): TableResult {
    const { entries } = this.#interpreter.tables[table]!
    const entry = entries[index]
    if (entry === undefined) return { ok: false, error: { kind: 'notFound' } }
    const { name } = this.#program.tables[table]!
    const result = this.#all((pipeline) => pipeline.deleteEntry(name, entry))
    if (result.ok) entries.splice(index, 1)
    return result
  }

  clear(table: number): void {
    const { name } = this.#program.tables[table]!
    if (this.#all((pipeline) => pipeline.clearTable(name)).ok) this.#interpreter.tables[table]!.entries.length = 0
  }

  setDefault(table: number, action: BoundAction): TableResult {
    const { name } = this.#program.tables[table]!
    const result = this.#all((pipeline) =>
      pipeline.setDefault(name, this.#actionName(table, action), action.parameters),
    )
    if (result.ok) this.#interpreter.tables[table]!.defaultAction = action
    return result
  }

  resetDefault(table: number): void {
    const { name, defaultAction } = this.#program.tables[table]!
    if (this.#all((pipeline) => pipeline.resetDefault(name)).ok) {
      this.#interpreter.tables[table]!.defaultAction = defaultAction
    }
  }

  setMeter(id: number, index: number, config: MeterConfig): void {
    const { name } = this.#program.externs[id]!
    const ok = this.#all((pipeline) => ({ ok: pipeline.setMeter(name, index, config) }))
    if (ok.ok) this.#interpreter.externs.meters[id]![index] = this.#meter(config)
  }

  setEntryMeter(table: number, index: number, config: MeterConfig): void {
    const entry = this.#interpreter.tables[table]!.entries[index]!
    const { name } = this.#program.tables[table]!
    if (this.#all((pipeline) => pipeline.setEntryMeter(name, entry, config)).ok) entry.meter = this.#meter(config)
  }

  writeRegister(id: number, index: number, value: bigint): void {
    const { name } = this.#program.externs[id]!
    for (const pipeline of this.#pipelines) pipeline.writeRegister(name, index, value)
    this.#interpreter.externs.registers[id]![index] = value
  }

  addToSet(id: number, member: readonly KeySet[]): void {
    const { name } = this.#program.valueSets[id]!
    if (this.#all((pipeline) => pipeline.valueSet(name)!.add(member)).ok) {
      this.#interpreter.valueSets[id]!.push([...member])
    }
  }

  removeFromSet(id: number, index: number): void {
    const members = this.#interpreter.valueSets[id]!
    const member = members[index]
    if (member === undefined) return
    const { name } = this.#program.valueSets[id]!
    if (this.#all((pipeline) => pipeline.valueSet(name)!.remove(member)).ok) members.splice(index, 1)
  }

  /** Of a profile that implements this table and no other. */
  addMember(id: number, table: number, action: BoundAction): void {
    const name = this.#actionName(table, action)
    const result = this.#all((pipeline) => this.#profile(pipeline, id).addMember(name, action.parameters))
    if (result.ok && 'member' in result) this.#members(id).set(result.member, action)
  }

  modifyMember(id: number, member: number, table: number, action: BoundAction): void {
    const name = this.#actionName(table, action)
    const write = (pipeline: Pipeline): Accepted =>
      this.#profile(pipeline, id).modifyMember(member, name, action.parameters)
    if (this.#all(write).ok) this.#members(id).set(member, action)
  }

  deleteMember(id: number, member: number): void {
    if (this.#all((pipeline) => this.#profile(pipeline, id).deleteMember(member)).ok) this.#members(id).delete(member)
  }

  createGroup(id: number): void {
    const result = this.#all((pipeline) => this.#profile(pipeline, id).createGroup())
    if (result.ok && 'group' in result) this.#interpreter.externs.profiles[id]!.groups.set(result.group, new Set())
  }

  addToGroup(id: number, group: number, member: number): void {
    if (this.#all((pipeline) => this.#profile(pipeline, id).addToGroup(group, member)).ok) {
      this.#interpreter.externs.profiles[id]!.groups.get(group)!.add(member)
    }
  }

  removeFromGroup(id: number, group: number, member: number): void {
    if (this.#all((pipeline) => this.#profile(pipeline, id).removeFromGroup(group, member)).ok) {
      this.#interpreter.externs.profiles[id]!.groups.get(group)!.delete(member)
    }
  }

  #members(id: number): Map<number, BoundAction> {
    return this.#interpreter.externs.profiles[id]!.members
  }

  #profile(pipeline: Pipeline, id: number): NonNullable<ReturnType<Pipeline['profile']>> {
    return pipeline.profile(this.#program.externs[id]!.name)!
  }

  #entry(table: number, keys: readonly KeySet[], priority: number, action: BoundAction, more: Partial<Entry>): Entry {
    const isReference = more.member !== undefined || more.group !== undefined
    const own = isReference
      ? { action: '', parameters: [] }
      : { action: this.#actionName(table, action), parameters: action.parameters }
    return { keys, priority, ...own, ...more }
  }

  #actionName(table: number, { action }: BoundAction): string {
    return this.#program.actions[this.#program.tables[table]!.actions[action]!.action]!.name
  }

  #meter(config: MeterConfig): NonNullable<Interpreter['externs']['meters'][number][number]> {
    const [committedBurst, peakBurst] = [BigInt(config.committedBurst), BigInt(config.peakBurst)]
    return {
      committedRate: BigInt(config.committedRate),
      committedBurst,
      peakRate: BigInt(config.peakRate),
      peakBurst,
      committed: committedBurst * 1_000_000n,
      peak: peakBurst * 1_000_000n,
      filledUs: this.#interpreter.nowUs,
    }
  }

  #all<Result extends Accepted>(write: (pipeline: Pipeline) => Result): Result {
    const [first, ...others] = this.#pipelines.map(write)
    for (const other of others) assert.deepEqual(other, first)
    return first!
  }
}

function referenceOf({ member, group }: Partial<Entry>): Reference | undefined {
  if (group !== undefined) return { group }
  return member === undefined ? undefined : { member }
}
