/**
 * What a control plane does with a running program: table entries, action profiles, value sets, counters, meters, registers,
 * events. It writes the memory that the generated code reads; packets are `create-pipeline`'s.
 */
import type { Arena } from '@lodestone/frame'
import { CELL, EVENT, type Generated, type Program } from '@lodestone/p4'
import type { CompiledModules, VariantKind } from './compiled-modules.ts'
import type {
  Entry,
  EntryCounter,
  EntryKey,
  MeterConfig,
  PipelineEvent,
  TableDescription,
  TableResult,
} from './pipeline.ts'
import { StateMemory } from './state-memory.ts'
import { ActionProfile } from './target/action-profile.ts'
import type { ControlResult } from './target/control-result.ts'
import { type CrcParameters, STANDARD_CRC, writeCrc } from './target/custom-crc.ts'
import { entryProblem } from './target/entry-problem.ts'
import { expiredEntries, type IdleEntry, watchEntry } from './target/idle-timeout.ts'
import { meterProblem, readMeter, writeMeter } from './target/meter-control.ts'
import { type ExternTable, externImport } from './target/user-extern.ts'
import { ValueSetControl } from './target/value-set.ts'
import { byName, TableControl } from './table/table-control.ts'
import { TableStore } from './table/table-store.ts'

/** Calls of missing externs that are kept until somebody takes them. */
const EXTERN_TROUBLE_MAX = 1024

export interface ProgramControlOptions {
  readonly arena: Arena
  readonly nowMs: () => number
  /** Extern functions and objects of the user, by name. */
  readonly externs?: ExternTable
}

export class ProgramControl {
  readonly tables: readonly TableDescription[]
  protected readonly generated: Generated
  protected readonly program: Program
  protected readonly state: StateMemory
  protected readonly controls: readonly TableControl[]
  /** The module without any instrumentation. */
  protected readonly fast: WebAssembly.Exports
  /** Another variant of the module over the same memory. */
  protected readonly instantiate: (kind: VariantKind) => WebAssembly.Exports
  readonly #nowMs: () => number
  /** When time began for the program: 0 for softnpu, whose clock is the host's. */
  readonly #epochMs: number
  /** By every name that was used for it. */
  readonly #controlByName = new Map<string, TableControl>()
  readonly #profiles = new Map<number, ActionProfile>()
  readonly #valueSets: readonly ValueSetControl[]
  /** Calls of externs that nobody supplied, or that went wrong. */
  readonly #externTrouble: PipelineEvent[] = []

  constructor(modules: CompiledModules, options: ProgramControlOptions) {
    const { generated } = modules
    const { program, layout } = generated
    this.generated = generated
    this.program = program
    this.#nowMs = options.nowMs
    this.state = new StateMemory(layout.heapStart)
    const trouble = (kind: 'target' | 'mistake') => {
      return (name: string, values: readonly bigint[]): void => {
        if (this.state.u32[CELL.isDryRun >> 2] === 1 || this.#externTrouble.length === EXTERN_TROUBLE_MAX) return
        this.#externTrouble.push({ kind, name, values })
      }
    }
    const extern = externImport(generated, this.state, options.externs ?? {}, {
      unknown: trouble('target'),
      mistaken: trouble('mistake'),
    })
    const imports = { env: { arena: options.arena.memory, state: this.state.memory, extern } }
    this.instantiate = (kind) => new WebAssembly.Instance(modules.module(kind), imports).exports
    this.fast = this.instantiate('fast')
    this.controls = program.tables.map((table, index) => {
      const hash = (this.fast[`hash${index}`] ?? (() => 1)) as () => number
      return new TableControl(program, table, new TableStore(layout.tables[index]!, this.state, layout.hashKey, hash))
    })
    this.tables = this.controls.map((control) => control.description)
    program.externs.forEach((extern, id) => {
      if (extern.kind !== 'actionProfile' && extern.kind !== 'actionSelector') return
      const tables = this.controls.filter((_, k) => program.tables[k]!.implementation === id)
      this.#profiles.set(id, new ActionProfile(extern, tables, this.state))
    })
    this.#valueSets = program.valueSets.map((set, k) => new ValueSetControl(set, layout.valueSets[k]!, this.state))
    this.#epochMs = program.architecture === 'softnpu' ? 0 : options.nowMs()
    this.setCrc('crc16_custom', STANDARD_CRC.crc16_custom)
    this.setCrc('crc32_custom', STANDARD_CRC.crc32_custom)
    for (const extern of program.externs) {
      if (extern.kind !== 'register' || extern.initial === undefined) continue
      for (let index = 0; index < extern.size; index++) this.writeRegister(extern.name, index, extern.initial)
    }
  }

  addEntry(table: string, entry: Entry): TableResult {
    return this.#withTable(table, (control) => this.#write(control, entry, true))
  }

  modifyEntry(table: string, entry: Entry): TableResult {
    return this.#withTable(table, (control) => this.#write(control, entry, false))
  }

  deleteEntry(table: string, key: EntryKey): TableResult {
    return this.#withTable(table, (control) => control.delete(key))
  }

  /** Through the table's action profile, if it has one. */
  #write(control: TableControl, entry: Entry, isNew: boolean): TableResult {
    const problem = entryProblem(control, this.#profileOf(control), entry)
    if (problem !== undefined) return { ok: false, error: problem }
    const profile = this.#profileOf(control)
    if (profile !== undefined) return this.#watched(control, entry, profile.write(control, entry, isNew))
    return this.#watched(control, entry, isNew ? control.add(entry) : control.modify(entry))
  }

  #watched(control: TableControl, entry: Entry, result: TableResult): TableResult {
    if (result.ok && control.supportsTimeout) watchEntry(control, entry, this.state, this.#nowMs())
    return result
  }

  #profileOf(control: TableControl): ActionProfile | undefined {
    const { implementation } = this.program.tables[this.controls.indexOf(control)]!
    return implementation === undefined ? undefined : this.#profiles.get(implementation)
  }

