/**
 * A P4 program at work over an arena. The fast variant runs when nobody watches; while the tracer is on, or for an
 * explanation, the traced variant runs over the same memory.
 *
 * What `process` does after the program's verdict (replication, unknown ports, freeing and counting drops) is the part of
 * a switch that P4 leaves to the target: a frame to be replicated is cloned after ingress, and egress and deparser run
 * for every copy. NOT IMPLEMENTED: clone, resubmit and recirculate (reported through `takeEvents`).
 */
import type { Arena } from '@lodestone/frame'
import {
  BATCH_CAPACITY,
  BATCH_PORTS,
  BATCH_SLOTS,
  BATCH_VERDICTS,
  CELL,
  EVENT,
  EVENT_BYTES,
  type Generated,
  generate,
  METER,
  type Program,
  RESERVED_DROP,
  TRACE_BYTES,
  VERDICT,
} from '@lodestone/p4'
import { summarize } from '@lodestone/packet'
import type { DropReason, Step, Tracer } from '@lodestone/probe'
import { dropReasonOf } from './drop-reason.ts'
import type {
  Batch,
  Entry,
  EntryCounter,
  EntryKey,
  MeterConfig,
  Pipeline,
  PipelineEvent,
  TableDescription,
  TableResult,
} from './pipeline.ts'
import { StateMemory } from './state-memory.ts'
import { byName, TableControl } from './table/table-control.ts'
import { TableStore } from './table/table-store.ts'
import { readTrace } from './trace-story.ts'

export interface PipelineOptions {
  readonly arena: Arena
  readonly nowMs: () => number
  readonly tracer?: Tracer
  /** Name of the node in stories. */
  readonly node?: string
  /** For the `random` extern. */
  readonly seed?: number
  readonly portName?: (port: number) => string
  /** The ports that exist; see `Pipeline.setPorts`. */
  readonly ports?: readonly number[]
  /** Meaning of the program's drop reasons; without it the names in the program are used. */
  readonly dropReason?: (reason: number) => DropReason | undefined
}

/** Compiles the module and loads the program's constant entries. Synchronous. */
export function createPipeline(program: Program, options: PipelineOptions): Pipeline {
  return new WasmPipeline(generate(program), options)
}

/** A batch for up to `capacity` frames, with room for `copies` outputs per frame. */
export function createBatch(capacity: number, copies = 4): Batch {
  return {
    capacity,
    slots: new Int32Array(capacity),
    ports: new Int32Array(capacity),
    count: 0,
    outSlots: new Int32Array(capacity * copies),
    outPorts: new Int32Array(capacity * copies),
    outCount: 0,
  }
}

/** Exports of a generated module. */
interface Variant {
  readonly process: (first: number, count: number) => number
  readonly copy: (frameSlot: number, egressPort: number) => number
}

class WasmPipeline implements Pipeline {
  readonly tables: readonly TableDescription[]
  readonly #generated: Generated
  readonly #program: Program
  readonly #options: PipelineOptions
  readonly #arena: Arena
  readonly #state: StateMemory
  readonly #controls: readonly TableControl[]
  readonly #fast: Variant
  readonly #traced: Variant
  readonly #dropped = new Float64Array(256)
  readonly #groups = new Map<number, Int32Array>()
  #ports: Int32Array | undefined
  /** 1 where the port exists; undefined while all do. */
  #isPort: Uint8Array | undefined

