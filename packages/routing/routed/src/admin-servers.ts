/** The places that an HTTP interface is served at; they change with the configuration, those that stay keep their connections. */
import { type HttpHandler, type HttpServer, serveHttp } from '@lodestone/api'
import type { Clock, Network, Timer } from '@lodestone/host'
import { parseSocketAddress } from './file/text-value.ts'

/** A place that is given up answers what is under way there: often the very request that gives it up. */
const FAREWELL_MS = 500

export class AdminServers {
  readonly #clock: Clock
  readonly #network: Network
  readonly #handler: HttpHandler
  readonly #servers = new Map<string, HttpServer>()
  readonly #leaving = new Map<string, { readonly server: HttpServer; readonly timer: Timer }>()

  constructor(clock: Clock, network: Network, handler: HttpHandler) {
    this.#clock = clock
    this.#network = network
    this.#handler = handler
  }

  /**
   * Makes `places` (`ADDRESS:PORT` or the path of a Unix socket) those that are served.
   * @returns what could not be opened, and why.
   */
  async set(places: readonly string[]): Promise<readonly { readonly place: string; readonly reason: string }[]> {
    for (const [place, server] of this.#servers) {
      if (places.includes(place)) continue
      this.#servers.delete(place)
      const timer = this.#clock.after(FAREWELL_MS, () => {
        this.#leaving.delete(place)
        server.close()
      })
      this.#leaving.set(place, { server, timer })
    }
    const failures: { place: string; reason: string }[] = []
    for (const place of new Set(places)) {
      if (this.#servers.has(place)) continue
      const leaving = this.#leaving.get(place)
      if (leaving !== undefined) {
        leaving.timer.cancel()
        this.#leaving.delete(place)
        this.#servers.set(place, leaving.server)
        continue
      }
      try {
        this.#servers.set(place, await serveHttp(this.#network, listenOptions(place), this.#handler))
      } catch (error) {
        if (!(error instanceof Error)) throw error
        failures.push({ place, reason: error.message })
      }
    }
    return failures
  }

  /** The places served, with the port that was really taken where port 0 was asked for. */
  places(): readonly string[] {
    return Array.from(this.#servers, ([place, { port }]) => place.replace(/:0$/, `:${port}`))
  }

  close(): void {
    for (const server of this.#servers.values()) server.close()
    for (const { server, timer } of this.#leaving.values()) {
      timer.cancel()
      server.close()
    }
    this.#servers.clear()
    this.#leaving.clear()
  }
}

function listenOptions(place: string): { readonly address: string; readonly port: number } {
  const socket = parseSocketAddress(place)
  if (socket === undefined) return { address: place, port: 0 }
  return {
    address: socket.zone === undefined ? `${socket.address}` : `${socket.address}%${socket.zone}`,
    port: socket.port,
  }
}
