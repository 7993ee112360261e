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
import type { DropReason } from '@lodestone/probe'
import type { Explanation, RunCause, RunOutcome } from './explanation.ts'
import type { ObservedRun, ObserverScope } from './observer.ts'
import type { RecordedPacket, Recording, RecordingOptions } from './recording.ts'
import { type InitialState, Recount, type Run } from './recount.ts'
import { TraceReader } from './trace-reader.ts'
import { savedState } from './watch.ts'

/** Packets per run of the traced module: what must fit into what is left of a segment. */
export const RECORDED_RUN = 64
const SEGMENTS = 8
/** Left free for a run; packets that need more are cut short, and say so. */
const RUN_BYTES = RECORDED_RUN * 4096
const DEFAULT_BYTES = 8 << 20
/** In `begin` records, by number. */
const CAUSES: readonly RunCause[] = [
  'received',
  'egress',
  'broadcast',
  'multicast',
  'ingress clone',
  'egress clone',
  'resubmitted',
  'recirculated',
]
/** Words of a `begin` record in front of the state, and how many a record may have. */
const BEGIN_WORDS = 3
const RECORD_WORDS_MAX = 1023

export interface ObservedPacket {
  readonly recount: Recount
  readonly runs: readonly ObservedRun[]
  readonly lost: readonly number[]
  reasonOf(number: number): DropReason
}

/** What a recorder needs beside what observers need. */
export interface RecorderScope extends ObserverScope {
  readonly isPort: (port: number) => boolean
  /** Bytes of what lies saved between two runs; 0 where the first run tells all of it. */
  readonly stateBytes: () => number
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
  /** Number of the latest run while more may be said about the packet whose records come last; -1: nothing. */
  run = -1
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

