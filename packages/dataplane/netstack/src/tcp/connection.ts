/**
 * One TCP connection: the control block, its two byte rings, its timer and its stream. Feeds the state machine and does
 * what it asks; decides nothing about the protocol itself.
 */
import { socketError, type Timer } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { Interface } from '../interface.ts'
import { ByteRing } from './byte-ring.ts'
import { onSegment } from './input.ts'
import {
  abort,
  finish,
  nextDeadlineMs,
  onPathMss,
  onTimer,
  onUnreachable,
  orphan,
  read,
  setKeepAlive,
  written,
} from './machine.ts'
import type { InSegment } from './segment.ts'
import { TcpStream } from './stream.ts'
import { ACK_NOW, clearActions, TcpActions, type TcpFailure, type Tcb } from './tcb.ts'
import type { Listener } from './listener-table.ts'
import type { Tcp } from './tcp.ts'

type Done = (error?: Error | null) => void

export interface ConnectionOptions {
  readonly tcp: Tcp
  readonly tcb: Tcb
  readonly local: Ip
  readonly localPort: number
  readonly remote: Ip
  readonly remotePort: number
  /** As `TcpSocket` shows them: with a zone where the address needs one. */
  readonly localText: string
  readonly remoteText: string
  /** The interface of a link-local connection; undefined where packets are routed. */
  readonly scope: Interface | undefined
  readonly tuple: Int32Array
  readonly hash: number
  readonly hopLimit: number
  readonly listener: Listener | undefined
  /** Told once when an active open succeeds or fails. */
  readonly onOpened: ((failure: TcpFailure | undefined) => void) | undefined
}

// Reused for every event of every connection: a step never runs inside another one.
const actions = new TcpActions()

const READ_CHUNK = 64 * 1024

export class Connection {
  readonly tcb: Tcb
  readonly local: Ip
  readonly localPort: number
  readonly remote: Ip
  readonly remotePort: number
  readonly localText: string
  readonly remoteText: string
  readonly scope: Interface | undefined
  /** Remote and local address words, both ports, scope index. */
  readonly tuple: Int32Array
  readonly hash: number
  readonly hopLimit: number
  readonly listener: Listener | undefined
  readonly sendRing: ByteRing
  readonly stream: TcpStream
  /** Next in the chain of equal hashes. */
  next: Connection | undefined
  /** Waits for the end of the turn. */
  isDirty = false
  readonly #tcp: Tcp
  readonly #receiveRing: ByteRing
  #onOpened: ((failure: TcpFailure | undefined) => void) | undefined
  #timer: Timer | undefined
  #armedForMs = Infinity
  #isOpened = false
  #isReadWanted = false
  #isEndPushed = false
  #isReleased = false
  /** As observers know it. */
  #toldState: Tcb['state'] = 'CLOSED'
  #toldSamples = 0
  /** What did not fit into the send ring. */
  #waiting: { chunks: readonly Uint8Array[]; index: number; offset: number; done: Done } | undefined

  constructor(options: ConnectionOptions) {
    this.#tcp = options.tcp
    this.tcb = options.tcb
    this.tcb.counts = options.tcp.counts
    this.local = options.local
    this.localPort = options.localPort
    this.remote = options.remote
    this.remotePort = options.remotePort
    this.localText = options.localText
    this.remoteText = options.remoteText
    this.scope = options.scope
    this.tuple = options.tuple
    this.hash = options.hash
    this.hopLimit = options.hopLimit
    this.listener = options.listener
    this.#onOpened = options.onOpened
    const { parameters, rcvShift } = options.tcb
    this.sendRing = new ByteRing(1, parameters.sendBufferBytes)
    // The window is rounded up to its unit.
    this.#receiveRing = new ByteRing(1, parameters.receiveBufferBytes + (1 << rcvShift))
    this.stream = new TcpStream(this, options.tcp.clock)
  }

  // ── Events from the network ────────────────────────────────────────────────────────────────────────────────────────

