/**
 * The data plane of one switch: a pipeline between its ports. Each batch that a port delivers runs through the pipeline
 * once, and what comes out is sent in one batch per port. The CPU port ends in the mux (`cpu-mux.ts`).
 *
 * What the CPU sends never runs inside its own call: it waits for the next turn of the clock, so a stack that answers
 * while it receives cannot recurse into the pipeline.
 * Invariant: no allocation per frame on the way from port to port.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock } from '@lodestone/host'
import type { FrameSink, Port } from '@lodestone/link'
import { type Batch, createBatch } from '@lodestone/npu'
import type { SwitchPipeline } from './switch-pipeline.ts'
import type { Tracer } from '@lodestone/probe'
import { CpuMux } from './cpu-mux.ts'
import { dropReason, NODE_DROP, NODE_DROP_LIMIT } from './drop-reason.ts'
import { CPU_PORT, PORT_COUNT, portNumber } from './port-number.ts'

/** Frames per run of the pipeline. */
const BATCH = 256
/** Room for frames that a run makes of each one: the program does not replicate, but another might. */
const COPIES = 4
/** Frames that may wait for the pipeline; a power of two. */
const QUEUE = 1024
const NOTHING = new Int32Array(0)

export interface SwitchNodeOptions {
  /** As stories show it: `switch0`. */
  readonly name: string
  readonly arena: Arena
  readonly clock: Clock
  readonly tracer: Tracer
  readonly pipeline: SwitchPipeline
  /** By port name: `rear0` … `rear31`, `qsfp0` … `qsfp31`. */
  readonly ports: ReadonlyMap<string, Port>
}

export interface PortCounters {
  readonly port: number
  readonly rxPackets: number
  readonly rxBytes: number
  readonly txPackets: number
  readonly txBytes: number
  readonly rxDrops: number
  readonly txDrops: number
}

/** Called with each frame that crosses the CPU port, sidecar header and all. The slot may be read during the call only. */
export type CpuTap = (slot: number, atMs: number) => void

export class SwitchNode {
  readonly name: string
  readonly arena: Arena
  readonly clock: Clock
  readonly pipeline: SwitchPipeline
  readonly tracer: Tracer
  readonly cpu: CpuMux
  readonly #ports: (Port | undefined)[]
  readonly #isEnabled = new Uint8Array(PORT_COUNT).fill(1)
  readonly #listeners = new Set<(port: number, isUp: boolean) => void>()
  readonly #unsubscribe: (() => void)[] = []
  readonly #batch: Batch = createBatch(BATCH, COPIES)
  readonly #queueSlots = new Int32Array(QUEUE)
  readonly #queuePorts = new Int32Array(QUEUE)
  #queueHead = 0
  #queueCount = 0
  #isArmed = false
  #isBusy = false
  /** Frames on their way out, per port. */
  readonly #outSlots: readonly Int32Array[]
  readonly #outCounts = new Int32Array(PORT_COUNT)
  readonly #touched = new Int32Array(PORT_COUNT + COPIES)
  readonly #rxPackets = new Float64Array(PORT_COUNT)
  readonly #rxBytes = new Float64Array(PORT_COUNT)
  readonly #txPackets = new Float64Array(PORT_COUNT)
  readonly #txBytes = new Float64Array(PORT_COUNT)
  readonly #rxDrops = new Float64Array(PORT_COUNT)
  readonly #txDrops = new Float64Array(PORT_COUNT)
  readonly #drops = new Float64Array(NODE_DROP_LIMIT)
  readonly #cpuTaps: CpuTap[] = []