  constructor(generated: Generated, options: PipelineOptions) {
    const { program, layout } = generated
    this.#generated = generated
    this.#program = program
    this.#options = options
    this.#arena = options.arena
    this.#state = new StateMemory(layout.heapStart)
    const imports = { env: { arena: options.arena.memory, state: this.#state.memory } }
    const fast = new WebAssembly.Instance(new WebAssembly.Module(generated.fast), imports).exports
    const traced = new WebAssembly.Instance(new WebAssembly.Module(generated.traced), imports).exports
    // Exports of a module that this project generated: names and signatures are known.
    this.#fast = fast as unknown as Variant
    this.#traced = traced as unknown as Variant
    this.#controls = program.tables.map((table, index) => {
      const hash = (fast[`hash${index}`] ?? (() => 1)) as () => number
      return new TableControl(program, table, new TableStore(layout.tables[index]!, this.#state, layout.hashKey, hash))
    })
    this.tables = this.#controls.map((control) => control.description)
    const { u32, u64 } = this.#state
    u32[CELL.countOne >> 2] = 1
    u32[CELL.arenaDataOffset >> 2] = options.arena.dataOffset
    u32[CELL.arenaSlotBytes >> 2] = options.arena.slotBytes
    u32[CELL.eventPosition >> 2] = layout.events
    u32[CELL.eventEnd >> 2] = layout.events + EVENT_BYTES
    u32[CELL.traceEnd >> 2] = layout.trace + TRACE_BYTES
    // Spread small seeds over the word; 0 would stay 0 for ever.
    u64[CELL.random >> 3] = (BigInt(options.seed ?? 1) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn || 1n
    if (options.ports !== undefined) this.setPorts(options.ports)
  }

  process(batch: Batch): void {
    batch.outCount = 0
    this.#setTime()
    const isTraced = this.#options.tracer?.isOn === true
    for (let done = 0; done < batch.count;) {
      const count = isTraced ? 1 : Math.min(BATCH_CAPACITY, batch.count - done)
      const { i32 } = this.#state
      for (let i = 0; i < count; i++) {
        i32[(BATCH_SLOTS >> 2) + i] = batch.slots[done + i]!
        i32[(BATCH_PORTS >> 2) + i] = batch.ports[done + i]!
      }
      if (isTraced) this.#processTraced(batch, batch.slots[done]!, batch.ports[done]!)
      else {
        // A run ends early behind a frame to be replicated: its copies come before the next frame.
        for (let first = 0; first < count;) {
          const end = this.#fast.process(first, count)
          for (; first < end; first++) {
            const verdict = i32[(BATCH_VERDICTS >> 2) + first]!
            this.#deliver(batch, batch.slots[done + first]!, batch.ports[done + first]!, verdict)
          }
        }
      }
      done += count
    }
    batch.count = 0
  }

  addEntry(table: string, entry: Entry): TableResult {
    return this.#withTable(table, (control) => control.add(entry))
  }

  modifyEntry(table: string, entry: Entry): TableResult {
    return this.#withTable(table, (control) => control.modify(entry))
  }

  deleteEntry(table: string, key: EntryKey): TableResult {
    return this.#withTable(table, (control) => control.delete(key))
  }

  setDefault(table: string, action: string, parameters: readonly bigint[]): TableResult {
    return this.#withTable(table, (control) => control.setDefault(action, parameters))
  }

  clearTable(table: string): TableResult {
    return this.#withTable(table, (control) => control.clear())
  }

  entries(table: string): readonly (Entry & { readonly hits: EntryCounter })[] | undefined {
    return this.#control(table)?.entries()
  }

  usage(table: string): { size: number; entries: number; hits: number; misses: number } | undefined {
    const control = this.#control(table)
    if (control === undefined) return undefined
    const { store, description } = control
    return { size: description.size, entries: store.count, hits: store.hits, misses: store.misses }
  }

  counter(name: string): readonly EntryCounter[] | undefined {
    const id = byName(this.#program.externs, name)
    const extern = this.#program.externs[id]
    const { u64 } = this.#state
    const cell = (at: number): EntryCounter => ({ packets: Number(u64[at >> 3]), bytes: Number(u64[(at >> 3) + 1]) })
    if (extern?.kind === 'counter') {
      const { address, size } = this.#generated.layout.externs[id]!
      return Array.from({ length: size }, (_, k) => cell(address + 16 * k))
    }
    if (extern?.kind !== 'directCounter') return undefined
    const control = this.#controls[this.#program.tables.findIndex((table) => table.directCounter === id)]
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
    const id = byName(this.#program.externs, name)
    const layout = this.#generated.layout.externs[id]
    if (this.#program.externs[id]?.kind !== 'counter' || layout === undefined) return
    this.#state.bytes.fill(0, layout.address, layout.address + 16 * layout.size)
  }

  readRegister(name: string, index: number): bigint | undefined {
    const cell = this.#registerCell(name, index)
    if (cell === undefined) return undefined
    if (cell.width <= 32) return BigInt(this.#state.u32[cell.address >> 2]!)
    let value = 0n
    for (let k = 0; 64 * k < cell.width; k++) value |= this.#state.u64[(cell.address >> 3) + k]! << BigInt(64 * k)
    return value
  }

  writeRegister(name: string, index: number, value: bigint): void {
    const cell = this.#registerCell(name, index)
    if (cell === undefined) throw new Error(`no register ${name}[${index}]`)
    const masked = BigInt.asUintN(cell.width, value)
    if (cell.width <= 32) {
      this.#state.u32[cell.address >> 2] = Number(masked)
      return
    }
    for (let k = 0; 64 * k < cell.width; k++) {
      this.#state.u64[(cell.address >> 3) + k] = BigInt.asUintN(64, masked >> BigInt(64 * k))
    }
  }

  setMeter(name: string, index: number, config: MeterConfig): boolean {
    const id = byName(this.#program.externs, name)
    const layout = this.#generated.layout.externs[id]
    if (this.#program.externs[id]?.kind !== 'meter' || layout === undefined || index >= layout.size) return false
    const { u64 } = this.#state
    const at = layout.address + index * layout.cellBytes
    this.#setTime()
    const scale = 1_000_000n
    for (const [offset, value] of [
      [METER.committedRate, BigInt(config.committedRate)],
      [METER.committedBurst, BigInt(config.committedBurst)],
      [METER.peakRate, BigInt(config.peakRate)],
      [METER.peakBurst, BigInt(config.peakBurst)],
      [METER.committedTokens, BigInt(config.committedBurst) * scale],
      [METER.peakTokens, BigInt(config.peakBurst) * scale],
      [METER.filledUs, u64[CELL.nowUs >> 3]!],
    ] as const) {
      u64[(at + offset) >> 3] = value
    }
    return true
  }

  takeEvents(): readonly PipelineEvent[] {
    const { layout, messages } = this.#generated
    const { u32, u64 } = this.#state
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
      const digest = this.#program.externs[id]!
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
    return events
  }

  setPorts(ports: readonly number[]): void {
    this.#ports = Int32Array.from(ports)
    this.#isPort = new Uint8Array(65536)
    for (const port of ports) this.#isPort[port] = 1
  }

  setMulticastGroup(group: number, ports: readonly number[]): void {
    if (ports.length === 0) this.#groups.delete(group)
    else this.#groups.set(group, Int32Array.from(ports))
  }

  drops(): ReadonlyMap<number, number> {
    const found = new Map<number, number>()
    this.#dropped.forEach((count, reason) => {
      if (count > 0) found.set(reason, count)
    })
    return found
  }

  explain(frame: Uint8Array, ingressPort: number): readonly Step[] {
    const slot = this.#scratchFrame(frame)
    const { layout } = this.#generated
    const { bytes, u32, i32, u64 } = this.#state
    const externs = bytes.slice(layout.externStart, layout.externEnd)
    const random = u64[CELL.random >> 3]!
    const events = u32[CELL.eventPosition >> 2]!
    u32[CELL.countOne >> 2] = 0
    u32[CELL.isDryRun >> 2] = 1
    this.#setTime()
    i32[BATCH_SLOTS >> 2] = slot
    i32[BATCH_PORTS >> 2] = ingressPort
    this.#clearTrace()
    this.#traced.process(0, 1)
    const steps: Step[] = [this.#ingressStep(ingressPort, frame, 0, frame.length), ...this.#readTrace()]
    const verdict = i32[BATCH_VERDICTS >> 2]!
    this.#arena.free(slot)
    if (verdict >>> 24 < VERDICT.broadcast) {
      steps.push(this.#endStep(verdict))
    } else {
      const targets = this.#targets(ingressPort, verdict)
      for (const port of targets) {
        const copy = this.#scratchFrame(frame)
        this.#clearTrace()
        const end = this.#traced.copy(copy, port)
        steps.push(...this.#readTrace(), this.#endStep(end))
        this.#arena.free(copy)
      }
      if (targets.length === 0) steps.push(this.#droppedStep(RESERVED_DROP.emptyGroup))
    }
    u32[CELL.countOne >> 2] = 1
    u32[CELL.isDryRun >> 2] = 0
    u32[CELL.eventPosition >> 2] = events
    u64[CELL.random >> 3] = random
    bytes.set(externs, layout.externStart)
    return steps
  }

  #scratchFrame(frame: Uint8Array): number {
    const slot = this.#arena.from(frame)
    if (slot < 0) throw new Error('explain: no free frame, or the frame is too long for a slot')
    return slot
  }

  #clearTrace(): void {
    this.#state.u32[CELL.tracePosition >> 2] = this.#generated.layout.trace
  }

  #processTraced(batch: Batch, slot: number, port: number): void {
    const { i32 } = this.#state
    const packet = this.#arena.packet(slot)
    this.#clearTrace()
    const { bytes } = this.#arena
    const ingress = this.#ingressStep(port, bytes, this.#arena.start(slot), this.#arena.end(slot))
    this.#traced.process(0, 1)
    this.#tell(packet, ingress)
    for (const step of this.#readTrace()) this.#tell(packet, step)
    const verdict = i32[BATCH_VERDICTS >> 2]!
    if (verdict >>> 24 < VERDICT.broadcast) this.#tell(packet, this.#endStep(verdict))
    else if (this.#targets(port, verdict).length === 0) {
      this.#tell(packet, this.#droppedStep(RESERVED_DROP.emptyGroup))
    }
    this.#deliver(batch, slot, port, verdict)
  }

  #tell(packet: number, step: Step): void {
    this.#options.tracer!.emit(this.#options.node ?? this.#program.name, packet, step)
  }

  /** Carries out the verdict on one frame. */
  #deliver(batch: Batch, slot: number, ingressPort: number, verdict: number): void {
    const kind = verdict >>> 24
    if (kind < VERDICT.broadcast) return this.#finish(batch, slot, verdict)
    const isBroadcast = kind === VERDICT.broadcast
    const ports = isBroadcast ? this.#ports : this.#groups.get(verdict & 0xffff)
    let last = -1
    if (ports !== undefined) {
      for (let k = 0; k < ports.length; k++) {
        const port = ports[k]!
        if ((isBroadcast && port === ingressPort) || (this.#isPort !== undefined && this.#isPort[port] === 0)) continue
        if (last >= 0) {
          const copy = this.#arena.clone(slot)
          if (copy < 0) this.#dropped[RESERVED_DROP.noFrame]!++
          else this.#sendCopy(batch, copy, last)
        }
        last = port
      }
    }
    if (last < 0) this.#drop(slot, RESERVED_DROP.emptyGroup)
    else this.#sendCopy(batch, slot, last)
  }

  /** Egress and deparser for one copy. */
  #sendCopy(batch: Batch, slot: number, port: number): void {
    if (this.#options.tracer?.isOn !== true) return this.#finish(batch, slot, this.#fast.copy(slot, port))
    const packet = this.#arena.packet(slot)
    this.#clearTrace()
    const verdict = this.#traced.copy(slot, port)
    for (const step of this.#readTrace()) this.#tell(packet, step)
    this.#tell(packet, this.#endStep(verdict))
    this.#finish(batch, slot, verdict)
  }

  /** Sends or drops. */
  #finish(batch: Batch, slot: number, verdict: number): void {
    const value = verdict & 0xffff
    if (verdict >>> 24 === VERDICT.drop) return this.#drop(slot, value)
    if (this.#isPort !== undefined && this.#isPort[value] === 0) return this.#drop(slot, RESERVED_DROP.unknownPort)
    if (batch.outCount === batch.outSlots.length) return this.#drop(slot, RESERVED_DROP.noFrame)
    batch.outSlots[batch.outCount] = slot
    batch.outPorts[batch.outCount] = value
    batch.outCount++
  }

  #drop(slot: number, reason: number): void {
    this.#dropped[reason & 0xff]!++
    this.#arena.free(slot)
  }

  /** The ports that get a copy. */
  #targets(ingressPort: number, verdict: number): number[] {
    const isBroadcast = verdict >>> 24 === VERDICT.broadcast
    const ports = [...((isBroadcast ? this.#ports : this.#groups.get(verdict & 0xffff)) ?? [])]
    return ports.filter(
      (port) => !(isBroadcast && port === ingressPort) && (this.#isPort === undefined || this.#isPort[port] === 1),
    )
  }

  /** What a verdict other than replication comes to. */
  #endStep(verdict: number): Step {
    const value = verdict & 0xffff
    if (verdict >>> 24 === VERDICT.drop) return this.#droppedStep(value & 0xff)
    const isKnown = this.#isPort === undefined || this.#isPort[value] === 1
    return isKnown ? this.#egressStep(value) : this.#droppedStep(RESERVED_DROP.unknownPort)
  }

  #readTrace(): Step[] {
    return readTrace(this.#generated, this.#state, this.#controls, this.#state.u32[CELL.tracePosition >> 2]!)
  }

  #ingressStep(port: number, bytes: Uint8Array, start: number, end: number): Step {
    return { kind: 'ingress', port: this.#portName(port), summary: summarize(bytes, start, end) }
  }

  #egressStep(port: number): Step {
    return { kind: 'egress', port: this.#portName(port) }
  }

  #droppedStep(reason: number): Step {
    return { kind: 'dropped', reason: this.#options.dropReason?.(reason) ?? dropReasonOf(this.#program, reason) }
  }

  #portName(port: number): string {
    return this.#options.portName?.(port) ?? String(port)
  }

  #setTime(): void {
    const us = Math.floor(this.#options.nowMs() * 1000)
    const { u32 } = this.#state
    u32[CELL.nowUs >> 2] = us % 2 ** 32
    u32[(CELL.nowUs >> 2) + 1] = Math.floor(us / 2 ** 32)
  }

  #registerCell(name: string, index: number): { readonly address: number; readonly width: number } | undefined {
    const id = byName(this.#program.externs, name)
    const extern = this.#program.externs[id]
    const layout = this.#generated.layout.externs[id]
    if (extern?.kind !== 'register' || layout === undefined || !(index >= 0 && index < layout.size)) return undefined
    return { address: layout.address + index * layout.cellBytes, width: extern.width }
  }

  #control(table: string): TableControl | undefined {
    return this.#controls[byName(this.tables, table)]
  }

  #withTable(table: string, run: (control: TableControl) => TableResult): TableResult {
    const control = this.#control(table)
    return control === undefined ? { ok: false, error: { kind: 'noSuchTable', table } } : run(control)
  }
}
