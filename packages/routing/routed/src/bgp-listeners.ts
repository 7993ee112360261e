/**
 * The sockets that BGP listens on. The speaker sees one listener; behind it are as many as the configuration names, and
 * they can change under running sessions. An address that cannot be listened on now is tried until it can.
 */
import {
  type Clock,
  type ConnectOptions,
  type ListenOptions,
  type ListenPeer,
  type Network,
  socketError,
  type TcpListener,
  type TcpSocket,
  type Timer,
} from '@lodestone/host'

/** One place to listen at; without an address, all of them. */
export interface ListenPlace {
  readonly address?: string
  readonly port: number
}

interface Place {
  readonly place: ListenPlace
  listener: TcpListener | undefined
  retry: Timer | undefined
  /** Why it does not listen. */
  problem: string | undefined
  isClosed: boolean
}

export interface ListenStatus {
  readonly place: string
  readonly isListening: boolean
  readonly problem: string | undefined
}

export interface BgpListenersOptions {
  readonly network: Network
  readonly clock: Clock
  readonly onProblem: (place: string, reason: string) => void
}

const RETRY_MS = 1000

export class BgpListeners {
  /** The network with `listenTcp` replaced: what the speaker is given. */
  readonly network: Network
  readonly #options: BgpListenersOptions
  readonly #places = new Map<string, Place>()
  #accept: ((socket: TcpSocket) => void) | undefined
  #peers: readonly ListenPeer[] = []

  constructor(options: BgpListenersOptions) {
    this.#options = options
    const { network } = options
    this.network = {
      name: network.name,
      ...(network.features === undefined ? {} : { features: network.features }),
      connectTcp: (connect: ConnectOptions) => network.connectTcp(connect),
      bindUdp: (bind, onDatagram) => network.bindUdp(bind, onDatagram),
      listenTcp: (listen, onConnection) => this.#listen(listen, onConnection),
    }
  }

  /** Makes these the places listened at; those that stay are not touched. */
  set(places: readonly ListenPlace[]): void {
    const wanted = new Map(places.map((place) => [placeText(place), place]))
    for (const [text, place] of this.#places) if (!wanted.has(text)) this.#remove(text, place)
    for (const [text, place] of wanted) {
      if (this.#places.has(text)) continue
      const entry: Place = { place, listener: undefined, retry: undefined, problem: undefined, isClosed: false }
      this.#places.set(text, entry)
      if (this.#accept !== undefined) this.#open(text, entry)
    }
  }

  status(): readonly ListenStatus[] {
    return Array.from(this.#places, ([place, { listener, problem }]) => ({
      place,
      isListening: listener !== undefined,
      problem,
    }))
  }

  close(): void {
    for (const [text, place] of this.#places) this.#remove(text, place)
    this.#accept = undefined
  }

  #listen(options: ListenOptions, onConnection: (socket: TcpSocket) => void): Promise<TcpListener> {
    if (this.#accept !== undefined) return Promise.reject(socketError('EADDRINUSE', 'BGP listens already'))
    this.#accept = onConnection
    this.#peers = options.peers ?? []
    for (const [text, place] of this.#places) this.#open(text, place)
    return Promise.resolve({
      port: options.port,
      close: () => this.close(),
      setPeers: (peers) => {
        this.#peers = peers
        for (const { listener } of this.#places.values()) listener?.setPeers?.(peers)
      },
    })
  }

  #open(text: string, entry: Place): void {
    const { network, clock, onProblem } = this.#options
    const peers = this.#peers
    const listening = network.listenTcp({ ...entry.place, ...(peers.length === 0 ? {} : { peers }) }, (socket) => {
      // because nothing is opened before there is somebody to accept
      this.#accept!(socket)
    })
    listening.then(
      (listener) => {
        if (entry.isClosed) return listener.close()
        entry.listener = listener
        entry.problem = undefined
        if (this.#peers !== peers) listener.setPeers?.(this.#peers)
      },
      (error: Error) => {
        if (entry.isClosed) return
        if (entry.problem !== error.message) onProblem(text, error.message)
        entry.problem = error.message
        entry.retry = clock.after(RETRY_MS, () => this.#open(text, entry))
      },
    )
  }

  #remove(text: string, entry: Place): void {
    entry.isClosed = true
    entry.retry?.cancel()
    entry.listener?.close()
    this.#places.delete(text)
  }
}

function placeText({ address, port }: ListenPlace): string {
  if (address === undefined) return `*:${port}`
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
