/**
 * A switch that runs any P4 program: frames from its ports in batches through the pipeline and out again. Without a control plane of
 * its own: the document, or whoever reaches the laboratory's control socket, writes its tables.
 *
 * Invariant: no allocation per frame on the way from port to port.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock } from '@lodestone/host'
import type { Port } from '@lodestone/link'
import { type Batch, createBatch, createPipeline, type Pipeline, type TableResult } from '@lodestone/npu'
import type { Program } from '@lodestone/p4'
import type { Tracer } from '@lodestone/probe'
import type { NodeDocument, NodeOf } from '../document/document.ts'
import type { LiveNode, NodeState } from './live-node.ts'
import { entryOf, numberOf, tableNamed } from './table-entry.ts'

const BATCH = 256
const COPIES = 16

export interface P4SwitchOptions {
  readonly name: string
  readonly arena: Arena
  readonly clock: Clock
  readonly tracer: Tracer
  readonly program: Program
  readonly document: NodeOf<'switch'>
  /** By port number. */
  readonly ports: ReadonlyMap<string, Port>
  readonly seed: number
}

export class P4Switch implements LiveNode {
  readonly pipeline: Pipeline
  readonly #arena: Arena
  readonly #clock: Clock
  readonly #options: P4SwitchOptions
  readonly #batch: Batch = createBatch(BATCH, COPIES)
  readonly #ports = new Map<number, Port>()
  readonly #out: (Port | undefined)[] = []
  readonly #outSlots: (Int32Array | undefined)[] = []
  readonly #outCounts: number[] = []
  readonly #touched = new Int32Array(BATCH * COPIES)
  readonly #waiting: { slot: number; port: number }[] = []
  #document: NodeOf<'switch'>
  #isOn = false
  #isPaused = false
  #isBusy = false
  #isArmed = false
  /** Frames that arrived while it was off or paused, or left for a port without a cable. */
  dropped = 0
  forwarded = 0

