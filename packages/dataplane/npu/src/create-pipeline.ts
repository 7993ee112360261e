/**
 * A P4 program at work over an arena. The fast variant runs when nobody watches; while the tracer is on, or for an
 * explanation, the traced variant runs over the same memory.
 *
 * What `process` does after the program's verdict (replication, unknown ports, freeing and counting drops) is the part of
 * a switch that P4 leaves to the target: a frame to be replicated is cloned after ingress, and egress and deparser run
 * for every copy. What v1model and psa want beyond that is in `target/`.
 */
import type { Arena } from '@lodestone/frame'
import {
  BATCH_CAPACITY,
  BATCH_PORTS,
  BATCH_SLOTS,
  BATCH_VERDICTS,
  CELL,
  EVENT_BYTES,
  PASS,
  type Program,
  RESERVED_DROP,
  TRACE_BYTES,
  VERDICT,
} from '@lodestone/p4'
import { summarize } from '@lodestone/packet'
import type { DropReason, Step, Tracer } from '@lodestone/probe'
import { dropReasonOf } from './drop-reason.ts'
import { DropWatch } from './forensics/drop-watch.ts'
import type { Forensics } from './forensics/drop-report.ts'
import { UndoLog } from './forensics/undo-log.ts'
import { explainPacket } from './explain/explain-packet.ts'
import type { Explanation, RunCause } from './explain/explanation.ts'
import { type ObserverScope, PacketObserver } from './explain/observer.ts'
import { RECORDED_RUN, Recorder } from './explain/recorder.ts'
import type { Recording } from './explain/recording.ts'
import type { Batch, Pipeline } from './pipeline.ts'
import { CompiledModules } from './compiled-modules.ts'
import { createTarget } from './target/target.ts'
import type { TrafficManager } from './target/traffic-manager.ts'
import { type ExternTable } from './target/user-extern.ts'
import { ProgramControl } from './program-control.ts'
import { storyOf } from './trace-story.ts'

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
  /** Extern functions and objects of the user, by name. */
  readonly externs?: ExternTable
}