  setCrc(algorithm: 'crc16_custom' | 'crc32_custom', parameters: CrcParameters): ControlResult {
    return writeCrc(this.state, this.generated, algorithm, parameters)
  }

  profile(name: string): ActionProfile | undefined {
    return this.#profiles.get(byName(this.program.externs, name))
  }

  valueSet(name: string): ValueSetControl | undefined {
    return this.#valueSets[byName(this.#valueSets, name)]
  }

  idleEntries(): readonly IdleEntry[] {
    return this.controls.flatMap((control) => expiredEntries(control, this.state, this.#nowMs()))
  }

  setEntryMeter(table: string, entry: EntryKey, config: MeterConfig): TableResult {
    return this.#withTable(table, (control) => {
      const at = control.locate(entry)
      const { directMeterOffset } = control.store.layout
      const problem =
        directMeterOffset === undefined ? `${control.description.name} has no direct meter` : meterProblem(config)
      if (problem !== undefined)
        return { ok: false, error: { kind: 'badParameter', parameter: 'meter', message: problem } }
      if (at === 0) return { ok: false, error: { kind: 'notFound' } }
      this.setTime()
      writeMeter(this.state, at + directMeterOffset!, config)
      return { ok: true }
    })
  }

  setDefault(table: string, action: string, parameters: readonly bigint[]): TableResult {
    return this.#withTable(table, (control) => control.setDefault(action, parameters))
  }

  resetDefault(table: string): TableResult {
    return this.#withTable(table, (control) => control.resetDefault())
  }

  clearTable(table: string): TableResult {
    return this.#withTable(table, (control) => control.clear())
  }

  entries(table: string): readonly (Entry & { readonly hits: EntryCounter })[] | undefined {
    return this.#control(table)?.entries()
  }

  entryText(table: string, key: EntryKey): string | undefined {
    const control = this.#control(table)
    const address = control?.locate(key) ?? 0
    return address === 0 ? undefined : control?.entryText(address)
  }

  usage(table: string): { size: number; entries: number; hits: number; misses: number } | undefined {
    const control = this.#control(table)
    if (control === undefined) return undefined
    const { store, description } = control
    return { size: description.size, entries: store.count, hits: store.hits, misses: store.misses }
  }

  counter(name: string): readonly EntryCounter[] | undefined {
    const id = byName(this.program.externs, name)
    const extern = this.program.externs[id]
    const { u64 } = this.state
    const cell = (at: number): EntryCounter => ({ packets: Number(u64[at >> 3]), bytes: Number(u64[(at >> 3) + 1]) })
    if (extern?.kind === 'counter') {
      const { address, size } = this.generated.layout.externs[id]!
      return Array.from({ length: size }, (_, k) => cell(address + 16 * k))
    }
    if (extern?.kind !== 'directCounter') return undefined
    const control = this.controls[this.program.tables.findIndex((table) => table.directCounter === id)]
    if (control === undefined) return []
    const { store } = control
    const offset = store.layout.directCounterOffset
    return store
      .addresses()
      .map((entry) =>
        offset === undefined ? { packets: store.packets(entry), bytes: store.bytes(entry) } : cell(entry + offset),
      )
  }

  resetCounter(name: string): void {
    const id = byName(this.program.externs, name)
    const layout = this.generated.layout.externs[id]
    if (this.program.externs[id]?.kind !== 'counter' || layout === undefined) return
    this.state.bytes.fill(0, layout.address, layout.address + 16 * layout.size)
  }