  constructor(options: P4SwitchOptions) {
    const { name, arena, clock, tracer, program, ports } = options
    this.#options = options
    this.#arena = arena
    this.#clock = clock
    this.#document = options.document
    this.pipeline = createPipeline(program, {
      arena,
      nowMs: () => clock.nowMs(),
      tracer,
      node: name,
      seed: options.seed,
      portName: (port) => String(port),
    })
    for (const [key, port] of ports) this.#addPort(Number(key), port)
    this.pipeline.setPorts([...this.#ports.keys()])
    this.#write(options.document, undefined, [])
  }

  get state(): NodeState {
    const state = this.#isPaused ? 'paused' : this.#isOn ? 'running' : 'off'
    return { state, detail: `${this.#document.program}, ${this.#ports.size} ports, ${this.forwarded} frames sent` }
  }

  async start(): Promise<void> {
    this.#isOn = true
  }

  /**
   * Entries, defaults and groups of another document. What other hands wrote stays. Throws with a sentence, and then everything is
   * as it was.
   */
  update(document: NodeDocument): void {
    if (document.kind !== 'switch') throw new Error('a switch stays a switch')
    const before = this.#document
    const undo: (() => void)[] = []
    try {
      this.#write(document, before, undo)
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    }
    this.#document = document
  }

  /** The ports that the wiring has for it now. */
  setPorts(ports: ReadonlyMap<string, Port>): void {
    for (const [key, port] of ports) if (this.#ports.get(Number(key)) !== port) this.#addPort(Number(key), port)
    for (const number of this.#ports.keys()) {
      if (ports.has(String(number))) continue
      this.#ports.delete(number)
      this.#out[number] = undefined
      this.#outSlots[number] = undefined
    }
    this.pipeline.setPorts([...this.#ports.keys()])
  }

  async setPower(isOn: boolean): Promise<void> {
    this.#isOn = isOn
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused
  }

  tables(): ReturnType<NonNullable<LiveNode['tables']>> {
    return this.pipeline.tables.map(({ name, keys }) => ({
      name,
      columns: [...keys.map((key) => key.name), 'action', 'packets'],
      rows: (this.pipeline.entries(name) ?? []).map((entry) => [
        ...entry.keys.map((key) => keyText(key)),
        `${entry.action}(${entry.parameters.map((value) => `0x${value.toString(16)}`).join(', ')})`,
        String(entry.hits.packets),
      ]),
    }))
  }

  async close(): Promise<void> {
    this.#isOn = false
    for (const { slot } of this.#waiting.splice(0)) this.#arena.free(slot)
  }

  #addPort(number: number, port: Port): void {
    this.#ports.set(number, port)
    this.#out[number] = port
    this.#outSlots[number] = new Int32Array(BATCH)
    this.#outCounts[number] = 0
    port.attach({ receive: (slots, count) => this.#receive(number, slots, count) })
  }

  /** @param undo gets what takes each step back. */
  #write(next: NodeOf<'switch'>, before: NodeOf<'switch'> | undefined, undo: (() => void)[]): void {
    const { pipeline } = this
    const kept = new Set(next.entries.map((entry) => JSON.stringify(entry)))
    const had = new Set((before?.entries ?? []).map((entry) => JSON.stringify(entry)))
    for (const entry of before?.entries ?? []) {
      if (kept.has(JSON.stringify(entry))) continue
      const { table, entry: value } = entryOf(entry, pipeline.tables)
      // Somebody else may have taken it out.
      if (pipeline.deleteEntry(table, value).ok) undo.push(() => pipeline.addEntry(table, value))
    }
    for (const entry of next.entries) {
      if (had.has(JSON.stringify(entry))) continue
      const { table, entry: value } = entryOf(entry, pipeline.tables)
      this.#must(pipeline.addEntry(table, value), table)
      undo.push(() => pipeline.deleteEntry(table, value))
    }
    for (const table of new Set([...Object.keys(before?.defaults ?? {}), ...Object.keys(next.defaults)])) {
      this.#setDefault(table, next.defaults[table])
      undo.push(() => this.#setDefault(table, before?.defaults[table]))
    }
    const groups = (of: NodeOf<'switch'> | undefined): void => {
      for (const group of Object.keys({ ...before?.multicast, ...next.multicast }))
        pipeline.setMulticastGroup(Number(group), of?.multicast[group] ?? [])
    }
    groups(next)
    undo.push(() => groups(before))
  }

  /** @param wanted undefined: that of the program. */
  #setDefault(name: string, wanted: NodeOf<'switch'>['defaults'][string] | undefined): void {
    const table = tableNamed(name, this.pipeline.tables).name
    const result =
      wanted === undefined
        ? this.pipeline.resetDefault(table)
        : this.pipeline.setDefault(
            table,
            wanted.action,
            wanted.args.map((text) => numberOf(String(text))),
          )
    this.#must(result, table)
  }

  #must(result: TableResult, table: string): void {
    if (result.ok) return
    const text = JSON.stringify(result.error, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    throw new Error(`${this.#options.name}, table ${table}: ${text}`)
  }

  #receive(port: number, slots: Int32Array, count: number): void {
    if (!this.#isOn || this.#isPaused) {
      this.dropped += count
      for (let i = 0; i < count; i++) this.#arena.free(slots[i]!)
      return
    }
    // A pipeline is not entered twice: what comes back within the same call waits for the next turn.
    if (this.#isBusy) {
      for (let i = 0; i < count; i++) this.#waiting.push({ slot: slots[i]!, port })
      this.#arm()
      return
    }
    const batch = this.#batch
    for (let done = 0; done < count;) {
      let filled = 0
      for (; done < count && filled < BATCH; filled++, done++) {
        batch.slots[filled] = slots[done]!
        batch.ports[filled] = port
      }
      batch.count = filled
      this.#run()
    }
  }

  #arm(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#clock.after(0, this.#drain)
  }

  readonly #drain = (): void => {
    this.#isArmed = false
    const waiting = this.#waiting.splice(0, BATCH)
    waiting.forEach(({ slot, port }, i) => {
      this.#batch.slots[i] = slot
      this.#batch.ports[i] = port
    })
    this.#batch.count = waiting.length
    this.#run()
    if (this.#waiting.length > 0) this.#arm()
  }

  #run(): void {
    const batch = this.#batch
    this.#isBusy = true
    this.pipeline.process(batch)
    let touched = 0
    for (let i = 0; i < batch.outCount; i++) {
      const port = batch.outPorts[i]!
      const slots = this.#outSlots[port]
      if (slots === undefined) {
        this.dropped++
        this.#arena.free(batch.outSlots[i]!)
        continue
      }
      const count = this.#outCounts[port]!
      if (count === 0) this.#touched[touched++] = port
      slots[count] = batch.outSlots[i]!
      this.#outCounts[port] = count + 1
      if (count + 1 === BATCH) this.#flush(port)
    }
    for (let i = 0; i < touched; i++) this.#flush(this.#touched[i]!)
    this.#isBusy = false
  }

  #flush(port: number): void {
    const count = this.#outCounts[port]!
    if (count === 0) return
    this.#outCounts[port] = 0
    this.forwarded += count
    // because only ports that are there have frames
    this.#out[port]!.send(this.#outSlots[port]!, count)
  }
}

function keyText(key: {
  readonly kind: string
  readonly value?: bigint
  readonly length?: number
  readonly mask?: bigint
  readonly low?: bigint
  readonly high?: bigint
}): string {
  const hex = (value: bigint | undefined): string => `0x${(value ?? 0n).toString(16)}`
  switch (key.kind) {
    case 'lpm':
      return `${hex(key.value)}/${key.length}`
    case 'ternary':
      return `${hex(key.value)}&&&${hex(key.mask)}`
    case 'range':
      return `${hex(key.low)}..${hex(key.high)}`
    case 'any':
      return '_'
    default:
      return hex(key.value)
  }
}
