/**
 * The memory that records of many packets go to, in segments that are written one after the other and then anew. Packets
 * cost no work of the host; finding out what the records say is put off until somebody asks.
 */
import {
  CELL,
  enterSlots,
  type Program,
  RESERVED_DROP,
  TRACE,
  TRACE_BYTES,
  TRACE_FRAME_BYTES,
  VERDICT,
} from '@lodestone/p4'
import { dropCategoryOf } from '../drop-reason.ts'
import type { Explanation, RunCause, RunOutcome } from './explanation.ts'
import type { ObservedRun, ObserverScope } from './observer.ts'
import type { RecordedPacket, Recording, RecordingOptions } from './recording.ts'
import { Recount, type Run } from './recount.ts'
import { TraceReader } from './trace-reader.ts'

/** Packets per run of the traced module: what must fit into what is left of a segment. */
export const RECORDED_RUN = 64
const SEGMENTS = 8
/** Left free for a run; packets that need more are cut short, and say so. */
const RUN_BYTES = RECORDED_RUN * 4096
const DEFAULT_BYTES = 8 << 20
/** Values of v1model's `instance_type`. */
const CAUSES: Readonly<Record<number, RunCause>> = {
  1: 'ingress clone',
  2: 'egress clone',
  4: 'recirculated',
  5: 'multicast',
  6: 'resubmitted',
}

export interface ObservedPacket {
  readonly recount: Recount
  readonly runs: readonly ObservedRun[]
}

/** What a recorder needs beside what observers need. */
export interface RecorderScope extends ObserverScope {
  readonly isPort: (port: number) => boolean
  readonly explain: (packet: ObservedPacket, frame: Uint8Array, port: number, notes: readonly string[]) => Explanation
}

interface Segment {
  readonly start: number
  /** End of what was written. */
  end: number
  /** Whether the last run did not fit. */
  isCut: boolean
}

export class Recorder implements Recording {
  isOn = false
  /** While more may be said about the packet whose records come last. */
  isOpen = false
  readonly #scope: RecorderScope
  #segments: Segment[] = []
  #segmentBytes = 0
  #current = 0
  #block: { readonly address: number; readonly bytes: number } | undefined

  constructor(scope: RecorderScope) {
    this.#scope = scope
  }

