/** Serves a host that starts from an image over the network: fetches its phase 2 part by part from whichever gateway has it. */
import type { Timer } from '@lodestone/host'
import type { MgsResponse } from '../protocol/request.ts'
import {
  acceptEnd,
  acceptPart,
  beginFetch,
  expirePart,
  PHASE2_TIMEOUT_MS,
  type Phase2Fetch,
  refusePart,
} from './phase2-fetch.ts'
import type { TaskContext } from './task-context.ts'

/** Of the startup options: start with phase 2 from the management network instead of the disk. */
export const PHASE2_RECOVERY_BOOT = 1n

/** `unnamed`: the boot flash names no image; `no-service`: the task that serves the host is down. */
export type Phase2Failure = Exclude<Phase2Fetch['state'], 'fetching' | 'complete'> | 'unnamed' | 'no-service'

export class Phase2Task {
  readonly #context: TaskContext
  /** Sends to one of the gateways that have been heard of, the n-th. @returns how many there are. */
  readonly #ask: (attempt: number, messageId: number, hash: Uint8Array, offset: bigint) => number
  readonly #complete: () => void
  #fetch: Phase2Fetch | undefined
  #failure: Phase2Failure | undefined
  #timer: Timer | undefined
  #messageId = 0
  #turn = 0

  constructor(
    context: TaskContext,
    ask: (attempt: number, messageId: number, hash: Uint8Array, offset: bigint) => number,
    complete: () => void,
  ) {
    this.#context = context
    this.#ask = ask
    this.#complete = complete
  }

  get status(): Phase2Fetch | undefined {
    return this.#fetch
  }

  /** Why the host that has power does not start; undefined when it does, or still may. */
  get failure(): Phase2Failure | undefined {
    return this.#failure
  }

  /** There is no image to ask for, or nobody to ask. */
  refuse(why: 'unnamed' | 'no-service'): void {
    this.#fail(why)
  }

  /** The task is gone in the middle of it, and the host does not ask again. */
  crashed(): void {
    const wasFetching = this.#fetch?.state === 'fetching'
    this.stop()
    if (wasFetching) this.#fail('no-service')
  }

  /** The host has started and wants this image. */
  begin(hash: Uint8Array): void {
    this.#failure = undefined
    this.#fetch = beginFetch(hash)
    this.#context.trace('host_sp_comms', `phase 2 ${Buffer.from(hash).toString('hex').slice(0, 8)} begins`)
    this.#send()
  }

  /** What a gateway answered; of an older question it means nothing. */
  answer(messageId: number, response: MgsResponse, data: Uint8Array): void {
    if (this.#fetch?.state !== 'fetching' || messageId !== this.#messageId) return
    if (response.kind === 'HostPhase2Data') {
      const before = this.#fetch
      const next = acceptPart(before, response.hash, response.offset, data)
      if (next === before) return
      return this.#go(next)
    }
    const { error } = response
    if (error.kind === 'HostPhase2ImageBadOffset' && error.offset === BigInt(this.#fetch.offset)) {
      return this.#go(acceptEnd(this.#fetch, error.hash))
    }
    this.#turn += 1
    this.#go(refusePart(this.#fetch, this.#gateways))
  }

  /** The host is off, or the task is gone. */
  stop(): void {
    this.#timer?.cancel()
    this.#failure = undefined
    if (this.#fetch?.state === 'fetching') this.#fetch = undefined
  }

  #gateways = 0

  #go(next: Phase2Fetch): void {
    this.#fetch = next
    this.#timer?.cancel()
    if (next.state === 'fetching') return this.#send()
    this.#context.trace('host_sp_comms', `phase 2 ${next.state}, ${next.offset} bytes`)
    if (next.state === 'complete') return this.#complete()
    this.#context.report('host_sp_comms', { k: `host.phase2.${next.state}` })
    this.#fail(next.state)
  }

  /** The host stays where it is until it is switched off and on. */
  #fail(why: Phase2Failure): void {
    this.#failure = why
    this.#context.trace('host_sp_comms', `the host does not start: phase 2 ${why}`)
    this.#context.report('host_sp_comms', { k: 'host.boot.failed', reason: `phase 2 ${why}` })
  }

  #send(): void {
    const fetch = this.#fetch
    if (fetch === undefined) return
    this.#messageId = (this.#messageId + 1) >>> 0
    this.#timer?.cancel()
    this.#timer = this.#context.clock.after(PHASE2_TIMEOUT_MS, () => {
      if (this.#fetch === undefined) return
      this.#turn += 1
      this.#go(expirePart(this.#fetch))
    })
    this.#gateways = this.#ask(this.#turn, this.#messageId, fetch.hash, BigInt(fetch.offset))
  }
}
