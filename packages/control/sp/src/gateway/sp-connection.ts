/**
 * The gateway's end of the protocol towards one service processor: one request at a time, sent again under the same number
 * until it is answered or the attempts are used up. Resets have attempts of their own, because the answer to a reset is that
 * the next life knows nothing of it.
 */
import type { Clock, Timer } from '@lodestone/host'
import { Counters } from '@lodestone/probe'
import { decodeDatagram, encodeDatagram } from '../protocol/message.ts'
import { type SpError, spErrorText } from '../protocol/error.ts'
import type { MgsRequest, MgsResponse } from '../protocol/request.ts'
import type { SpResponse } from '../protocol/response.ts'

export interface RetryConfig {
  readonly perAttemptTimeoutMs: number
  readonly maxAttempts: number
  readonly maxAttemptsReset: number
}

export const DEFAULT_RETRY: RetryConfig = { perAttemptTimeoutMs: 2000, maxAttempts: 5, maxAttemptsReset: 30 }

export type SpFailure =
  /** No attempt was answered. */
  | { readonly kind: 'exhausted'; readonly attempts: number }
  | { readonly kind: 'refused'; readonly error: SpError }
  /** An answer of another kind than the question. */
  | { readonly kind: 'unexpected'; readonly got: string }
  | { readonly kind: 'closed' }

export type SpResult<Kind extends SpResponse['kind']> =
  | { readonly ok: true; readonly response: Extract<SpResponse, { kind: Kind }>; readonly data: Uint8Array }
  | { readonly ok: false; readonly failure: SpFailure }

interface Waiting {
  readonly messageId: number
  readonly request: MgsRequest
  readonly bytes: Uint8Array
  readonly attempts: number
  readonly done: (result: Answered) => void
}

type Answered =
  | { readonly ok: true; readonly response: SpResponse; readonly data: Uint8Array }
  | { readonly ok: false; readonly failure: SpFailure }

/** A part of an image, cut where the datagram is full, or why there is none. */
export interface Phase2Answer {
  readonly message: MgsResponse
  readonly data?: Uint8Array
}

const COUNTERS = [
  'requests',
  'attempts',
  'answers',
  'late-answers',
  'malformed',
  'exhausted',
  'console-datagrams',
  'phase2-requests',
] as const

export class SpConnection {
  readonly counters = new Counters(COUNTERS)
  /** What the host prints: component, offset, bytes. */
  onConsole: (component: string, offset: bigint, bytes: Uint8Array) => void = () => {}
  /** The host wants a part of its phase 2 image. The answer is sent back under the request's number, and nobody repeats it. */
  onPhase2: (hash: Uint8Array, offset: bigint) => Phase2Answer = (hash) => ({
    message: { kind: 'Error', error: { kind: 'HostPhase2Unavailable', hash } },
  })
  readonly #clock: Clock
  readonly #send: (bytes: Uint8Array) => void
  readonly #retry: RetryConfig
  readonly #nextId: () => number
  readonly #queue: Waiting[] = []
  #current: Waiting | undefined
  #attempt = 0
  #timer: Timer | undefined
  #isClosed = false

  /** @param nextId numbers of messages, unique among all connections of one socket. */
  constructor(options: {
    readonly clock: Clock
    readonly send: (bytes: Uint8Array) => void
    readonly nextId: () => number
    readonly retry?: RetryConfig
  }) {
    this.#clock = options.clock
    this.#send = options.send
    this.#nextId = options.nextId
    this.#retry = options.retry ?? DEFAULT_RETRY
  }

  /** Asks, and expects an answer of one of these kinds. */
  async ask<const Kind extends SpResponse['kind']>(
    request: MgsRequest,
    kinds: readonly Kind[],
    data?: Uint8Array,
  ): Promise<SpResult<Kind>> {
    const answered = await this.#request(request, data)
    if (!answered.ok) return answered
    const { response } = answered
    if (response.kind === 'Error' && !(kinds as readonly string[]).includes('Error')) {
      return { ok: false, failure: { kind: 'refused', error: response.error } }
    }
    if (!(kinds as readonly string[]).includes(response.kind)) {
      return { ok: false, failure: { kind: 'unexpected', got: response.kind } }
    }
    // because its kind is one of those
    return { ok: true, response: response as Extract<SpResponse, { kind: Kind }>, data: answered.data }
  }

