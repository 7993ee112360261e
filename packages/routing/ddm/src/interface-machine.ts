/**
 * DDM on one interface, pure: `step(state, config, event, now)` edits the state and returns what is to be done. It finds
 * the neighbour at the other end of the link, fetches what it has (pull), and keeps telling it what we have (push).
 *
 *            sockets open           advertisement
 *   Init ──────────────► Solicit ────────────────► Exchange
 *    ▲ ▲                    ▲  │                       │
 *    │ │                    └──┼─ expired, push failed ┤
 *    │ └── cannot send ────────┘                       │
 *    └──────────── interface down ─────────────────────┘
 *
 * What the neighbour has been told is remembered item by item, and a push is the difference to what it should know. What
 * it may hold without our being sure (it was in a failed push or in the answer to a pull, or we lost sight of it) is
 * remembered as `maybe` and withdrawn as well.
 * While a pull is running, pushes that arrive wait for its answer: an older snapshot never overwrites a newer withdrawal.
 *
 * Invariants: leaving Exchange empties `imported` in the same step; a path that contains our own name, or any name
 * twice, is never imported; answers to a former neighbour's requests are ignored (`generation`).
 */
import type { Ip } from '@lodestone/net'
import type { DiscoveryPacket, RouterKind } from './discovery-packet.ts'
import type { ExchangeSnapshot, ExchangeUpdate, PathVector } from './exchange-message.ts'
import { applyUpdate, differenceOf, emptySet, type ExchangeSet, isSameSet, setOf } from './exchange-set.ts'
import type { Timing } from './timing.ts'

export interface MachineConfig {
  readonly hostname: string
  readonly timing: Timing
}

export type MachineStateName = 'init' | 'solicit' | 'exchange'

export interface Neighbor {
  readonly address: Ip
  readonly hostname: string
  readonly kind: RouterKind
  /** Of its discovery packets. */
  readonly version: number
  readonly sinceMs: number
}

export interface LostNeighbor {
  readonly neighbor: Neighbor
  readonly atMs: number
  readonly reason: string
}

export interface MachineState {
  /** Our link-local address; `undefined` while the interface is down. */
  address: Ip | undefined
  /** Sockets are bound. */
  isOpen: boolean
  /** Counts attempts to open. */
  attempt: number
  openAtMs: number
  neighbor: Neighbor | undefined
  lastSeenMs: number
  solicitedAtMs: number
  solicitAtMs: number
  /** Counts neighbours. */
  generation: number
  /** The neighbour answered a pull: it is in Exchange too, and may be pushed to. */
  isSynced: boolean
  isPulling: boolean
  pullAtMs: number
  /** The neighbour started over while a pull was running, whose answer may be older than that. */
  isPullStale: boolean
  /** Pushes that arrived while a pull was running. */
  waiting: ExchangeUpdate[]
  inFlight: ExchangeUpdate | undefined
  pushAtMs: number
  /** What the neighbour has told us, without loops. */
  imported: ExchangeSet
  /** What the neighbour has confirmed. */
  told: ExchangeSet
  /** What it may hold although we are not sure: from failed pushes, from pulls, and from before it was lost. */
  maybe: ExchangeSet
  maybeHostname: string
  lost: LostNeighbor | undefined
}

export function initialMachine(): MachineState {
  return {
    address: undefined,
    isOpen: false,
    attempt: 0,
    openAtMs: Infinity,
    neighbor: undefined,
    lastSeenMs: 0,
    solicitedAtMs: -Infinity,
    solicitAtMs: Infinity,
    generation: 0,
    isSynced: false,
    isPulling: false,
    pullAtMs: Infinity,
    isPullStale: false,
    waiting: [],
    inFlight: undefined,
    pushAtMs: Infinity,
    imported: emptySet(),
    told: emptySet(),
    maybe: emptySet(),
    maybeHostname: '',
    lost: undefined,
  }
}

export type MachineEvent =
  /** The interface has this link-local address; `undefined`: it is down or has none. */
  | { readonly kind: 'interface'; readonly address: Ip | undefined }
  /** Sockets are bound, or could not be (addresses are refused while duplicate address detection runs). */
  | { readonly kind: 'opened'; readonly attempt: number; readonly isOk: boolean }
  | { readonly kind: 'send-failed' }
  | { readonly kind: 'datagram'; readonly packet: DiscoveryPacket; readonly from: Ip }
  /** What the neighbour should know has changed. */
  | { readonly kind: 'changed' }
  /** The answer to `compare`. */
  | { readonly kind: 'desired'; readonly set: ExchangeSet }
  | { readonly kind: 'pull-done'; readonly generation: number; readonly snapshot: ExchangeSnapshot | undefined }
  | { readonly kind: 'push-done'; readonly generation: number; readonly isOk: boolean; readonly reason?: string }
  /** The neighbour pushed to us. */
  | { readonly kind: 'pushed'; readonly update: ExchangeUpdate }
  /** The neighbour pulled from us and was given `served`. It entered Exchange, or `isCheck`: had been there before. */
  | { readonly kind: 'pulled'; readonly served: ExchangeSet; readonly isCheck: boolean }
  /** The operator gives the neighbour up; it is found again if it is still there. */
  | { readonly kind: 'expire' }
  | { readonly kind: 'resync' }
  | { readonly kind: 'tick' }

