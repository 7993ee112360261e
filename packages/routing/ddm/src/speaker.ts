/**
 * A whole DDM router without sockets, timers or clocks: the machines of its interfaces, what it originates, and what it
 * passes on. Everything happens in `handle`, one event after the other, and comes back as actions.
 *
 * A server router tells its own prefixes. A transit router also redistributes what it learned, with its name appended to
 * the path, to every interface but the one it came from. It passes on the shortest path vectors of each destination; the
 * longer ones are kept and take their place when those go.
 *
 * Tunnel endpoints carry no path, and in a ring of transit routers a withdrawn one would circle for ever. So a transit
 * router passes one on only if it came from a server (which tells nothing but its own), or from a neighbour that is a
 * shortest next hop towards the boundary address: along the underlay's tree, which has no loops.
 *
 * Invariants: what is passed on is a function of `imported` of all interfaces and of what is originated, nothing else.
 */
import type { Ip, Prefix } from '@lodestone/net'
import { maskedPrefix, PrefixTable } from '@lodestone/rib'
import type { RouterKind } from './discovery-packet.ts'
import { type PathVector, type TunnelOrigin, tunnelKey, vectorKey } from './exchange-message.ts'
import { emptySet, type ExchangeSet } from './exchange-set.ts'
import {
  initialMachine,
  type MachineAction,
  machineDeadlineMs,
  type MachineEvent,
  type MachineState,
  step,
} from './interface-machine.ts'
import type { Timing } from './timing.ts'
import { effectiveTunnels, isSameTunnels, type TunnelEndpoint } from './tunnel-set.ts'

/** Equally short vectors of one destination that are passed on to one neighbour. */
const MAX_VECTORS = 8

export interface SpeakerConfig {
  /** Unique in the network: loops are recognized by it. 1 to 255 bytes. */
  readonly hostname: string
  readonly kind: RouterKind
  readonly timing: Timing
}

export type InterfaceAction = Exclude<MachineAction, { readonly kind: 'compare' }> & { readonly interfaceName: string }

export type SpeakerAction =
  | InterfaceAction
  /** The effective tunnel set changed. */
  | { readonly kind: 'tunnels' }

interface Offer {
  readonly interfaceName: string
  readonly key: string
  readonly vector: PathVector
  /** With our name at the end of the path, made when it is asked for. */
  told: Told | undefined
}

type Told = readonly [key: string, vector: PathVector]

/** The vectors of one destination. */
interface Offers {
  readonly destination: Prefix
  readonly vectors: Offer[]
  /** Whether the shortest vectors are first. */
  isSorted: boolean
}

export interface NextHops {
  /** Routers on the way, the next one and the originator included. */
  readonly metric: number
  readonly interfaceNames: readonly string[]
}

export class Speaker {
  readonly config: SpeakerConfig
  readonly #machines = new Map<string, MachineState>()
  readonly #originated = new PrefixTable<Prefix>()
  #tunnelOrigins: ReadonlyMap<string, TunnelOrigin> = new Map()
  #effective: readonly TunnelEndpoint[] = []
  /** Derived from what is imported; `undefined` after a change. */
  #learned: PrefixTable<Offers> | undefined

  constructor(config: SpeakerConfig) {
    this.config = config
  }

  machine(interfaceName: string): MachineState | undefined {
    return this.#machines.get(interfaceName)
  }

  get machines(): ReadonlyMap<string, MachineState> {
    return this.#machines
  }

