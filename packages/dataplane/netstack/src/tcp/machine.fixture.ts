/** For tests: the state machine driven by hand, segment by segment, without packets, clocks or streams. */
import assert from 'node:assert/strict'
import { acceptSyn, onSegment } from './input.ts'
import { abort, nextDeadlineMs, onTimer, open } from './machine.ts'
import { nextSegment } from './output.ts'
import { InSegment, OutSegment } from './segment.ts'
import { clearActions, DEFAULT_TCP_PARAMETERS, TcpActions, type Tcb, type TcpParameters } from './tcb.ts'

export const ISS_A = 0xfffffff0 // wraps within the first bytes, so every test crosses zero
export const ISS_B = 5000

export interface Wire {
  readonly flags: number
  readonly seq: number
  readonly ack: number
  readonly length: number
  readonly window: number
  /** Of the IP header; absent is 0. */
  readonly ecn?: number
  readonly mss?: number
  readonly windowShift?: number
  readonly sackPermitted?: boolean
  readonly sack?: readonly (readonly [number, number])[]
  /** Timestamp value and echo. */
  readonly ts?: readonly [number, number] | undefined
}

/** One end, driven by hand. Sequence numbers in transcripts are relative to the sender's initial one. */
export class End {
  readonly tcb: Tcb
  readonly actions = new TcpActions()
  readonly happened: string[] = []
  received = 0
  constructor(tcb: Tcb) {
    this.tcb = tcb
  }

  /** What leaves now. */
  pump(nowMs: number): Wire[] {
    const out = new OutSegment()
    const sent: Wire[] = []
    while (nextSegment(this.tcb, nowMs, out)) {
      assert.ok(sent.length < 10_000, 'the machine never stops sending')
      sent.push(fromOut(out))
    }
    return sent
  }

  take(wire: Wire, nowMs: number): Wire[] {
    clearActions(this.actions)
    onSegment(this.tcb, toIn(wire), nowMs, this.actions)
    return this.#note()
  }

  timer(nowMs: number): Wire[] {
    clearActions(this.actions)
    onTimer(this.tcb, nowMs, this.actions)
    return this.#note()
  }

  abort(): Wire[] {
    clearActions(this.actions)
    abort(this.tcb, this.actions)
    return this.#note()
  }

  #note(): Wire[] {
    const a = this.actions
    if (a.isConnected) this.happened.push('connected')
    if (a.isPeerFinished) this.happened.push('finished')
    if (a.isStale) this.happened.push('stale')
    if (a.isClosed) this.happened.push(a.failure ?? 'closed')
    this.received += a.storeLength
    if (!a.hasReset) return []
    return [{ flags: a.resetFlags, seq: a.resetSequence, ack: a.resetAcknowledgment, length: 0, window: 0 }]
  }
}

export function fromOut(out: OutSegment): Wire {
  return {
    flags: out.flags,
    seq: out.sequence,
    ack: out.acknowledgment,
    length: out.payloadLength,
    window: out.window,
    ...(out.ecn === 0 ? {} : { ecn: out.ecn }),
    mss: out.mss,
    windowShift: out.windowShift,
    sackPermitted: out.sackPermitted,
    ...(out.hasTimestamps ? { ts: [out.tsValue, out.tsEcho] as const } : {}),
    sack: Array.from({ length: out.sackCount }, (_, i) => [out.sackStarts[i]!, out.sackEnds[i]!] as const),
  }
}

export function toIn(wire: Wire): InSegment {
  const segment = new InSegment()
  segment.flags = wire.flags
  segment.ecn = wire.ecn ?? 0
  segment.sequence = wire.seq >>> 0
  segment.acknowledgment = wire.ack >>> 0
  segment.payloadLength = wire.length
  segment.window = wire.window
  segment.mss = wire.mss ?? 0
  segment.windowShift = wire.windowShift ?? -1
  segment.sackPermitted = wire.sackPermitted ?? false
  segment.hasTimestamps = wire.ts !== undefined
  segment.tsValue = wire.ts?.[0] ?? 0
  segment.tsEcho = wire.ts?.[1] ?? 0
  segment.sackCount = wire.sack?.length ?? 0
  wire.sack?.forEach(([start, end], i) => {
    segment.sackStarts[i] = start
    segment.sackEnds[i] = end
  })
  return segment
}

// Numbers in these transcripts are Reno's, and segments are whole thousands; timestamps and CUBIC have their own tests.
export const PLAIN: TcpParameters = {
  ...DEFAULT_TCP_PARAMETERS,
  timestamps: false,
  congestionControl: 'newreno',
  tailLossProbe: false,
}
export const SMALL: TcpParameters = { ...PLAIN, receiveBufferBytes: 8000, sendBufferBytes: 8000 }

/** A connected pair, nothing in flight. */
export function pair(parameters: TcpParameters = PLAIN, mss = 1000) {
  const a = new End(open(parameters, ISS_A, mss))
  const [syn] = a.pump(0)
  const b = new End(acceptSyn(parameters, toIn(syn!), ISS_B, mss, 0, 10))
  for (const wire of b.pump(10)) a.take(wire, 20)
  for (const wire of a.pump(20)) b.take(wire, 30)
  assert.equal(a.tcb.state, 'ESTABLISHED')
  assert.equal(b.tcb.state, 'ESTABLISHED')
  return { a, b }
}

/** Carries segments to and fro at one time until both are quiet. */
export function settle(a: End, b: End, nowMs: number): void {
  for (let i = 0; i < 1000; i++) {
    const forth = a.pump(nowMs)
    for (const wire of forth) for (const answer of b.take(wire, nowMs)) a.take(answer, nowMs)
    const back = b.pump(nowMs)
    for (const wire of back) for (const answer of a.take(wire, nowMs)) b.take(answer, nowMs)
    if (forth.length + back.length === 0) return
  }
  assert.fail('the two ends never fall silent')
}

export const seqA = (position: number): number => (ISS_A + position) >>> 0
export const seqB = (position: number): number => (ISS_B + position) >>> 0
export const segmentsOf = (sent: readonly Wire[]): [number, number][] =>
  sent.filter((wire) => wire.length > 0).map((wire) => [(wire.seq - ISS_A) >>> 0, wire.length])
export const nextOf = (end: End): number => nextDeadlineMs(end.tcb)