  start(options: RecordingOptions = {}): void {
    const { state } = this.#scope
    const bytes = Math.max(options.bytes ?? DEFAULT_BYTES, SEGMENTS * 2 * RUN_BYTES)
    if (this.#block !== undefined) state.free(this.#block.address, this.#block.bytes)
    this.#block = { address: state.alloc(bytes), bytes }
    this.#segmentBytes = Math.floor(bytes / SEGMENTS / 64) * 64
    this.#segments = Array.from({ length: SEGMENTS }, (_, k) => {
      const start = this.#block!.address + k * this.#segmentBytes
      return { start, end: start, isCut: false }
    })
    this.#current = 0
    this.isOn = true
  }

  stop(): void {
    this.isOn = false
  }

  /** Points generated code at free memory. Call `leave` after the run. */
  enter(): void {
    const { u32 } = this.#scope.state
    let segment = this.#segments[this.#current]!
    if (segment.isCut || segment.end + RUN_BYTES > segment.start + this.#segmentBytes) {
      this.#current = (this.#current + 1) % SEGMENTS
      segment = this.#segments[this.#current]!
      segment.end = segment.start
      segment.isCut = false
    }
    u32[CELL.tracePosition >> 2] = segment.end
    u32[CELL.traceEnd >> 2] = segment.start + this.#segmentBytes
  }

  leave(): void {
    const { u32 } = this.#scope.state
    const segment = this.#segments[this.#current]!
    const limit = u32[CELL.traceEnd >> 2]!
    const end = u32[CELL.tracePosition >> 2]!
    segment.isCut = end > limit
    segment.end = Math.min(end, limit)
    // The area that single packets are traced in.
    const { layout } = this.#scope.generated
    u32[CELL.tracePosition >> 2] = layout.trace
    u32[CELL.traceEnd >> 2] = layout.trace + TRACE_BYTES
  }

  /** The verdict of a run that does not record it itself, or what became of the packet after it. */
  close(verdict: number): void {
    const { u32 } = this.#scope.state
    const at = u32[CELL.tracePosition >> 2]!
    if (at + 8 > u32[CELL.traceEnd >> 2]!) return
    u32[at >> 2] = TRACE.leave | (2 << 6)
    u32[(at >> 2) + 1] = verdict
    u32[CELL.tracePosition >> 2] = at + 8
  }

  *packets(): Iterable<RecordedPacket> {
    for (let k = 1; k <= this.#segments.length; k++) {
      const segment = this.#segments[(this.#current + k) % SEGMENTS]!
      const words = this.#scope.state.u32.slice(segment.start >> 2, segment.end >> 2)
      let start = 0
      for (let at = 0; at < words.length;) {
        const next = at + ((words[at]! >>> 6) & 0x3ff)
        const isEnd = next >= words.length
        // A packet begins where a run from the parser on begins that continues nothing.
        if (isEnd || ((words[next]! & 0x3f) === TRACE.enter && words[next]! >>> 16 === 0)) {
          yield this.#packet(words.subarray(start, Math.min(next, words.length)), isEnd && segment.isCut)
          start = next
        }
        at = next
      }
    }
  }

  #packet(words: Uint32Array, isCut: boolean): RecordedPacket {
    const reader = new TraceReader(words)
    const { program } = this.#scope.generated
    const length = reader.word(2)
    const head = headOf(program, words).subarray(0, length)
    const port = reader.word(1)
    let isDropped = false
    for (let at = 0; at < words.length; at += (words[at]! >>> 6) & 0x3ff) {
      if ((words[at]! & 0x3f) !== TRACE.leave) continue
      const verdict = words[at + 1]!
      if (verdict >>> 24 === VERDICT.drop) isDropped = true
      if (verdict >>> 24 === VERDICT.unicast && !this.#scope.isPort(verdict & 0xffff)) isDropped = true
    }
    return { port, length, head, isDropped, explain: () => this.#explain(words, isCut, head, length, port) }
  }

  #explain(words: Uint32Array, isCut: boolean, head: Uint8Array, length: number, port: number): Explanation {
    const { generated, readEntry } = this.#scope
    const { program } = generated
    const recount = new Recount(program, readEntry)
    const runs: ObservedRun[] = []
    const notes: string[] = []
    // What the parser did not read stays zero; nothing below asks for it.
    const frame = new Uint8Array(length)
    frame.set(head)
    for (const part of runsOf(words)) {
      const isFirst = runs.length === 0
      const origin = isFirst ? -1 : program.architecture === 'softnpu' ? 0 : runs.length - 1
      const before: Run | undefined = recount.runs[origin]
      const initial =
        before === undefined
          ? undefined
          : { slots: before.slots, varbitBits: before.varbitBits, consumed: before.consumed }
      const run = recount.add(new TraceReader(part, 0, part.length, isCut), isFirst ? frame : frameOf(program, part), {
        origin,
        initial,
      })
      const verdict = run.verdict ?? 0
      const cause = isFirst ? 'received' : causeOf(program, run, runs[0]!.verdict)
      if (cause === 'ingress clone' || cause === 'egress clone') {
        notes.push(`what run ${run.index + 1}, a clone, began with is not recorded but assumed`)
      }
      if (run.consumed > TRACE_FRAME_BYTES) notes.push(`only the first ${TRACE_FRAME_BYTES} bytes are recorded`)
      runs.push({ run, cause, port: new TraceReader(part).word(1), verdict, outcome: this.#outcome(lastVerdict(part)) })
    }
    return this.#scope.explain({ recount, runs }, frame, port, notes)
  }

  #outcome(verdict: number | undefined): RunOutcome {
    const { portName, dropReason, isPort } = this.#scope
    if (verdict === undefined || verdict >>> 24 > VERDICT.drop) return { kind: 'continued', as: '' }
    const value = verdict & 0xffff
    const number =
      verdict >>> 24 === VERDICT.drop ? value & 0xff : isPort(value) ? undefined : RESERVED_DROP.unknownPort
    if (number !== undefined) {
      return { kind: 'dropped', category: dropCategoryOf(number), reason: dropReason(number), number }
    }
    // Only the start of the payload was recorded, so the bytes are not told.
    return { kind: 'sent', port: value, portName: portName(value), bytes: '' }
  }
}

function causeOf(program: Program, run: Run, firstVerdict: number): RunCause {
  const slot = program.intrinsics['standard.instance_type']
  const type = slot === undefined ? undefined : CAUSES[Number(run.slots[slot])]
  return type ?? (firstVerdict >>> 24 === VERDICT.broadcast ? 'broadcast' : 'multicast')
}

/** What the last of a run's `leave` records says. */
function lastVerdict(words: Uint32Array): number | undefined {
  let verdict: number | undefined
  for (let at = 0; at < words.length; at += (words[at]! >>> 6) & 0x3ff) {
    if ((words[at]! & 0x3f) === TRACE.leave) verdict = words[at + 1]
  }
  return verdict
}

/** The records of each run. */
function runsOf(words: Uint32Array): Uint32Array[] {
  const starts: number[] = []
  for (let at = 0; at < words.length; at += (words[at]! >>> 6) & 0x3ff) {
    if ((words[at]! & 0x3f) === TRACE.enter) starts.push(at)
  }
  return starts.map((start, k) => words.subarray(start, starts[k + 1] ?? words.length))
}

/** The frame's bytes in the `enter` record that comes first. */
function headOf(program: Program, words: Uint32Array): Uint8Array {
  const values = enterSlots(program).reduce((sum, slot) => sum + Math.ceil(program.slots[slot]!.width / 32), 0)
  const start = 4 + values
  const copy = words.slice(start, start + TRACE_FRAME_BYTES / 4)
  return new Uint8Array(copy.buffer)
}

function frameOf(program: Program, words: Uint32Array): Uint8Array {
  const frame = new Uint8Array(new TraceReader(words).word(2))
  frame.set(headOf(program, words).subarray(0, frame.length))
  return frame
}
