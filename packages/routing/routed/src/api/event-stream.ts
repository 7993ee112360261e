/**
 * The live events of the daemon for one reader. Nothing is made while nobody reads. A reader that is slow loses events and is told
 * how many; changes of routes are fetched from the RIB only when there is room, so that several changes of one prefix become
 * one and nothing grows.
 */
import { ApiFailure, NDJSON, ndjsonWriter, type NdjsonWriter } from '@lodestone/api'
import { describeDiagnostic } from '@lodestone/bfd'
import type { SpeakerEvent } from '@lodestone/bgp'
import type { RoutedEvent } from '@lodestone/contract-routed'
import type { Timer } from '@lodestone/host'
import type { Subscription } from '@lodestone/rib'
import type { Routed } from '../routed.ts'
import { isoTime, pathToApi } from './status-to-api.ts'

export interface EventStreamOptions {
  readonly hasRoutes: boolean
  /** All selected routes first. */
  readonly isReplayed: boolean
}

/** Routes in one event. */
const ROUTES_PER_EVENT = 500
/** While the reader has no room, it is looked again after this long. */
const ROOM_CHECK_MS = 50
const MAX_QUEUED = 4096
/** Each costs its queue. */
const MAX_READERS = 64

export function eventStream(routed: Routed, options: EventStreamOptions): Response {
  const count = readers.get(routed) ?? 0
  if (count >= MAX_READERS)
    throw new ApiFailure({ kind: 'unavailable', message: `${count} readers follow events already` })
  readers.set(routed, count + 1)
  const reader = new EventReader(routed, options, () => readers.set(routed, (readers.get(routed) ?? 1) - 1))
  return new Response(reader.stream, { headers: { 'content-type': NDJSON } })
}

/** How many follow the events of a router. */
const readers = new WeakMap<Routed, number>()

class EventReader {
  readonly #routed: Routed
  readonly #writer: NdjsonWriter<RoutedEvent>
  readonly #unsubscribe: (() => void)[] = []
  readonly #onClose: () => void
  #routes: Subscription | undefined
  #timer: Timer | undefined
  #lost = 0

  constructor(routed: Routed, options: EventStreamOptions, onClose: () => void) {
    this.#routed = routed
    this.#onClose = onClose
    this.#writer = ndjsonWriter<RoutedEvent>(() => this.#close(), MAX_QUEUED)
    this.#unsubscribe.push(
      routed.observeBgp({ event: (event) => this.#bgp(event) }),
      routed.observeBfd(({ peer, from, to, diagnostic, isFailure }) =>
        this.#write({
          kind: 'bfd-state',
          time: this.#time(),
          session: peer.name,
          from,
          to,
          diagnostic: describeDiagnostic(diagnostic),
          failure: isFailure,
        }),
      ),
      routed.rib.onOscillation(({ prefix, changes, selections }) =>
        this.#write({
          kind: 'route-oscillation',
          time: this.#time(),
          prefix: prefix.toString(),
          changes,
          selections: [...selections],
        }),
      ),
      routed.onConfigChange((changes) => this.#write({ kind: 'config', time: this.#time(), changes: [...changes] })),
    )
    if (options.hasRoutes) {
      this.#routes = routed.rib.subscribe(() => this.#schedule(0), { replay: options.isReplayed })
    }
  }

  get stream(): ReadableStream<Uint8Array> {
    return this.#writer.stream
  }

  #close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#routes?.close()
    this.#timer?.cancel()
    this.#onClose()
  }

  #time(): string {
    return isoTime(this.#routed.host.clock.wallMs())
  }

  /** @returns false when there was no room. */
  #write(event: RoutedEvent): boolean {
    if (this.#lost > 0 && this.#writer.write({ kind: 'lost', time: this.#time(), count: this.#lost })) this.#lost = 0
    if (this.#lost === 0 && this.#writer.write(event)) return true
    this.#lost++
    return false
  }

  #bgp(event: SpeakerEvent): void {
    const translated = bgpEvent(event, this.#time())
    if (translated !== undefined) this.#write(translated)
  }

  #schedule(delayMs: number): void {
    this.#timer ??= this.#routed.host.clock.after(delayMs, () => {
      this.#timer = undefined
      this.#sendRoutes()
    })
  }

  #sendRoutes(): void {
    const { clock } = this.#routed.host
    if (!this.#writer.hasRoom) return this.#schedule(ROOM_CHECK_MS)
    const routes = this.#routes?.take(ROUTES_PER_EVENT) ?? []
    if (routes.length === 0) return
    this.#write({
      kind: 'routes',
      time: this.#time(),
      routes: routes.map(({ prefix, selected }) => ({
        prefix: prefix.toString(),
        paths: selected.map((path) => pathToApi(path, clock)),
      })),
    })
    this.#schedule(0)
  }
}

function bgpEvent(event: SpeakerEvent, time: string): RoutedEvent | undefined {
  switch (event.kind) {
    case 'transition': {
      const { from, to, reason } = event.transition
      return { kind: 'bgp-state', time, peer: event.peer, from, to, reason }
    }
    case 'session-up': {
      const { name, remoteAddress, remoteAsn } = event.identity
      return { kind: 'bgp-session-up', time, peer: name, address: remoteAddress.toString(), asn: remoteAsn }
    }
    case 'session-down':
      return {
        kind: 'bgp-session-down',
        time,
        peer: event.identity.name,
        reason: event.reason,
        restarting: event.isRestarting,
      }
    case 'end-of-rib':
      return { kind: 'bgp-end-of-rib', time, peer: event.peer, family: `ipv${event.family}` }
    case 'prefix-limit': {
      const { peer, family, count, limit } = event
      return { kind: 'bgp-prefix-limit', time, peer, family: `ipv${family}`, count, limit }
    }
    case 'peer-added':
      return { kind: 'bgp-peer-added', time, peer: event.peer, dynamic: event.isDynamic }
    case 'peer-removed':
      return { kind: 'bgp-peer-removed', time, peer: event.peer }
    default:
      return undefined // a kind that is newer than this
  }
}
