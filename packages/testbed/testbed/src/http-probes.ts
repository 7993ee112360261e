/**
 * The probes of HTTP: requests to the control plane's interface (`api`), and what its reconcilers ask of sleds and switches
 * (`reconciler`). Handlers and fetch functions are wrapped once; while nobody watches, a call costs one comparison more.
 */
import type { FetchLike, HttpHandler } from '@lodestone/api'
import type { Clock } from '@lodestone/host'
import type { ProbeEvent, ProbePoint, ProbeSource } from '@lodestone/probe'

const REQUEST = {
  method: 'GET, POST, …',
  path: 'of the request, without its query',
  bytes: 'length of the body, where it is told',
}
const RESPONSE = { ...REQUEST, status: 'of the answer; 0 where there was none', ms: 'milliseconds since the request' }

export class HttpProbes implements ProbeSource {
  readonly points: readonly ProbePoint[]
  readonly #provider: string
  readonly #node: string
  readonly #clock: Clock
  readonly #listeners = new Set<(event: ProbeEvent) => void>()

  constructor(provider: 'api' | 'reconciler', node: string, clock: Clock) {
    this.#provider = provider
    this.#node = node
    this.#clock = clock
    const who = provider === 'api' ? 'The control plane' : 'A sled or switch'
    this.points = [
      { provider, unit: 'host', name: 'request', sentence: `${who} was asked something.`, fields: REQUEST },
      { provider, unit: 'host', name: 'done', sentence: `${who} has answered.`, fields: RESPONSE },
    ]
  }

  subscribe(listener: (event: ProbeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  handler(inner: HttpHandler): HttpHandler {
    return (request, ...rest) =>
      this.#listeners.size === 0 ? inner(request, ...rest) : this.#around(request, () => inner(request, ...rest))
  }

  fetch(inner: FetchLike): FetchLike {
    return (request) => (this.#listeners.size === 0 ? inner(request) : this.#around(request, () => inner(request)))
  }

  async #around(request: Request, run: () => Promise<Response>): Promise<Response> {
    const { host, pathname } = new URL(request.url)
    const length = request.headers.get('content-length')
    const about = { method: request.method, path: pathname, bytes: length === null ? undefined : Number(length) }
    const startMs = this.#clock.nowMs()
    this.#say(host, 'request', about)
    let status = 0
    try {
      const response = await run()
      status = response.status
      return response
    } finally {
      this.#say(host, 'done', { ...about, status, ms: this.#clock.nowMs() - startMs })
    }
  }

  #say(unit: string, name: string, fields: ProbeEvent['fields']): void {
    const event = { provider: this.#provider, node: this.#node, unit, name, atMs: this.#clock.nowMs(), fields }
    for (const listener of this.#listeners) listener(event)
  }
}