export type MachineAction =
  /** Bind discovery sockets and serve the exchange on this address; answer with `opened`. */
  | { readonly kind: 'open'; readonly address: Ip; readonly attempt: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'solicit' }
  | { readonly kind: 'advertise'; readonly to: Ip }
  /** Say at once, by `desired`, what the neighbour should know. */
  | { readonly kind: 'compare' }
  /** Answer with `pull-done`. */
  | {
      readonly kind: 'pull'
      readonly generation: number
      readonly neighbor: Neighbor
      /** We are in Exchange already: the neighbour need not pull from us in turn. */
      readonly isCheck: boolean
    }
  /** Answer with `push-done`. */
  | { readonly kind: 'push'; readonly generation: number; readonly neighbor: Neighbor; readonly update: ExchangeUpdate }
  /** `imported` changed, or the neighbour whose routes they are. */
  | { readonly kind: 'imported' }
  | { readonly kind: 'loops-rejected'; readonly count: number }
  | {
      readonly kind: 'transition'
      readonly from: MachineStateName
      readonly to: MachineStateName
      readonly reason: string
    }

export function machineStateName(state: MachineState): MachineStateName {
  if (!state.isOpen) return 'init'
  return state.neighbor === undefined ? 'solicit' : 'exchange'
}

/** When the next `tick` is due; Infinity when none is. */
export function machineDeadlineMs(state: MachineState, { timing }: MachineConfig): number {
  const expiryMs = state.neighbor === undefined ? Infinity : state.lastSeenMs + timing.expireMs
  return Math.min(state.openAtMs, state.solicitAtMs, state.pullAtMs, state.pushAtMs, expiryMs)
}

export function step(state: MachineState, config: MachineConfig, event: MachineEvent, nowMs: number): MachineAction[] {
  const run = new Step(state, config, nowMs)
  const before = machineStateName(state)
  run.handle(event)
  const after = machineStateName(state)
  if (before !== after) run.actions.push({ kind: 'transition', from: before, to: after, reason: run.reason })
  return run.actions
}

/** One event being handled. */
class Step {
  readonly state: MachineState
  readonly config: MachineConfig
  readonly nowMs: number
  readonly actions: MachineAction[] = []
  reason = ''

  constructor(state: MachineState, config: MachineConfig, nowMs: number) {
    this.state = state
    this.config = config
    this.nowMs = nowMs
  }

  handle(event: MachineEvent): void {
    const { state } = this
    switch (event.kind) {
      case 'interface':
        this.#interface(event.address)
        return
      case 'opened':
        if (event.attempt === state.attempt && !state.isOpen && state.address !== undefined) this.#opened(event.isOk)
        return
      case 'send-failed':
        if (state.isOpen) this.#shut('a solicitation could not be sent')
        return
      case 'datagram':
        if (state.isOpen && event.packet.hostname !== this.config.hostname) this.#datagram(event.packet, event.from)
        return
      case 'changed':
        if (state.isSynced && state.inFlight === undefined && state.pushAtMs === Infinity) {
          state.pushAtMs = this.nowMs + this.config.timing.coalesceMs
        }
        return
      case 'desired':
        this.#push(event.set)
        return
      case 'pull-done':
        if (event.generation === state.generation && state.isPulling) this.#pullDone(event.snapshot)
        return
      case 'push-done':
        if (event.generation === state.generation && state.inFlight !== undefined) {
          this.#pushDone(event.isOk, event.reason ?? '')
        }
        return
      case 'pushed':
        this.#pushed(event.update)
        return
      case 'pulled':
        this.#pulled(event.served, event.isCheck)
        return
      case 'expire':
        this.#lose('given up by the operator')
        return
      case 'resync':
        this.#pull()
        return
      case 'tick':
        this.#tick()
        return
      default: {
        const never: never = event
        throw new Error(`unknown event ${JSON.stringify(never)}`)
      }
    }
  }

