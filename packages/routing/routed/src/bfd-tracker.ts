/**
 * BFD for those who want to know whether a neighbour is there: BGP peers and static routes. Sessions are made from what is
 * wanted, one for each neighbour however many want it, and tell their users at once when they go up or down.
 *
 * A session that either side switched off (AdminDown) says nothing about the neighbour: its users go on as if there were no
 * BFD (RFC 5882 §4.2).
 */
import type { BfdSpeaker, PeerConfig, SpeakerStatus, StateChange } from '@lodestone/bfd'
import type { Clock, Timer } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import type { BfdProfile } from './config.ts'

/** What a BFD speaker does for us; it may live in another thread. */
export type BfdService = Pick<
  BfdSpeaker,
  'listen' | 'setPeers' | 'checkPeers' | 'onState' | 'status' | 'interfaceDown' | 'close'
> & {
  /** Where `status` is what another thread last said: what it says now. */
  refreshStatus?(): Promise<SpeakerStatus>
}

/** A neighbour that somebody wants to be told about. */
export interface BfdWish {
  readonly address: Ip
  readonly interface: string | undefined
  readonly localAddress: Ip | undefined
  readonly profile: BfdProfile
  /** The BGP peer, or the static next hop, that follows it. */
  readonly user: BfdUser
}

export type BfdUser =
  | { readonly kind: 'bgp'; readonly peer: string }
  | { readonly kind: 'static'; readonly name: string }
  /** Nobody: the session was asked for by itself. */
  | { readonly kind: 'configured'; readonly name: string }

export interface BfdTrackerOptions {
  readonly clock: Clock
  readonly service: () => BfdService
  /** Whether the neighbour is there: `undefined` when BFD says nothing about it, any more or yet. */
  readonly tell: (user: BfdUser, isUp: boolean | undefined) => void
  readonly onChange: (change: StateChange) => void
  readonly onProblem: (reason: string) => void
}

const LISTEN_RETRY_MS = 1000

export class BfdTracker {
  readonly #options: BfdTrackerOptions
  #service: BfdService | undefined
  #retry: Timer | undefined
  #sessions: readonly PeerConfig[] = []
  /** By name of the session. */
  #users = new Map<string, readonly BfdUser[]>()
  readonly #told = new Map<string, boolean | undefined>()
  #isClosed = false

  constructor(options: BfdTrackerOptions) {
    this.#options = options
  }

  /** The name of the session with a neighbour. */
  static sessionName(address: Ip, interfaceName: string | undefined): string {
    return interfaceName === undefined ? address.toString() : `${address}%${interfaceName}`
  }

  /** Makes the sessions those that are wanted; the ones that stay the same are not touched. */
  set(wishes: readonly BfdWish[]): void {
    const sessions = new Map<string, PeerConfig>()
    const users = new Map<string, readonly BfdUser[]>()
    for (const { address, interface: link, localAddress, profile, user } of wishes) {
      // A multihop session is bound to no link (RFC 5883).
      const onLink = profile.mode === 'multihop' ? undefined : link
      const name = BfdTracker.sessionName(address, onLink)
      // The first who asks says how the session runs.
      if (!sessions.has(name)) {
        sessions.set(name, { ...profile, name, remoteAddress: address, interface: onLink, localAddress })
      }
      users.set(name, [...(users.get(name) ?? []), user])
    }
    this.#sessions = [...sessions.values()]
    const before = this.#users
    this.#users = users
    const kept = new Set([...users.values()].flat().map(userKey))
    for (const user of [...before.values()].flat()) if (!kept.has(userKey(user))) this.#tell(user, undefined)
    if (this.#sessions.length > 0) this.#start()
    const problem = this.#service?.checkPeers(this.#sessions)
    if (problem !== undefined) return this.#options.onProblem(problem) // too many dynamic neighbours, say
    this.#service?.setPeers(this.#sessions)
    this.#tellAll()
  }

  status(): SpeakerStatus | undefined {
    return this.#service?.status()
  }

  /** The same as of now, also where the sessions are kept in another thread. */
  async freshStatus(): Promise<SpeakerStatus | undefined> {
    return (await this.#service?.refreshStatus?.()) ?? this.status()
  }

  interfaceDown(name: string): void {
    this.#service?.interfaceDown(name)
  }

  /** Whom a session is followed by. */
  usersOf(session: string): readonly BfdUser[] {
    return this.#users.get(session) ?? []
  }

  close(): void {
    this.#isClosed = true
    this.#retry?.cancel()
    this.#service?.close()
  }

  #start(): void {
    if (this.#service !== undefined) return
    const service = this.#options.service()
    this.#service = service
    service.onState((change) => this.#changed(change))
    this.#listen(service)
  }

  #listen(service: BfdService): void {
    service.listen().catch((error: Error) => {
      if (this.#isClosed) return
      this.#options.onProblem(error.message)
      this.#retry = this.#options.clock.after(LISTEN_RETRY_MS, () => this.#listen(service))
    })
  }

  #changed(change: StateChange): void {
    // Between Down and Init nothing is known that was not known before.
    if (change.to === 'Up' || change.from === 'Up') {
      const isUp = change.to === 'Up' ? true : change.isFailure ? false : undefined
      for (const user of this.usersOf(change.peer.name)) this.#tell(user, isUp)
    }
    this.#options.onChange(change)
  }

  /** New users of sessions that are up already. */
  #tellAll(): void {
    for (const { name, state } of this.status()?.peers ?? []) {
      if (state === 'Up') for (const user of this.usersOf(name)) this.#tell(user, true)
    }
  }

  #tell(user: BfdUser, isUp: boolean | undefined): void {
    const key = userKey(user)
    if (this.#told.get(key) === isUp) return
    if (isUp === undefined) this.#told.delete(key)
    else this.#told.set(key, isUp)
    this.#options.tell(user, isUp)
  }
}

function userKey(user: BfdUser): string {
  return user.kind === 'bgp' ? `bgp ${user.peer}` : `static ${user.name}`
}