/** Compiles the module and loads the program's constant entries. Synchronous. */
export function createPipeline(program: Program, options: PipelineOptions): Pipeline {
  return new WasmPipeline(CompiledModules.of(program), options)
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

/** Registers and counters up to so many bytes are copied before a frame is tried out; larger ones rely on the undo log. */
const EXTERN_COPY_MAX = 1 << 16
/** Copies that a frame may have while it is only tried out. */
const TRIAL_COPIES = 1024

/** Exports of a generated module. */
interface Variant {
  readonly process: (first: number, count: number) => number
  readonly copy: (frameSlot: number, egressPort: number) => number
}

class WasmPipeline extends ProgramControl implements Pipeline {
  readonly #options: PipelineOptions
  readonly #arena: Arena
  readonly #fast: Variant
  /** Made when something is traced for the first time. */
  #tracedVariant: Variant | undefined
  readonly #dropped = new Float64Array(256)
  readonly #groups = new Map<number, Int32Array>()
  readonly traffic: TrafficManager | undefined
  /** Where the traffic manager's frames go. */
  #out: Batch | undefined
  #ports: Int32Array | undefined
  readonly #portName: (port: number) => string
  readonly #observerScope: ObserverScope
  /** While a packet is watched on its way. */
  #observer: PacketObserver | undefined
  /** For frames that are only tried out. */
  #trial: Batch | undefined
  /** 1 where the port exists; undefined while all do. */
  #isPort: Uint8Array | undefined
  readonly #undo: UndoLog
  readonly #recorder: Recorder
  readonly #dropWatch: DropWatch

  constructor(modules: CompiledModules, options: PipelineOptions) {
    super(modules, options)
    const { generated, program } = this
    const { layout } = generated
    this.#options = options
    this.#arena = options.arena
    // Exports of a module that this project generated: names and signatures are known.
    this.#fast = this.fast as unknown as Variant
    this.traffic = createTarget(generated, this.state, options.arena, {
      packet: (slot, port, cause, origin) => this.#runPacket(slot, port, cause, origin),
      copy: (slot, port, cause, origin) => this.#runCopy(slot, port, cause, origin),
      run: () => this.#observer?.current ?? this.#recorder.run,
      finish: (slot, verdict) => this.#finish(this.#out!, slot, verdict, true),
      drop: (slot, reason, isCopy) => this.#drop(slot, reason, true, isCopy),
      lose: (slot, reason) => this.#loseCopy(slot, reason),
    })
    this.#undo = new UndoLog(generated, this.state)
    this.#dropWatch = new DropWatch({
      program,
      arena: options.arena,
      state: this.state,
      undo: this.#undo,
      hasUserExterns: options.externs !== undefined,
      fast: this.#fast,
      makeLogged: () => this.instantiate('logged') as unknown as Variant, // as above
      nowMs: options.nowMs,
      dropReason: (reason) => this.#dropReason(reason),
      tryOut: (slot, port) => this.#tryOut(slot, port),
      explain: (observer, frame, port, notes, entriesMax) =>
        explainPacket(observer, { frame, port, notes, entriesMax, tables: this.controls, portName: this.#portName }),
    })
    const { u32, u64 } = this.state
    u32[CELL.countOne >> 2] = 1
    u32[CELL.arenaDataOffset >> 2] = options.arena.dataOffset
    u32[CELL.arenaSlotBytes >> 2] = options.arena.slotBytes
    u32[CELL.eventPosition >> 2] = layout.events
    u32[CELL.eventEnd >> 2] = layout.events + EVENT_BYTES
    u32[CELL.traceEnd >> 2] = layout.trace + TRACE_BYTES
    // Spread small seeds over the word; 0 would stay 0 for ever.
    u64[CELL.random >> 3] = (BigInt(options.seed ?? 1) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn || 1n
    if (options.ports !== undefined) this.setPorts(options.ports)
    this.#portName = options.portName ?? String
    this.#observerScope = {
      generated,
      state: this.state,
      arena: options.arena,
      readEntry: (table, address, sequence, record) => {
        const { store } = this.controls[table]!
        const bound = store.bound(address, sequence)
        return bound === undefined || record === address ? bound : store.member(record)
      },
      portName: this.#portName,
      dropReason: (reason) => this.#dropReason(reason),
    }
    this.#recorder = new Recorder({
      ...this.#observerScope,
      isPort: (port) => this.#isPort === undefined || this.#isPort[port] === 1,
      stateBytes: () => this.traffic?.saved.bytes ?? 0,
      explain: (packet, frame, port, notes) =>
        explainPacket(packet, { frame, port, notes, tables: this.controls, portName: this.#portName }),
    })
  }

  get #traced(): Variant {
    return (this.#tracedVariant ??= this.instantiate('traced') as unknown as Variant)
  }

  process(batch: Batch): void {
    batch.outCount = 0
    this.setTime()
    this.#release(batch)
    const isTraced = this.#options.tracer?.isOn === true
    for (let done = 0; done < batch.count;) {
      const count = isTraced ? 1 : Math.min(BATCH_CAPACITY, batch.count - done)
      const { i32 } = this.state
      const { slots, ports } = batch
      for (let i = 0; i < count; i++) {
        i32[(BATCH_SLOTS >> 2) + i] = slots[done + i]!
        i32[(BATCH_PORTS >> 2) + i] = ports[done + i]!
      }
      if (isTraced) this.#processTraced(batch, batch.slots[done]!, batch.ports[done]!)
      else if (this.#recorder.isOn) this.#processRecorded(batch, done, count)
      else if (this.#dropWatch.forensics.isOn) {
        const from = done
        this.#dropWatch.process(batch.ports, from, count, {
          send: (first, end) => this.#sendRun(batch, from, first, end),
          deliver: (index, verdict) =>
            this.#deliver(batch, batch.slots[from + index]!, batch.ports[from + index]!, verdict),
        })
      } else {
        // A run ends early behind a frame to be replicated: its copies come before the next frame.
        for (let first = 0; first < count;) {
          const end = this.#fast.process(first, count)
          this.#deliverRun(batch, done, first, end)
          first = end
        }
      }
      done += count
    }
    this.#release(batch)
    batch.count = 0
  }

  poll(batch: Batch): void {
    batch.outCount = 0
    this.setTime()
    this.#release(batch)
  }

  setPorts(ports: readonly number[]): void {
    this.#ports = Int32Array.from(ports)
    this.#isPort = new Uint8Array(65536)
    for (const port of ports) this.#isPort[port] = 1
  }

  setMulticastGroup(group: number, ports: readonly number[]): void {
    this.traffic?.replication.setGroup(
      group,
      ports.map((port) => ({ port, instance: 0 })),
    )
    if (ports.length === 0) this.#groups.delete(group)
    else this.#groups.set(group, Int32Array.from(ports))
  }

  get recording(): Recording {
    return this.#recorder
  }

  get forensics(): Forensics {
    return this.#dropWatch.forensics
  }

  dropReason(reason: number): DropReason {
    return this.#dropReason(reason)
  }

  drops(): ReadonlyMap<number, number> {
    const found = new Map<number, number>()
    this.#dropped.forEach((count, reason) => {
      if (count > 0) found.set(reason, count)
    })
    return found
  }

  explain(frame: Uint8Array, ingressPort: number): Explanation {
    const observer = this.#tryNow(frame, ingressPort)
    return explainPacket(observer, { frame, port: ingressPort, tables: this.controls, portName: this.#portName })
  }

  story(frame: Uint8Array, ingressPort: number): readonly Step[] {
    const observer = this.#tryNow(frame, ingressPort)
    return [this.#ingressStep(ingressPort, frame, 0, frame.length), ...storyOf(observer, this.controls)]
  }

  /** Every packet through the traced variant, whose records stay where they are until somebody asks. */
  #processRecorded(batch: Batch, done: number, count: number): void {
    const { i32 } = this.state
    const recorder = this.#recorder
    for (let first = 0; first < count;) {
      recorder.enter()
      const end = this.#traced.process(first, Math.min(count, first + RECORDED_RUN))
      for (; first < end; first++) {
        const verdict = i32[(BATCH_VERDICTS >> 2) + first]!
        // The packet that ended the run of the module is the one whose records come last.
        recorder.run = verdict >>> 24 >= VERDICT.broadcast ? 0 : -1
        this.#deliver(batch, batch.slots[done + first]!, batch.ports[done + first]!, verdict)
      }
      recorder.run = -1
      recorder.leave()
    }
  }

  /** What follows replication, unobserved. `origin`: the run whose state it begins with. */
  #copy(slot: number, port: number, cause: RunCause, origin: number): number {
    if (!this.#recorder.isOpen) return this.#fast.copy(slot, port)
    this.#recorder.begin(cause, origin)
    const verdict = this.#traced.copy(slot, port)
    this.#recorder.close(verdict)
    return verdict
  }

  /** A frame from outside, as if it came now. */
  #tryNow(frame: Uint8Array, ingressPort: number): PacketObserver {
    const slot = this.#arena.from(frame)
    if (slot < 0) throw new Error('explain: no free frame, or the frame is too long for a slot')
    this.setTime()
    return this.#tryOut(slot, ingressPort)
  }

  /** Sends a frame through as `process` would, observed, and undoes what it did to anything but the frame. */
  #tryOut(slot: number, ingressPort: number): PacketObserver {
    const { layout } = this.generated
    const { bytes, u32 } = this.state
    const externBytes = layout.externEnd - layout.externStart
    const externs = externBytes > EXTERN_COPY_MAX ? undefined : bytes.slice(layout.externStart, layout.externEnd)
    const events = u32[CELL.eventPosition >> 2]!
    const dropped = this.#dropped.slice()
    u32[CELL.countOne >> 2] = 0
    u32[CELL.isDryRun >> 2] = 1
    this.#undo.clear()
    this.#trial ??= createBatch(1, TRIAL_COPIES)
    const batch = this.#trial
    batch.outCount = 0
    if (this.traffic !== undefined) this.traffic.isDry = true
    const observer = this.#observe(batch, slot, ingressPort)
    if (this.traffic !== undefined) this.traffic.isDry = false
    for (let k = 0; k < batch.outCount; k++) this.#arena.free(batch.outSlots[k]!)
    this.#dropped.set(dropped)
    u32[CELL.countOne >> 2] = 1
    u32[CELL.isDryRun >> 2] = 0
    u32[CELL.eventPosition >> 2] = events
    this.#undo.take()?.back()
    if (externs !== undefined) this.state.bytes.set(externs, layout.externStart)
    this.#undo.clear()
    return observer
  }

  /** One frame through the traced variant, with an observer that learns of every run. */
  #observe(batch: Batch, slot: number, port: number): PacketObserver {
    const { i32 } = this.state
    const observer = new PacketObserver(this.#observerScope)
    this.#observer = observer
    i32[BATCH_SLOTS >> 2] = slot
    i32[BATCH_PORTS >> 2] = port
    observer.before(slot, 'received', port)
    this.#traced.process(0, 1)
    const verdict = i32[BATCH_VERDICTS >> 2]!
    observer.after(verdict)
    this.#deliver(batch, slot, port, verdict)
    this.#observer = undefined
    return observer
  }

  #processTraced(batch: Batch, slot: number, port: number): void {
    const packet = this.#arena.packet(slot)
    this.#tell(packet, this.#ingressStep(port, this.#arena.bytes, this.#arena.start(slot), this.#arena.end(slot)))
    for (const step of storyOf(this.#observe(batch, slot, port), this.controls)) this.#tell(packet, step)
  }

  #tell(packet: number, step: Step): void {
    this.#options.tracer!.emit(this.#options.node ?? this.program.name, packet, step)
  }

  /** Carries out the verdicts on frames that nobody watches. */
  #deliverRun(batch: Batch, done: number, from: number, end: number): void {
    const { i32 } = this.state
    for (let k = this.#sendRun(batch, done, from, end); k < end; k = this.#sendRun(batch, done, k + 1, end)) {
      this.#deliver(batch, batch.slots[done + k]!, batch.ports[done + k]!, i32[(BATCH_VERDICTS >> 2) + k]!)
    }
  }

  /** Sends frames as long as that is all there is to do. @returns the index of the first that is left, or `end`. */
  #sendRun(batch: Batch, done: number, from: number, end: number): number {
    const { slots, outSlots, outPorts } = batch
    const { i32 } = this.state
    const isPort = this.#isPort
    const room = outSlots.length
    let out = batch.outCount
    let k = from
    for (; k < end; k++) {
      const verdict = i32[(BATCH_VERDICTS >> 2) + k]!
      if (verdict >>> 16 !== 0 || out >= room || (isPort !== undefined && isPort[verdict]! !== 1)) break
      outSlots[out] = slots[done + k]!
      outPorts[out] = verdict
      out++
    }
    batch.outCount = out
    return k
  }

  /** Carries out the verdict on one frame. */
  #deliver(batch: Batch, slot: number, ingressPort: number, verdict: number): void {
    const kind = verdict >>> 24
    // psa's egress drops what the ingress deparser wrote.
    if (kind < VERDICT.broadcast) return this.#finish(batch, slot, verdict, this.program.architecture === 'psa')
    if (kind === VERDICT.target) {
      this.#out = batch
      this.#observer?.continued('the traffic manager')
      return this.traffic!.settle(slot, ingressPort, verdict)
    }
    const isBroadcast = kind === VERDICT.broadcast
    this.#observer?.continued(isBroadcast ? 'a broadcast' : `copies for multicast group ${verdict & 0xffff}`)
    const ports = isBroadcast ? this.#ports : this.#groups.get(verdict & 0xffff)
    let last = -1
    if (ports !== undefined) {
      for (let k = 0; k < ports.length; k++) {
        const port = ports[k]!
        if ((isBroadcast && port === ingressPort) || (this.#isPort !== undefined && this.#isPort[port] === 0)) continue
        if (last >= 0) {
          const copy = this.#arena.clone(slot)
          if (copy < 0) this.#loseCopy(slot, RESERVED_DROP.noFrame, false)
          else this.#sendCopy(batch, copy, last, isBroadcast)
        }
        last = port
      }
    }
    if (last < 0) this.#drop(slot, RESERVED_DROP.emptyGroup, false)
    else this.#sendCopy(batch, slot, last, isBroadcast)
  }

  /** Frames that waited in queues. */
  #release(batch: Batch): void {
    if (this.traffic === undefined || this.traffic.queues.held === 0) return
    this.#out = batch
    this.traffic.release()
  }

  /** The packet function once more, for the traffic manager. */
  #runPacket(slot: number, port: number, cause: RunCause, origin: number): number {
    const { i32, u32 } = this.state
    // Index 0 of the batch is free: the packet that stopped is the last that was handled.
    i32[BATCH_SLOTS >> 2] = slot
    i32[BATCH_PORTS >> 2] = port
    // A part of the program that the manager runs for its own sake is no chapter of the packet's story.
    const isPart = u32[CELL.pass >> 2] === PASS.parse
    const observer = isPart ? undefined : this.#observer
    observer?.before(slot, cause, port, origin)
    const isRecorded = observer === undefined && !isPart && this.#recorder.isOpen
    if (isRecorded) this.#recorder.begin(cause, origin)
    ;(observer !== undefined || isRecorded ? this.#traced : this.#fast).process(0, 1)
    const verdict = i32[BATCH_VERDICTS >> 2]!
    observer?.after(verdict)
    return verdict
  }

  #runCopy(slot: number, port: number, cause: RunCause, origin: number): number {
    if (this.state.u32[CELL.pass >> 2] === PASS.deparse) return this.#fast.copy(slot, port)
    const observer = this.#observer
    if (observer === undefined) return this.#copy(slot, port, cause, origin)
    observer.before(slot, cause, port, origin)
    const verdict = this.#traced.copy(slot, port)
    observer.after(verdict)
    return verdict
  }

  /** Egress and deparser for one copy. */
  #sendCopy(batch: Batch, slot: number, port: number, isBroadcast: boolean): void {
    const observer = this.#observer
    const cause = isBroadcast ? 'broadcast' : 'multicast'
    if (observer === undefined) return this.#finish(batch, slot, this.#copy(slot, port, cause, 0))
    observer.before(slot, cause, port, 0)
    const verdict = this.#traced.copy(slot, port)
    observer.after(verdict)
    this.#finish(batch, slot, verdict)
  }

  /** A copy of the frame was not made. `isRewritten`: the frame may no longer be what arrived. */
  #loseCopy(slot: number, reason: number, isRewritten = true): void {
    this.#dropped[reason & 0xff]!++
    if (this.#observer !== undefined) this.#observer.lostCopy(reason)
    else if (this.#recorder.isOpen) this.#recorder.lose(reason & 0xff)
    else if (this.#dropWatch.forensics.isOn) this.#dropWatch.suspect(slot, reason & 0xff, isRewritten)
  }

  /** Sends or drops. */
  #finish(batch: Batch, slot: number, verdict: number, isRewritten = false): void {
    const value = verdict & 0xffff
    if (verdict >>> 24 === VERDICT.drop) return this.#drop(slot, value, isRewritten)
    if (this.#isPort !== undefined && this.#isPort[value] === 0) return this.#drop(slot, RESERVED_DROP.unknownPort)
    if (batch.outCount === batch.outSlots.length) return this.#drop(slot, RESERVED_DROP.noFrame)
    this.#observer?.sent(slot, value)
    if (this.#recorder.isOpen) this.#recorder.close(verdict)
    batch.outSlots[batch.outCount] = slot
    batch.outPorts[batch.outCount] = value
    batch.outCount++
  }

  /** `isRewritten`: the frame may no longer be what arrived. */
  #drop(slot: number, reason: number, isRewritten = true, isCopy = false): void {
    this.#dropped[reason & 0xff]!++
    if (this.#observer !== undefined && isCopy) this.#observer.lostCopy(reason & 0xff)
    else if (this.#observer !== undefined) this.#observer.dropped(reason & 0xff)
    else if (this.#recorder.isOpen && isCopy) this.#recorder.lose(reason & 0xff)
    else if (this.#recorder.isOpen) this.#recorder.close((VERDICT.drop << 24) | (reason & 0xff))
    else if (this.#dropWatch.forensics.isOn) this.#dropWatch.suspect(slot, reason & 0xff, isRewritten)
    this.#arena.free(slot)
  }

  #ingressStep(port: number, bytes: Uint8Array, start: number, end: number): Step {
    return { kind: 'ingress', port: this.#portName(port), summary: summarize(bytes, start, end) }
  }

  #dropReason(reason: number): DropReason {
    return this.#options.dropReason?.(reason) ?? dropReasonOf(this.program, reason)
  }
}
