/**
 * Who is at the other end of the links of unnumbered peers: each side advertises itself as a router and listens for the other (RFC
 * 4861 §6.2). A neighbour is there as long as its last advertisement says; one that says goodbye has gone at once.
 *
 * Invariant: a link has one neighbour at a time, the first that was heard; another one counts when that has gone.
 */
import type { Clock, DiscoveryNetwork, Icmp6Socket, Random, Timer } from '@lodestone/host'
import { type Ip, Mac } from '@lodestone/net'
import {
  decodeAdvertisement,
  encodeAdvertisement,
  encodeSolicitation,
  isSolicitation,
  RouterMessage,
} from './router-advertisement.ts'

export interface RouterDiscoveryOptions {
  readonly clock: Clock
  readonly random: Random
  readonly network: DiscoveryNetwork
  readonly onFound: (interfaceName: string, address: Ip) => void
  readonly onLost: (interfaceName: string) => void
  readonly onProblem: (interfaceName: string, reason: string) => void
}

/** As other routers do for their unnumbered peers: much more often than for hosts. */
const INTERVAL_MS = 10_000
const LIFETIME_S = 30
/** A solicitation is answered no sooner than this after the last advertisement (RFC 4861 §6.2.6 asks for 3 s on links with many). */
const MIN_ANSWER_MS = 500
const RETRY_MS = 1000
const ALL_NODES = 'ff02::1'
const ALL_ROUTERS = 'ff02::2'

interface Link {
  readonly name: string
  socket: Icmp6Socket | undefined
  timer: Timer | undefined
  retry: Timer | undefined
  expiry: Timer | undefined
  neighbour: Ip | undefined
  sentAtMs: number
  problem: string | undefined
}

export class RouterDiscovery {
  readonly #options: RouterDiscoveryOptions
  readonly #links = new Map<string, Link>()

  constructor(options: RouterDiscoveryOptions) {
    this.#options = options
  }

  /** Makes these the interfaces that neighbours are looked for on. */
  set(interfaces: readonly string[]): void {
    const wanted = new Set(interfaces)
    for (const [name, link] of this.#links) {
      if (wanted.has(name)) continue
      this.#close(link)
      this.#links.delete(name)
    }
    for (const name of wanted) {
      if (this.#links.has(name)) continue
      const link: Link = {
        name,
        socket: undefined,
        timer: undefined,
        retry: undefined,
        expiry: undefined,
        neighbour: undefined,
        sentAtMs: -Infinity,
        problem: undefined,
      }
      this.#links.set(name, link)
      this.#open(link)
    }
  }

  /** Interfaces came, went, or changed state. */
  interfacesChanged(): void {
    for (const link of this.#links.values()) {
      const isUp = this.#options.network.interfaces().some(({ name, isUp: up }) => name === link.name && up)
      if (!isUp) {
        this.#release(link)
        this.#lose(link)
      } else if (link.socket === undefined) this.#open(link)
    }
  }

  /** The neighbour on a link, while there is one. */
  neighbour(interfaceName: string): Ip | undefined {
    return this.#links.get(interfaceName)?.neighbour
  }

  /** Says goodbye on every link. */
  close(): void {
    for (const link of this.#links.values()) this.#close(link)
    this.#links.clear()
  }

  #open(link: Link): void {
    const { clock, network, onProblem } = this.#options
    link.retry?.cancel()
    link.retry = undefined
    const { solicitation, advertisement } = RouterMessage
    try {
      link.socket = network.openIcmp6({ interface: link.name, types: [solicitation, advertisement] }, (message, from) =>
        this.#receive(link, message, from),
      )
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (link.problem !== error.message) onProblem(link.name, error.message)
      link.problem = error.message
      link.retry = clock.after(RETRY_MS, () => this.#open(link))
      return
    }
    link.problem = undefined
    link.socket.send(encodeSolicitation(), ALL_ROUTERS)
    this.#advertise(link)
  }

  /** Gives the socket back, without a word. */
  #release(link: Link): void {
    link.timer?.cancel()
    link.retry?.cancel()
    link.socket?.close()
    link.socket = undefined
  }

  #close(link: Link): void {
    link.socket?.send(encodeAdvertisement(0, this.#macOf(link)), ALL_NODES)
    this.#release(link)
    this.#lose(link)
  }

  #advertise(link: Link): void {
    const { clock, random } = this.#options
    link.timer?.cancel()
    link.sentAtMs = clock.nowMs()
    link.socket?.send(encodeAdvertisement(LIFETIME_S, this.#macOf(link)), ALL_NODES)
    link.timer = clock.after(INTERVAL_MS * (0.75 + 0.25 * random.float()), () => this.#advertise(link))
  }

  #receive(link: Link, message: Uint8Array, from: Ip): void {
    if (!from.isLinkLocal || this.#isOurs(link, from)) return
    if (isSolicitation(message)) return this.#answer(link)
    const lifetimeS = decodeAdvertisement(message)
    if (lifetimeS === undefined) return
    if (link.neighbour !== undefined && !link.neighbour.equals(from)) return
    if (lifetimeS === 0) return this.#lose(link)
    const { clock, onFound } = this.#options
    link.expiry?.cancel()
    link.expiry = clock.after(lifetimeS * 1000, () => this.#lose(link))
    if (link.neighbour !== undefined) return
    link.neighbour = from
    // It may not have heard of us yet.
    this.#answer(link)
    onFound(link.name, from)
  }

  #answer(link: Link): void {
    const { clock } = this.#options
    const waitMs = link.sentAtMs + MIN_ANSWER_MS - clock.nowMs()
    if (waitMs <= 0) return this.#advertise(link)
    link.timer?.cancel()
    link.timer = clock.after(waitMs, () => this.#advertise(link))
  }

  #lose(link: Link): void {
    link.expiry?.cancel()
    link.expiry = undefined
    if (link.neighbour === undefined) return
    link.neighbour = undefined
    this.#options.onLost(link.name)
  }

  #isOurs(link: Link, address: Ip): boolean {
    return this.#interface(link)?.addresses.some((own) => own.equals(address)) === true
  }

  #macOf(link: Link): Uint8Array | undefined {
    const text = this.#interface(link)?.macText
    return text === undefined ? undefined : Mac.parse(text)?.bytes
  }

  #interface(link: Link) {
    return this.#options.network.interfaces().find(({ name }) => name === link.name)
  }
}