  readRegister(name: string, index: number): bigint | undefined {
    const cell = this.#registerCell(name, index)
    if (cell === undefined) return undefined
    if (cell.width <= 32) return BigInt(this.state.u32[cell.address >> 2]!)
    let value = 0n
    for (let k = 0; 64 * k < cell.width; k++) value |= this.state.u64[(cell.address >> 3) + k]! << BigInt(64 * k)
    return value
  }

  writeRegister(name: string, index: number, value: bigint): void {
    const cell = this.#registerCell(name, index)
    if (cell === undefined) throw new Error(`no register ${name}[${index}]`)
    const masked = BigInt.asUintN(cell.width, value)
    if (cell.width <= 32) {
      this.state.u32[cell.address >> 2] = Number(masked)
      return
    }
    for (let k = 0; 64 * k < cell.width; k++) {
      this.state.u64[(cell.address >> 3) + k] = BigInt.asUintN(64, masked >> BigInt(64 * k))
    }
  }

  writeCounter(name: string, index: number, value: EntryCounter): boolean {
    const id = byName(this.program.externs, name)
    const layout = this.generated.layout.externs[id]
    if (this.program.externs[id]?.kind !== 'counter' || layout === undefined) return false
    if (!(index >= 0 && index < layout.size)) return false
    const { u64 } = this.state
    u64[(layout.address + 16 * index) >> 3] = BigInt(value.packets)
    u64[((layout.address + 16 * index) >> 3) + 1] = BigInt(value.bytes)
    return true
  }

  setMeter(name: string, index: number, config: MeterConfig): boolean {
    const at = this.#meterCell(name, index)
    if (at === undefined || meterProblem(config) !== undefined) return false
    this.setTime()
    writeMeter(this.state, at, config)
    return true
  }

  meter(name: string, index: number): MeterConfig | undefined {
    const at = this.#meterCell(name, index)
    return at === undefined ? undefined : readMeter(this.state, at)
  }

  #meterCell(name: string, index: number): number | undefined {
    const id = byName(this.program.externs, name)
    const layout = this.generated.layout.externs[id]
    if (this.program.externs[id]?.kind !== 'meter' || layout === undefined) return undefined
    return index >= 0 && index < layout.size ? layout.address + index * layout.cellBytes : undefined
  }

  get failedAssertions(): number {
    return this.state.u32[CELL.assertions >> 2]!
  }

  takeEvents(): readonly PipelineEvent[] {
    const { layout, messages } = this.generated
    const { u32, u64 } = this.state
    const events: PipelineEvent[] = []
    const end = u32[CELL.eventPosition >> 2]! >> 2
    for (let at = layout.events >> 2; at < end; at += u32[at]! >>> 8) {
      const words = Array.from({ length: ((u32[at]! >>> 8) - 2) / 2 }, (_, k) => u64[(at >> 1) + 1 + k]!)
      const id = u32[at + 1]!
      const kind = u32[at]! & 0xff
      if (kind !== EVENT.digest) {
        events.push({ kind: kind === EVENT.log ? 'log' : 'target', name: messages[id]!, values: words })
        continue
      }
      const digest = this.program.externs[id]!
      const fields = digest.kind === 'digest' ? digest.fields : []
      let word = 0
      const values = fields.map(({ width }) => {
        let value = 0n
        for (let k = 0; 64 * k < width; k++) value |= words[word++]! << BigInt(64 * k)
        return value
      })
      events.push({ kind: 'digest', name: digest.name, values })
    }
    u32[CELL.eventPosition >> 2] = layout.events
    events.push(...this.#externTrouble.splice(0))
    return events
  }

  /** Tells the program the time. */
  protected setTime(): void {
    const us = Math.floor((this.#nowMs() - this.#epochMs) * 1000)
    const { u32 } = this.state
    u32[CELL.nowUs >> 2] = us % 2 ** 32
    u32[(CELL.nowUs >> 2) + 1] = Math.floor(us / 2 ** 32)
  }

  #registerCell(name: string, index: number): { readonly address: number; readonly width: number } | undefined {
    const id = byName(this.program.externs, name)
    const extern = this.program.externs[id]
    const layout = this.generated.layout.externs[id]
    if (extern?.kind !== 'register' || layout === undefined || !(index >= 0 && index < layout.size)) return undefined
    return { address: layout.address + index * layout.cellBytes, width: extern.width }
  }

  #control(table: string): TableControl | undefined {
    const known = this.#controlByName.get(table)
    if (known !== undefined) return known
    const control = this.controls[byName(this.tables, table)]
    if (control !== undefined) this.#controlByName.set(table, control)
    return control
  }

  #withTable(table: string, run: (control: TableControl) => TableResult): TableResult {
    const control = this.#control(table)
    return control === undefined ? { ok: false, error: { kind: 'noSuchTable', table } } : run(control)
  }
}