  /** While more may be said about the packet whose records come last. */
  get isOpen(): boolean {
    return this.run >= 0
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

  /** The open packet runs once more, with the state that lies saved. `origin`: the run that left it. */
  begin(cause: RunCause, origin: number): void {
    const { state, generated, stateBytes } = this.#scope
    const words = (stateBytes() + 3) >> 2
    const length = BEGIN_WORDS + (BEGIN_WORDS + words > RECORD_WORDS_MAX ? 0 : words)
    const number = CAUSES.indexOf(cause === 'received' && origin >= 0 ? 'egress' : cause)
    const at = this.#reserve(TRACE.begin, number, length)
    this.run++
    if (at < 0) return
    const { u32 } = state
    u32[at + 1] = origin
    u32[at + 2] = u32[CELL.replicaConsumed >> 2]!
    const from = generated.layout.replicaSlots >> 2
    u32.copyWithin(at + BEGIN_WORDS, from, from + length - BEGIN_WORDS)
  }

  /** The verdict of a run that does not record it itself, or what became of the packet after it. */
  close(verdict: number): void {
    const at = this.#reserve(TRACE.leave, 0, 2)
    if (at >= 0) this.#scope.state.u32[at + 1] = verdict
  }

  /** A copy of the open packet was not made. */
  lose(reason: number): void {
    this.#reserve(TRACE.lost, reason, 1)
  }

  /** @returns where the record begins, in words; -1 when there is no room, which ends what is recorded of this packet. */
  #reserve(kind: number, number: number, words: number): number {
    const { u32 } = this.#scope.state
    const at = u32[CELL.tracePosition >> 2]!
    const end = at + 4 * words
    const hasRoom = end <= u32[CELL.traceEnd >> 2]!
    u32[CELL.tracePosition >> 2] = hasRoom ? end : u32[CELL.traceEnd >> 2]! + 4
    if (!hasRoom) return -1
    u32[at >> 2] = kind | (words << 6) | (number << 16)
    return at >> 2
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
      const kind = words[at]! & 0x3f
      if (kind === TRACE.lost) isDropped = true
      if (kind !== TRACE.leave) continue
      const verdict = words[at + 1]!
      if (verdict >>> 24 === VERDICT.drop) isDropped = true
      if (verdict >>> 24 === VERDICT.unicast && !this.#scope.isPort(verdict & 0xffff)) isDropped = true
    }
    return { port, length, head, isDropped, explain: () => this.#explain(words, isCut, head, length, port) }
  }

  #explain(words: Uint32Array, isCut: boolean, head: Uint8Array, length: number, port: number): Explanation {
    const { generated, readEntry, dropReason } = this.#scope
    const { program } = generated
    const recount = new Recount(program, readEntry)
    const runs: ObservedRun[] = []
    const notes: string[] = []
    // What the parser did not read stays zero; nothing below asks for it.
    const frame = new Uint8Array(length)
    frame.set(head)
    const { parts, lost } = partsOf(words)
    for (const { begin, records } of parts) {
      const origin = begin === undefined ? -1 : begin[1]! | 0
      const run = recount.add(
        new TraceReader(records, 0, records.length, isCut),
        begin === undefined ? frame : frameOf(program, records),
        { origin, initial: begin === undefined ? undefined : this.#initial(begin, recount.runs[origin]) },
      )
      if (begin !== undefined && this.#scope.stateBytes() > 0 && begin.length === BEGIN_WORDS) {
        notes.push(`what run ${run.index + 1} began with is not recorded but assumed`)
      }
      if (run.consumed > TRACE_FRAME_BYTES) notes.push(`only the first ${TRACE_FRAME_BYTES} bytes are recorded`)
      const cause = begin === undefined ? 'received' : CAUSES[begin[0]! >>> 16]!
      const outcome = this.#outcome(lastVerdict(records))
      runs.push({ run, cause, port: new TraceReader(records).word(1), verdict: run.verdict ?? 0, outcome })
    }
    const packet = { recount, runs, lost, reasonOf: dropReason }
    return this.#scope.explain(packet, frame, port, notes)
  }

  /** What a further run began with: as it lay saved, or else as the run before it ended. */
  #initial(begin: Uint32Array, before: Run | undefined): InitialState | undefined {
    if (begin.length > BEGIN_WORDS) {
      const words = new Uint32Array(begin.length & ~1)
      words.set(begin.subarray(BEGIN_WORDS))
      const saved = { u32: words, bytes: new Uint8Array(words.buffer), u64: new BigUint64Array(words.buffer) }
      return savedState(this.#scope.generated, saved, 0, begin[2]!)
    }
    return before && { slots: before.slots, varbitBits: before.varbitBits, consumed: before.consumed }
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

/** What the last of a run's `leave` records says. */
function lastVerdict(words: Uint32Array): number | undefined {
  let verdict: number | undefined
  for (let at = 0; at < words.length; at += (words[at]! >>> 6) & 0x3ff) {
    if ((words[at]! & 0x3f) === TRACE.leave) verdict = words[at + 1]
  }
  return verdict
}

interface Part {
  /** What the run began with; absent for the first. */
  readonly begin: Uint32Array | undefined
  readonly records: Uint32Array
}

/** The records of each run, and the reasons of copies that had none. */
function partsOf(words: Uint32Array): { readonly parts: readonly Part[]; readonly lost: readonly number[] } {
  const parts: Part[] = []
  const lost: number[] = []
  let begin: Uint32Array | undefined
  let start = -1
  const end = (at: number): void => {
    if (start >= 0) parts.push({ begin, records: words.subarray(start, at) })
    start = -1
  }
  for (let at = 0; at < words.length; at += (words[at]! >>> 6) & 0x3ff) {
    const kind = words[at]! & 0x3f
    if (kind === TRACE.lost) lost.push(words[at]! >>> 16)
    if (kind === TRACE.begin) {
      end(at)
      begin = words.subarray(at, at + ((words[at]! >>> 6) & 0x3ff))
    }
    if (kind === TRACE.enter) {
      end(at)
      start = at
    }
  }
  end(words.length)
  return { parts, lost }
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