  /** A datagram from this service processor. */
  receive(bytes: Uint8Array): void {
    const decoded = decodeDatagram(bytes)
    if (!decoded.ok) return this.counters.add('malformed')
    const { body, data, messageId } = decoded.datagram
    if (body.kind === 'SpRequest') {
      const { message } = body
      if (message.kind === 'SerialConsole') {
        this.counters.add('console-datagrams')
        return this.onConsole(message.component, message.offset, data)
      }
      this.counters.add('phase2-requests')
      const answer = this.onPhase2(message.hash, message.offset)
      return this.#send(encodeDatagram(messageId, { kind: 'MgsResponse', message: answer.message }, answer.data).bytes)
    }
    if (body.kind !== 'SpResponse') return this.counters.add('malformed')
    if (this.#current?.messageId !== messageId) return this.counters.add('late-answers')
    this.counters.add('answers')
    this.#finish({ ok: true, response: body.message, data })
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    const waiting = [...(this.#current === undefined ? [] : [this.#current]), ...this.#queue.splice(0)]
    this.#current = undefined
    for (const each of waiting) each.done({ ok: false, failure: { kind: 'closed' } })
  }

  #request(request: MgsRequest, data: Uint8Array | undefined): Promise<Answered> {
    if (this.#isClosed) return Promise.resolve({ ok: false, failure: { kind: 'closed' } })
    const messageId = this.#nextId()
    const { bytes } = encodeDatagram(messageId, { kind: 'MgsRequest', message: request }, data)
    const attempts = isReset(request) ? this.#retry.maxAttemptsReset : this.#retry.maxAttempts
    return new Promise((resolve) => {
      this.#queue.push({ messageId, request, bytes, attempts, done: resolve })
      this.#next()
    })
  }

  #next(): void {
    if (this.#current !== undefined) return
    this.#current = this.#queue.shift()
    if (this.#current === undefined) return
    this.counters.add('requests')
    this.#attempt = 0
    this.#try()
  }

  #try(): void {
    const current = this.#current
    if (current === undefined) return
    if (this.#attempt === current.attempts) {
      this.counters.add('exhausted')
      return this.#finish({ ok: false, failure: { kind: 'exhausted', attempts: current.attempts } })
    }
    this.#attempt += 1
    this.counters.add('attempts')
    this.#timer = this.#clock.after(this.#retry.perAttemptTimeoutMs, () => this.#try())
    this.#send(current.bytes)
  }

  #finish(answer: Answered): void {
    this.#timer?.cancel()
    const current = this.#current
    this.#current = undefined
    // The first attempt reset it and was not answered; the next life says that nobody prepared a reset.
    if (
      answer.ok &&
      current !== undefined &&
      isReset(current.request) &&
      this.#attempt > 1 &&
      isForgottenReset(answer.response)
    ) {
      current.done({ ok: true, response: { kind: 'ResetComponentTriggerAck' }, data: answer.data })
    } else current?.done(answer)
    this.#next()
  }
}

function isReset({ kind }: MgsRequest): boolean {
  return kind === 'ResetTrigger' || kind === 'ResetComponentTrigger' || kind === 'ResetComponentTriggerWithWatchdog'
}

function isForgottenReset(response: SpResponse): boolean {
  return (
    response.kind === 'Error' &&
    (response.error.kind === 'ResetTriggerWithoutPrepare' ||
      response.error.kind === 'ResetComponentTriggerWithoutPrepare')
  )
}

/** A sentence for people. */
export function failureText(failure: SpFailure): string {
  switch (failure.kind) {
    case 'exhausted':
      return `the service processor did not answer ${failure.attempts} attempts`
    case 'refused':
      return `the service processor refused: ${spErrorText(failure.error)}`
    case 'unexpected':
      return `the service processor answered with ${failure.got}`
    case 'closed':
      return 'the gateway is closed'
  }
}