  get originated(): readonly Prefix[] {
    return [...this.#originated.values()]
  }

  get tunnelOrigins(): readonly TunnelOrigin[] {
    return [...this.#tunnelOrigins.values()]
  }

  /** The tunnel endpoints in use, from all neighbours. Our own are not among them. */
  get tunnels(): readonly TunnelEndpoint[] {
    return this.#effective
  }

  isOriginated(prefix: Prefix): boolean {
    return this.#originated.get(prefix) !== undefined
  }

  addInterface(name: string): void {
    if (!this.#machines.has(name)) this.#machines.set(name, initialMachine())
  }

  removeInterface(name: string, nowMs: number): readonly SpeakerAction[] {
    const actions = this.handle(name, { kind: 'interface', address: undefined }, nowMs)
    this.#machines.delete(name)
    return actions
  }

  handle(interfaceName: string, event: MachineEvent, nowMs: number): readonly SpeakerAction[] {
    const out: SpeakerAction[] = []
    this.#run(interfaceName, event, nowMs, out)
    return out
  }

  /** Does what is due on every interface. */
  tick(nowMs: number): readonly SpeakerAction[] {
    const out: SpeakerAction[] = []
    for (const [name, machine] of this.#machines) {
      if (machineDeadlineMs(machine, this.config) <= nowMs) this.#run(name, { kind: 'tick' }, nowMs, out)
    }
    return out
  }

  /** When `tick` is due next; Infinity when it is not. */
  deadlineMs(): number {
    let dueMs = Infinity
    for (const machine of this.#machines.values()) dueMs = Math.min(dueMs, machineDeadlineMs(machine, this.config))
    return dueMs
  }

  /** Makes what we announce as our own equal to these. Prefixes and boundary addresses are IPv6. */
  setOriginated(
    prefixes: readonly Prefix[],
    tunnels: readonly TunnelOrigin[],
    nowMs: number,
  ): readonly SpeakerAction[] {
    for (const prefix of prefixes) if (prefix.family !== 6) throw new Error(`${prefix} is not an underlay prefix`)
    this.#originated.clear()
    for (const prefix of prefixes) this.#originated.set(prefix, maskedPrefix(prefix))
    this.#tunnelOrigins = new Map(tunnels.map((origin) => [tunnelKey(origin), origin]))
    const out: SpeakerAction[] = []
    for (const name of this.#machines.keys()) this.#run(name, { kind: 'changed' }, nowMs, out)
    return out
  }

  /** What the neighbour on this interface should know. */
  desiredFor(interfaceName: string): ExchangeSet {
    const set = emptySet()
    for (const destination of this.#originated.values()) {
      const vector = { destination, path: [this.config.hostname] }
      set.underlay.set(vectorKey(vector), vector)
    }
    for (const [key, origin] of this.#tunnelOrigins) set.tunnel.set(key, origin)
    if (this.config.kind === 'server') return set
    const hostname = this.#machines.get(interfaceName)?.neighbor?.hostname
    for (const offers of this.#offers().values()) this.#redistribute(offers, interfaceName, hostname, set)
    for (const [name, machine] of this.#machines) {
      // Split horizon, also for a neighbour behind two links.
      if (name === interfaceName || machine.neighbor === undefined || machine.neighbor.hostname === hostname) continue
      for (const [key, origin] of machine.imported.tunnel) {
        if (machine.neighbor.kind === 'server' || this.#leadsTo(origin.boundaryAddress, name)) {
          set.tunnel.set(key, origin)
        }
      }
    }
    return set
  }

  /** The shortest ways to a destination that this router does not originate. */
  nextHops(destination: Prefix): NextHops | undefined {
    const offers = this.#offers().get(destination)
    return offers === undefined ? undefined : shortest(offers)
  }

  #run(interfaceName: string, event: MachineEvent, nowMs: number, out: SpeakerAction[]): void {
    const machine = this.#machines.get(interfaceName)
    if (machine === undefined) return
    for (const action of step(machine, this.config, event, nowMs)) {
      if (action.kind === 'compare') {
        this.#run(interfaceName, { kind: 'desired', set: this.desiredFor(interfaceName) }, nowMs, out)
        continue
      }
      out.push({ ...action, interfaceName })
      if (action.kind === 'imported') this.#imported(interfaceName, nowMs, out)
    }
  }

  #imported(from: string, nowMs: number, out: SpeakerAction[]): void {
    this.#learned = undefined
    const effective = effectiveTunnels(this.#learnedTunnels())
    if (!isSameTunnels(effective, this.#effective)) {
      this.#effective = effective
      out.push({ kind: 'tunnels' })
    }
    if (this.config.kind === 'server') return
    // The neighbour it came from may have to hear of it too: its tunnel endpoints depend on where the underlay leads.
    for (const name of this.#machines.keys()) this.#run(name, { kind: 'changed' }, nowMs, out)
  }

  *#learnedTunnels(): IterableIterator<TunnelOrigin> {
    for (const machine of this.#machines.values()) yield* machine.imported.tunnel.values()
  }

  #offers(): PrefixTable<Offers> {
    if (this.#learned !== undefined) return this.#learned
    const table = new PrefixTable<Offers>()
    for (const [interfaceName, machine] of this.#machines) {
      for (const [key, vector] of machine.imported.underlay) {
        const { destination } = vector
        let offers = table.get(destination)
        if (offers === undefined) table.set(destination, (offers = { destination, vectors: [], isSorted: false }))
        offers.vectors.push({ interfaceName, key, vector, told: undefined })
      }
    }
    this.#learned = table
    return table
  }

  /** The shortest vectors but for those of the interface, and those with the neighbour on the path, who would refuse them. */
  #redistribute(offers: Offers, target: string, hostname: string | undefined, set: ExchangeSet): void {
    if (this.isOriginated(offers.destination)) return
    if (!offers.isSorted) {
      offers.vectors.sort((a, b) => a.vector.path.length - b.vector.path.length)
      offers.isSorted = true
    }
    let length = Infinity
    const chosen = new Map<string, Offer>()
    for (const offer of offers.vectors) {
      const { path } = offer.vector
      if (path.length > length) break
      if (offer.interfaceName === target || (hostname !== undefined && path.includes(hostname))) continue
      length = path.length
      if (!chosen.has(offer.key)) chosen.set(offer.key, offer)
    }
    let told = [...chosen.values()]
    // Which of too many does not matter to the receiver, but it must not depend on the order of arrival.
    if (told.length > MAX_VECTORS) told = told.toSorted((a, b) => (a.key < b.key ? -1 : 1)).slice(0, MAX_VECTORS)
    for (const offer of told) {
      const [key, vector] = (offer.told ??= this.#told(offer.vector))
      set.underlay.set(key, vector)
    }
  }

  #told({ destination, path }: PathVector): Told {
    const vector = { destination, path: [...path, this.config.hostname] }
    return [vectorKey(vector), vector]
  }

  /** Whether the neighbour on this interface is a shortest next hop towards `address`. */
  #leadsTo(address: Ip, interfaceName: string): boolean {
    const offers = this.#offers().longestMatch(address)
    if (offers === undefined) return false
    const own = this.#originated.longestMatch(address)
    if (own !== undefined && own.length >= offers.destination.length) return false
    return shortest(offers).interfaceNames.includes(interfaceName)
  }
}

function shortest(offers: Offers): NextHops {
  let metric = Infinity
  for (const { vector } of offers.vectors) metric = Math.min(metric, vector.path.length)
  const names = new Set<string>()
  for (const { interfaceName, vector } of offers.vectors) if (vector.path.length === metric) names.add(interfaceName)
  return { metric, interfaceNames: [...names] }
}