  constructor(options: SwitchNodeOptions) {
    this.name = options.name
    this.arena = options.arena
    this.clock = options.clock
    this.pipeline = options.pipeline
    this.tracer = options.tracer
    this.#ports = Array.from({ length: PORT_COUNT }, () => undefined)
    const states = new Map<number, boolean>()
    for (const [name, port] of options.ports) {
      const number = portNumber(name)
      if (number === undefined || number === CPU_PORT) throw new Error(`${options.name}: no port is called ${name}`)
      this.#ports[number] = port
      states.set(number, port.isUp)
    }
    this.#outSlots = this.#ports.map((port, number) =>
      port === undefined && number !== CPU_PORT ? NOTHING : new Int32Array(BATCH),
    )
    this.cpu = new CpuMux({
      name: options.name,
      arena: options.arena,
      tracer: options.tracer,
      ports: states,
      inject: (slot) => this.inject(slot),
      drop: (slot, reason) => this.drop(slot, reason),
    })
    for (const number of states.keys()) this.#attach(number)
  }

  /** Numbers of the ports that this switch has, without the CPU's, ascending. */
  get ports(): readonly number[] {
    return this.#ports.flatMap((port, number) => (port === undefined ? [] : [number]))
  }

  /** Whether a port exists, is enabled, and has carrier. */
  isUp(port: number): boolean {
    return this.#ports[port]?.isUp === true && this.#isEnabled[port] === 1
  }

  isEnabled(port: number): boolean {
    return this.#isEnabled[port] === 1
  }

  /** A disabled port drops what comes in and what would go out. */
  setEnabled(port: number, isEnabled: boolean): void {
    if (this.isEnabled(port) === isEnabled) return
    this.#isEnabled[port] = isEnabled ? 1 : 0
    this.#announce(port)
  }

  /** Called with a port number and its new state after each change. @returns unsubscribe. */
  onPortState(fn: (port: number, isUp: boolean) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  /** Queues a frame with its sidecar header to enter the pipeline by the CPU port. The slot becomes the node's. */
  inject(slot: number): void {
    if (this.#cpuTaps.length > 0) this.#tellCpuTaps(slot)
    this.#enqueue(slot, CPU_PORT)
  }

  /** Watches the CPU port in both directions, for captures. @returns unsubscribe. */
  tapCpu(fn: CpuTap): () => void {
    this.#cpuTaps.push(fn)
    return () => {
      const at = this.#cpuTaps.indexOf(fn)
      if (at >= 0) this.#cpuTaps.splice(at, 1)
    }
  }

  /** Counts a frame under a node reason, tells its story if anyone listens, and frees it. */
  drop(slot: number, reason: number, detail?: string): void {
    this.#drops[reason] = this.#drops[reason]! + 1
    if (this.tracer.isOn) {
      this.tracer.emit(this.name, this.arena.packet(slot), {
        kind: 'dropped',
        reason: dropReason(reason),
        ...(detail === undefined ? {} : { detail }),
      })
    }
    this.arena.free(slot)
  }

  /** Dropped frames by reason number: the pipeline's and the node's, only reasons that occurred. */
  drops(): ReadonlyMap<number, number> {
    const all = new Map<number, number>(this.pipeline.drops())
    this.#drops.forEach((count, reason) => {
      if (count > 0) all.set(reason, count + (all.get(reason) ?? 0))
    })
    return all
  }

  /** Of the CPU port and every port that exists. */
  portCounters(): readonly PortCounters[] {
    return [CPU_PORT, ...this.ports].map((port) => ({
      port,
      rxPackets: this.#rxPackets[port]!,
      rxBytes: this.#rxBytes[port]!,
      txPackets: this.#txPackets[port]!,
      txBytes: this.#txBytes[port]!,
      rxDrops: this.#rxDrops[port]!,
      txDrops: this.#txDrops[port]!,
    }))
  }

  /** Stops following the ports. Frames that still arrive are dropped. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
    this.#isEnabled.fill(0)
    for (; this.#queueCount > 0; this.#queueCount--) {
      this.arena.free(this.#queueSlots[this.#queueHead]!)
      this.#queueHead = (this.#queueHead + 1) & (QUEUE - 1)
    }
  }

  #attach(number: number): void {
    const port = this.#ports[number]!
    const sink: FrameSink = { receive: (slots, count) => this.#receive(number, slots, count) }
    port.attach(sink)
    this.#unsubscribe.push(port.onState(() => this.#announce(number)))
  }

  #announce(port: number): void {
    const isUp = this.isUp(port)
    this.cpu.tfport(port)?.setUp(isUp)
    for (const listener of this.#listeners) listener(port, isUp)
  }

  #receive(port: number, slots: Int32Array, count: number): void {
    if (this.#isEnabled[port] === 0) {
      this.#rxDrops[port] = this.#rxDrops[port]! + count
      for (let i = 0; i < count; i++) this.drop(slots[i]!, NODE_DROP.portDisabled)
      return
    }
    if (this.#isBusy) {
      for (let i = 0; i < count; i++) this.#enqueue(slots[i]!, port)
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

  #enqueue(slot: number, port: number): void {
    if (this.#queueCount === QUEUE) return this.drop(slot, NODE_DROP.cpuQueueFull)
    const at = (this.#queueHead + this.#queueCount++) & (QUEUE - 1)
    this.#queueSlots[at] = slot
    this.#queuePorts[at] = port
    if (this.#isArmed) return
    this.#isArmed = true
    this.clock.after(0, this.#drain)
  }

  readonly #drain = (): void => {
    this.#isArmed = false
    const batch = this.#batch
    // What these frames cause to be queued waits for the next turn.
    let rest = this.#queueCount
    while (rest > 0) {
      let filled = 0
      for (; rest > 0 && filled < BATCH; filled++, rest--) {
        batch.slots[filled] = this.#queueSlots[this.#queueHead]!
        batch.ports[filled] = this.#queuePorts[this.#queueHead]!
        this.#queueHead = (this.#queueHead + 1) & (QUEUE - 1)
        this.#queueCount--
      }
      batch.count = filled
      this.#run()
    }
  }

  #run(): void {
    const batch = this.#batch
    this.#isBusy = true
    for (let i = 0; i < batch.count; i++) {
      const port = batch.ports[i]!
      this.#rxPackets[port] = this.#rxPackets[port]! + 1
      this.#rxBytes[port] = this.#rxBytes[port]! + this.arena.length(batch.slots[i]!)
    }
    this.pipeline.process(batch)
    this.#dispatch(batch)
    this.#isBusy = false
  }

  #dispatch(batch: Batch): void {
    let touched = 0
    for (let i = 0; i < batch.outCount; i++) {
      const port = batch.outPorts[i]!
      const slot = batch.outSlots[i]!
      if (!this.#mayLeave(port, slot)) continue
      const count = this.#outCounts[port]!
      if (count === 0) this.#touched[touched++] = port
      this.#outSlots[port]![count] = slot
      this.#outCounts[port] = count + 1
      this.#txPackets[port] = this.#txPackets[port]! + 1
      this.#txBytes[port] = this.#txBytes[port]! + this.arena.length(slot)
      // The port stays in the list of those to flush, where an empty buffer does no harm.
      if (count + 1 === BATCH) this.#flush(port)
    }
    for (let i = 0; i < touched; i++) this.#flush(this.#touched[i]!)
  }

  #mayLeave(port: number, slot: number): boolean {
    if (port === CPU_PORT) return true
    const out = port < PORT_COUNT ? this.#ports[port] : undefined
    if (out === undefined) {
      this.drop(slot, NODE_DROP.portUnknown)
      return false
    }
    const isEnabled = this.#isEnabled[port] === 1
    if (isEnabled && out.isUp) return true
    this.#txDrops[port] = this.#txDrops[port]! + 1
    this.drop(slot, isEnabled ? NODE_DROP.portDown : NODE_DROP.portDisabled)
    return false
  }

  #flush(port: number): void {
    const count = this.#outCounts[port]!
    if (count === 0) return
    this.#outCounts[port] = 0
    if (port === CPU_PORT) {
      if (this.#cpuTaps.length > 0) for (let i = 0; i < count; i++) this.#tellCpuTaps(this.#outSlots[port]![i]!)
      this.cpu.deliver(this.#outSlots[port]!, count)
    } else this.#ports[port]!.send(this.#outSlots[port]!, count)
  }

  #tellCpuTaps(slot: number): void {
    const nowMs = this.clock.nowMs()
    for (let i = 0; i < this.#cpuTaps.length; i++) this.#cpuTaps[i]!(slot, nowMs)
  }
}