  /** `payload` is where the segment's payload starts in `bytes`. @returns false when the segment was refused as old. */
  onSegment(segment: InSegment, bytes: Uint8Array, payload: number, nowMs: number): boolean {
    clearActions(actions)
    onSegment(this.tcb, segment, nowMs, actions)
    if (actions.storeLength > 0) {
      this.#receiveRing.write(actions.storeAt, bytes, payload + actions.storeFrom, actions.storeLength)
    }
    const { isStale, storeLength } = actions
    this.#apply()
    if (this.#tcp.isObserved && !isStale) this.#tellReceived(segment.payloadLength, storeLength > 0)
    // Duplicate acknowledgments are counted by the sender, so each leaves before the next segment is looked at.
    if (this.tcb.ackOwed === ACK_NOW) this.#tcp.pump(this)
    return !isStale
  }

  onUnreachable(sequence: number, failure: TcpFailure): void {
    clearActions(actions)
    onUnreachable(this.tcb, sequence, failure, actions)
    this.#apply()
  }

  onPathMss(sequence: number, mss: number): void {
    onPathMss(this.tcb, sequence, mss)
    this.#tcp.noteDirty(this)
  }

  /** Does what the machine asked for. */
  #apply(): void {
    // What follows may start other steps, so everything is read first.
    const { isConnected, isClosed, failure } = actions
    this.#tcp.noteDirty(this)
    if (this.tcb.state !== this.#toldState) this.#tellState(failure)
    if (actions.hasReset) this.#tcp.reset(this, actions)
    if (isConnected) {
      this.#isOpened = true
      this.#tcp.opened(this)
      this.#settleOpen(undefined)
    }
    if (isClosed) this.#closed(failure)
  }

  #tellState(failure: TcpFailure | undefined): void {
    const from = this.#toldState
    this.#toldState = this.tcb.state
    if (this.#tcp.isObserved) this.#tcp.tell(this, { kind: 'state', from, to: this.tcb.state, failure })
  }

  #tellReceived(bytes: number, isNew: boolean): void {
    const { tcb } = this
    if (bytes > 0) this.#tcp.tell(this, { kind: 'receive', bytes, isNew })
    if (tcb.rttSamples === this.#toldSamples) return
    this.#toldSamples = tcb.rttSamples
    const { lastRttMs: rttMs, srttMs: smoothedMs, rtoMs: timeoutMs } = tcb
    this.#tcp.tell(this, { kind: 'rtt', rttMs, smoothedMs, timeoutMs })
  }

  #settleOpen(failure: TcpFailure | undefined): void {
    const onOpened = this.#onOpened
    this.#onOpened = undefined
    onOpened?.(failure)
  }

