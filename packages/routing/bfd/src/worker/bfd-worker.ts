/**
 * BFD on the operating system's network in a thread of its own: however busy the thread is that uses it, packets leave and are
 * read in time. The interface is that of `BfdSpeaker`; what crosses the threads is `message.ts`.
 *
 * Invariant: state changes arrive in order and none is lost. Counters and timers of `status()` are as of the last report of the
 * thread, states as of the last change that arrived; `refreshStatus()` waits for a report.
 */
import type { Clock } from '@lodestone/host'
import { socketError } from '@lodestone/host'
import { Worker } from 'node:worker_threads'
import { checkPeers } from '../check-peers.ts'
import type { PeerConfig } from '../peer-config.ts'
import { NO_STATUS, type SpeakerStatus, type StateChange } from '../speaker.ts'
import { type BfdThreadData, type FromBfdThread, plain, restored, type ToBfdThread } from './message.ts'

export interface BfdWorkerOptions {
  /** The clock of the thread that asks: state changes are told in its time. */
  readonly clock: Clock
  /** Default: all addresses of both families. */
  readonly listenAddresses?: readonly string[]
  /** Default true: the echo port is open, and a peer may be configured with echo intervals. */
  readonly isEchoEnabled?: boolean
  /** Default 5. */
  readonly alignmentMs?: number
  /** Default 4096. */
  readonly maxPeers?: number
}

/** A report of the thread is asked for when the last one is older. */
const STATUS_AGE_MS = 250

export class BfdWorker {
  readonly #clock: Clock
  readonly #data: BfdThreadData
  readonly #worker: Worker
  readonly #listeners = new Set<(change: StateChange) => void>()
  readonly #waiting = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>()
  readonly #askers = new Map<number, (status: SpeakerStatus) => void>()
  #peers = new Map<string, PeerConfig>()
  #status: SpeakerStatus = NO_STATUS
  #statusAtMs = -Infinity
  #request = 0
  #isClosed = false

  constructor(options: BfdWorkerOptions) {
    const {
      clock,
      listenAddresses = ['0.0.0.0', '::'],
      isEchoEnabled = true,
      alignmentMs = 5,
      maxPeers = 4096,
    } = options
    this.#clock = clock
    this.#data = { listenAddresses, isEchoEnabled, alignmentMs, maxPeers }
    // Sources run from .ts; the packed command has the thread beside it as .js.
    const file = import.meta.url.endsWith('.ts') ? './bfd-thread.ts' : './bfd-thread.js'
    this.#worker = new Worker(new URL(file, import.meta.url), { name: 'bfd', workerData: this.#data })
    this.#worker.on('message', (message: FromBfdThread) => this.#receive(message))
    // Without BFD nobody would notice that neighbours go: the process ends as with any other bug.
    this.#worker.on('error', (error) => {
      throw error
    })
  }

  /** Opens the well-known ports. Rejects as `bindUdp` does. */
  listen(): Promise<void> {
    const request = ++this.#request
    return new Promise((resolve, reject) => {
      this.#waiting.set(request, { resolve, reject })
      this.#post({ kind: 'listen', request })
    })
  }

  /** As `BfdSpeaker.setPeers`. */
  setPeers(configs: readonly PeerConfig[]): void {
    const problem = this.checkPeers(configs)
    if (problem !== undefined) throw new Error(problem)
    this.#peers = new Map(configs.map((config) => [config.name, config]))
    this.#post({ kind: 'peers', peers: configs.map(plain) })
  }

  /** @returns why `setPeers` would throw, in words. */
  checkPeers(configs: readonly PeerConfig[]): string | undefined {
    return checkPeers(configs, this.#data)
  }

  /** Called after every change of a session's state. @returns unsubscribe. */
  onState(fn: (change: StateChange) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  interfaceDown(name: string): void {
    this.#post({ kind: 'interface-down', name })
  }

  /** As of the last report; an old one makes the thread send the next. */
  status(): SpeakerStatus {
    if (this.#clock.nowMs() - this.#statusAtMs > STATUS_AGE_MS) {
      this.#statusAtMs = this.#clock.nowMs()
      this.#post({ kind: 'status', request: 0 })
    }
    return this.#status
  }

  /** The status as it is now. */
  refreshStatus(): Promise<SpeakerStatus> {
    if (this.#isClosed) return Promise.resolve(this.#status)
    const request = ++this.#request
    return new Promise((resolve) => {
      this.#askers.set(request, resolve)
      this.#post({ kind: 'status', request })
    })
  }

  /** Says AdminDown to every peer and ends the thread. */
  close(): void {
    this.#post({ kind: 'close' })
    this.#isClosed = true
  }

  #post(message: ToBfdThread): void {
    if (!this.#isClosed) this.#worker.postMessage(message)
  }

  #receive(message: FromBfdThread): void {
    switch (message.kind) {
      case 'listening':
        this.#waiting.get(message.request)?.resolve()
        return void this.#waiting.delete(message.request)
      case 'not-listening':
        this.#waiting.get(message.request)?.reject(socketError(message.code, message.reason))
        return void this.#waiting.delete(message.request)
      case 'change':
        return this.#changed(message.peer, message.change)
      case 'status':
        this.#status = { ...message.status, peers: message.status.peers.map(restored) }
        this.#statusAtMs = this.#clock.nowMs()
        this.#askers.get(message.request)?.(this.#status)
        return void this.#askers.delete(message.request)
      case 'closed':
        for (const resolve of this.#askers.values()) resolve(this.#status)
        return this.#askers.clear()
    }
  }

  #changed(name: string, change: Omit<StateChange, 'peer'>): void {
    const now = this.#status.peers.map((status) =>
      status.name === name ? { ...status, state: change.to, inStateMs: 0, diagnostic: change.diagnostic } : status,
    )
    this.#status = { ...this.#status, peers: now }
    const peer = this.#peers.get(name)
    // A peer that was removed meanwhile has no say any more.
    if (peer === undefined) return
    const told = { ...change, peer, atMs: this.#clock.nowMs() }
    for (const listener of this.#listeners) listener(told)
  }
}