  #interface(address: Ip | undefined): void {
    const { state } = this
    if (address === undefined ? state.address === undefined : state.address?.equals(address) === true) return
    this.#shut('the interface went down')
    state.address = address
    state.openAtMs = Infinity
    if (address !== undefined) this.#open(address)
  }

  #open(address: Ip): void {
    this.state.openAtMs = Infinity
    this.actions.push({ kind: 'open', address, attempt: ++this.state.attempt })
  }

  #opened(isOk: boolean): void {
    const { state } = this
    if (!isOk) {
      state.openAtMs = this.nowMs + this.config.timing.openRetryMs
      return
    }
    state.isOpen = true
    this.reason = `sockets are bound to ${state.address}`
    this.#solicit()
  }

  /** Closes the sockets and, if there is an address, opens them again later. */
  #shut(reason: string): void {
    const { state } = this
    this.#lose(reason)
    if (state.address !== undefined) this.actions.push({ kind: 'close' })
    state.isOpen = false
    state.attempt++
    state.solicitAtMs = Infinity
    state.openAtMs = this.nowMs + this.config.timing.openRetryMs
    this.reason = reason
  }

  #solicit(): void {
    this.actions.push({ kind: 'solicit' })
    this.state.solicitedAtMs = this.nowMs
    this.state.solicitAtMs = this.nowMs + this.config.timing.solicitIntervalMs
  }

  #datagram(packet: DiscoveryPacket, from: Ip): void {
    const { state } = this
    const { timing } = this.config
    if (packet.isSolicitation) {
      this.actions.push({ kind: 'advertise', to: from })
      // Somebody is there whom we do not know: ask now, instead of up to an interval later.
      if (state.neighbor === undefined && this.nowMs - state.solicitedAtMs >= timing.retryMs) this.#solicit()
    }
    if (!packet.isAdvertisement) return
    const known = state.neighbor
    const isSame =
      known !== undefined &&
      known.address.equals(from) &&
      known.hostname === packet.hostname &&
      known.kind === packet.kind &&
      known.version === packet.version
    if (known !== undefined && !isSame) this.#lose(`${packet.hostname} (${packet.kind}) took its place`)
    state.lastSeenMs = this.nowMs
    if (isSame) return
    const { hostname, kind, version } = packet
    state.neighbor = { address: from, hostname, kind, version, sinceMs: this.nowMs }
    state.generation++
    if (state.maybeHostname !== hostname) state.maybe = emptySet()
    state.maybeHostname = hostname
    this.reason = `${hostname} (${kind}) answered from ${from}`
    this.#pull()
  }

  /** Ends the exchange; whatever was learned from the neighbour is gone with it. */
  #lose(reason: string): void {
    const { state } = this
    const { neighbor } = state
    if (neighbor === undefined) return
    this.reason = `${neighbor.hostname} lost: ${reason}`
    state.neighbor = undefined
    state.lost = { neighbor, atMs: this.nowMs, reason }
    // The neighbour may keep for a while what we told it: remembered, to be withdrawn if we meet again.
    merge(state.maybe, state.told)
    if (state.inFlight !== undefined) mergeAnnounced(state.maybe, state.inFlight)
    state.told = emptySet()
    state.inFlight = undefined
    state.isSynced = false
    state.isPulling = false
    state.isPullStale = false
    state.waiting = []
    state.pullAtMs = Infinity
    state.pushAtMs = Infinity
    const hadRoutes = state.imported.underlay.size + state.imported.tunnel.size > 0
    state.imported = emptySet()
    if (hadRoutes) this.actions.push({ kind: 'imported' })
  }

  #tick(): void {
    const { state, nowMs } = this
    const { timing } = this.config
    if (state.openAtMs <= nowMs && state.address !== undefined) this.#open(state.address)
    if (state.neighbor !== undefined && state.lastSeenMs + timing.expireMs <= nowMs) {
      this.#lose(`silent for ${timing.expireMs} ms`)
    }
    if (state.solicitAtMs <= nowMs) this.#solicit()
    if (state.pullAtMs <= nowMs) this.#pull()
    if (state.pushAtMs <= nowMs) {
      state.pushAtMs = Infinity
      this.actions.push({ kind: 'compare' })
    }
  }

  // --- pull ---------------------------------------------------------------------------------------------------

  #pull(): void {
    const { state } = this
    if (state.neighbor === undefined || state.isPulling) return
    state.pullAtMs = Infinity
    state.isPulling = true
    const { generation, neighbor, isSynced } = state
    this.actions.push({ kind: 'pull', generation, neighbor, isCheck: isSynced })
  }

  #pullDone(snapshot: ExchangeSnapshot | undefined): void {
    const { state } = this
    const { timing } = this.config
    state.isPulling = false
    const delayMs = state.isPullStale ? 0 : snapshot === undefined ? timing.retryMs : timing.resyncMs
    state.pullAtMs = this.nowMs + delayMs
    state.isPullStale = false
    const imported =
      snapshot === undefined
        ? copyOf(state.imported)
        : setOf({ ...snapshot, underlay: this.#accept(snapshot.underlay) })
    for (const update of state.waiting) this.#apply(imported, update)
    state.waiting = []
    this.#import(imported)
    if (snapshot === undefined || state.isSynced) return
    state.isSynced = true
    this.actions.push({ kind: 'compare' })
  }

  #pushed(update: ExchangeUpdate): void {
    const { state } = this
    if (state.neighbor === undefined) return
    if (state.isPulling) {
      state.waiting.push(update)
      return
    }
    const imported = copyOf(state.imported)
    this.#apply(imported, update)
    this.#import(imported)
  }

  #pulled(served: ExchangeSet, isCheck: boolean): void {
    const { state } = this
    if (state.neighbor === undefined) return
    merge(state.maybe, served)
    if (isCheck) return
    // It may have started over while we took it for the same neighbour: what it told before may be void.
    if (state.isPulling) state.isPullStale = true
    else if (state.isSynced) this.#pull()
  }

  #import(imported: ExchangeSet): void {
    if (isSameSet(imported, this.state.imported)) return
    this.state.imported = imported
    this.actions.push({ kind: 'imported' })
  }

  #apply(imported: ExchangeSet, update: ExchangeUpdate): void {
    const { underlay } = update
    if (underlay === undefined) {
      applyUpdate(imported, update)
      return
    }
    const announce = this.#accept(underlay.announce)
    // A vector refused as a loop counts as a withdrawal of that vector.
    const refused = underlay.announce.filter((vector) => !announce.includes(vector))
    applyUpdate(imported, { ...update, underlay: { announce, withdraw: [...underlay.withdraw, ...refused] } })
  }

  /** Loop rejection: an announcement that has been here before is not taken. */
  #accept(vectors: readonly PathVector[]): readonly PathVector[] {
    const isLoop = ({ path }: PathVector): boolean =>
      path.includes(this.config.hostname) || new Set(path).size !== path.length
    if (!vectors.some(isLoop)) return vectors
    const accepted = vectors.filter((vector) => !isLoop(vector))
    this.actions.push({ kind: 'loops-rejected', count: vectors.length - accepted.length })
    return accepted
  }

  // --- push ---------------------------------------------------------------------------------------------------

  #push(desired: ExchangeSet): void {
    const { state } = this
    if (state.neighbor === undefined || !state.isSynced || state.inFlight !== undefined) return
    const update = differenceOf(state.told, state.maybe, desired, this.config.timing.maxPushItems)
    if (update === undefined) return
    state.inFlight = update
    state.pushAtMs = Infinity
    this.actions.push({ kind: 'push', generation: state.generation, neighbor: state.neighbor, update })
  }

  #pushDone(isOk: boolean, reason: string): void {
    const { state } = this
    // because the caller checked that a push is in flight
    const update = state.inFlight!
    if (!isOk) {
      this.#lose(`a push failed${reason === '' ? '' : `: ${reason}`}`)
      return
    }
    state.inFlight = undefined
    applyUpdate(state.told, update)
    forget(state.maybe, update) // confirmed: nothing uncertain is left about these
    this.actions.push({ kind: 'compare' }) // what changed meanwhile, and what did not fit
  }
}

function copyOf(set: ExchangeSet): ExchangeSet {
  return { underlay: new Map(set.underlay), tunnel: new Map(set.tunnel) }
}

function merge(into: ExchangeSet, from: ExchangeSet): void {
  for (const [key, vector] of from.underlay) into.underlay.set(key, vector)
  for (const [key, origin] of from.tunnel) into.tunnel.set(key, origin)
}

function mergeAnnounced(into: ExchangeSet, update: ExchangeUpdate): void {
  merge(into, setOf({ underlay: update.underlay?.announce ?? [], tunnel: update.tunnel?.announce ?? [] }))
}

function forget(from: ExchangeSet, update: ExchangeUpdate): void {
  const { underlay, tunnel } = update
  const touched = setOf({
    underlay: [...(underlay?.announce ?? []), ...(underlay?.withdraw ?? [])],
    tunnel: [...(tunnel?.announce ?? []), ...(tunnel?.withdraw ?? [])],
  })
  for (const key of touched.underlay.keys()) from.underlay.delete(key)
  for (const key of touched.tunnel.keys()) from.tunnel.delete(key)
}