  #closed(failure: TcpFailure | undefined): void {
    this.#timer?.cancel()
    this.#armedForMs = Infinity
    this.sendRing.discard()
    this.#tcp.forget(this)
    this.#settleOpen(failure ?? 'ECONNRESET')
    // Nobody was given the stream of a connection that did not open.
    if (!this.#isOpened) this.stream.destroy()
    if (failure === undefined || this.#isReleased) return
    this.stream.destroy(socketError(failure, `${this.remoteText} port ${this.remotePort}`))
  }

  // ── The end of a turn ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Moves bytes between the rings and the stream; the caller then sends and calls `arm`. */
  settle(): void {
    if (this.tcb.state !== this.#toldState) this.#tellState(undefined)
    if (this.tcb.state !== 'CLOSED') {
      this.sendRing.release(Math.min(this.tcb.sndUna, this.tcb.sendEnd))
      this.#acceptWaiting()
    }
    this.#drain()
  }

  /** Makes the timer ring no later than the machine's next deadline. */
  arm(nowMs: number): void {
    const dueMs = nextDeadlineMs(this.tcb)
    // A deadline that moved out is not worth moving the timer: it rings early, does nothing, and is set again.
    if (dueMs >= this.#armedForMs) return
    this.#timer?.cancel()
    this.#armedForMs = dueMs
    this.#timer = this.#tcp.clock.after(dueMs - nowMs, this.#ring)
  }

  readonly #ring = (): void => {
    const stack = this.#tcp.enter()
    try {
      const nowMs = Math.max(stack.nowMs, this.#armedForMs)
      this.#armedForMs = Infinity
      clearActions(actions)
      onTimer(this.tcb, nowMs, actions)
      this.#apply()
    } finally {
      stack.leave()
    }
  }

  #drain(): void {
    const { tcb } = this
    while (this.#isReadWanted && !this.#isReleased) {
      const length = Math.min(READ_CHUNK, this.#unreadBytes)
      if (length <= 0) break
      const chunk = Buffer.allocUnsafe(length)
      this.#receiveRing.read(tcb.readTo, chunk, 0, length)
      read(tcb, length)
      this.#receiveRing.release(tcb.readTo)
      this.#isReadWanted = this.stream.arrived(chunk)
    }
    const isDrained = tcb.finAt >= 0 && tcb.readTo === tcb.finAt && tcb.rcvNxt > tcb.finAt
    if (isDrained && !this.#isEndPushed && !this.#isReleased) {
      this.#isEndPushed = true
      this.stream.push(null)
    }
  }

  // ── Calls of the stream ────────────────────────────────────────────────────────────────────────────────────────────

  resumeReading(): void {
    if (this.#isReadWanted) return
    this.#isReadWanted = true
    const stack = this.#tcp.enter()
    this.#tcp.noteDirty(this)
    stack.leave()
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.tcb.state === 'CLOSED') return done(socketError('EPIPE', 'the connection is closed'))
    const stack = this.#tcp.enter()
    this.#waiting = { chunks, index: 0, offset: 0, done }
    this.#acceptWaiting()
    this.#tcp.noteDirty(this)
    stack.leave()
  }

  #acceptWaiting(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    const { tcb } = this
    while (waiting.index < waiting.chunks.length) {
      const chunk = waiting.chunks[waiting.index]!
      const room = this.sendRing.base + tcb.parameters.sendBufferBytes - tcb.sendEnd
      const length = Math.min(room, chunk.length - waiting.offset)
      if (length > 0) this.sendRing.write(tcb.sendEnd, chunk, waiting.offset, length)
      written(tcb, length)
      waiting.offset += length
      if (waiting.offset < chunk.length) return
      waiting.index++
      waiting.offset = 0
    }
    this.#waiting = undefined
    waiting.done()
  }

  finish(): void {
    if (this.tcb.state === 'CLOSED') return
    const stack = this.#tcp.enter()
    finish(this.tcb)
    this.#tcp.noteDirty(this)
    stack.leave()
  }

  /**
   * The stream was destroyed: after `finish` the rest happens without it. Before that, and where bytes have arrived that nobody will read
   * (RFC 9293 §3.6.1), the peer gets a reset.
   */
  release(error: Error | null): void {
    if (this.#isReleased) return
    this.#isReleased = true
    const waiting = this.#waiting
    this.#waiting = undefined
    const stack = this.#tcp.enter()
    if (this.tcb.state !== 'CLOSED') {
      if (this.tcb.isFinQueued && error === null && this.#unreadBytes === 0) {
        orphan(this.tcb, stack.nowMs)
        this.#tcp.noteDirty(this)
      } else {
        this.abort()
      }
    }
    stack.leave()
    waiting?.done(error ?? socketError('ECONNABORTED', 'the socket was destroyed'))
  }

  /** Arrived in order, and not given to the stream. */
  get #unreadBytes(): number {
    const { tcb } = this
    const end = tcb.finAt >= 0 && tcb.rcvNxt > tcb.finAt ? tcb.finAt : tcb.rcvNxt
    return end - tcb.readTo
  }

  setNoDelay(isOn: boolean): void {
    this.tcb.isNagleOn = !isOn
    const stack = this.#tcp.enter()
    this.#tcp.noteDirty(this)
    stack.leave()
  }

  /** @param idleMs 0 turns it off. */
  setKeepAlive(idleMs: number): void {
    const stack = this.#tcp.enter()
    setKeepAlive(this.tcb, idleMs, stack.nowMs)
    this.#tcp.noteDirty(this)
    stack.leave()
  }

  reset(): void {
    const stack = this.#tcp.enter()
    this.abort()
    stack.leave()
  }

  abort(): void {
    clearActions(actions)
    abort(this.tcb, actions)
    this.#apply()
  }
}
