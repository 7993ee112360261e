/**
 * The exchange over HTTP/1.1 between link-local addresses, TCP port 0xdddd: `PUT /v3/push`, `GET /v3/pull`, and the same
 * under `/v2`. Link-local addresses need their interface, which a URL cannot carry, so each interface gets its own view of
 * the network that adds it.
 */
import { httpFetch, serveHttp } from '@lodestone/api'
import { type Clock, type ConnectOptions, type InterfaceNetwork, type Network, socketError } from '@lodestone/host'
import type { Ip } from '@lodestone/net'
import {
  decodeSnapshot,
  decodeUpdate,
  encodeSnapshot,
  encodeUpdate,
  type ExchangeSnapshot,
  type ExchangeUpdate,
  type ExchangeVersion,
} from './exchange-message.ts'
import type { Timing } from './timing.ts'

export const EXCHANGE_PORT = 0xdddd
/** Far above what a rack exchanges; more is a fault. */
const MAX_BODY_BYTES = 8 << 20

/** Marks a pull of a router that is in Exchange already. Others ignore it; it keeps two of ours from echoing pulls. */
const CHECK_HEADER = 'x-ddm-check'

/** What a neighbour may ask of us on one interface. */
export interface ExchangeHandler {
  /**
   * Everything the neighbour should know; `undefined` when none is known here yet: it should try again.
   * @param isCheck it is not just entering Exchange.
   */
  pulled(isCheck: boolean): ExchangeSnapshot | undefined
  /** @returns false when no neighbour is known here yet. */
  pushed(update: ExchangeUpdate): boolean
  malformed(reason: string): void
}

export interface ExchangeServer {
  close(): void
}

export class HttpExchange {
  readonly #network: Network
  readonly #clock: Clock
  readonly #timing: Timing
  readonly #interfaceName: string
  /** Falls back to 2 for a neighbour that has no version 3. */
  #version: ExchangeVersion = 3

  constructor(network: InterfaceNetwork, interfaceName: string, clock: Clock, timing: Timing) {
    this.#interfaceName = interfaceName
    this.#clock = clock
    this.#timing = timing
    this.#network = zonedNetwork(network, interfaceName)
  }

  /** There is another neighbour now, whose versions are not known yet. */
  reset(): void {
    this.#version = 3
  }

  /** Rejects as `listenTcp` does. */
  serve(address: Ip, handler: ExchangeHandler): Promise<ExchangeServer> {
    const options = { address: `${address}%${this.#interfaceName}`, port: EXCHANGE_PORT }
    return serveHttp(this.#network, options, (request) => answer(request, handler))
  }

  /** Rejects when the neighbour cannot be reached in time or answers with an error. */
  async pull(from: Ip, isCheck: boolean): Promise<ExchangeSnapshot> {
    const init = { method: 'GET', headers: isCheck ? { [CHECK_HEADER]: '1' } : {} }
    const { text, version } = await this.#request(from, 'pull', this.#timing.pullTimeoutMs, () => init)
    const decoded = decodeSnapshot(text, version)
    if (!decoded.ok) throw socketError('EPROTO', `the snapshot of ${from} is malformed: ${decoded.reason}`)
    return decoded.value
  }

  async push(to: Ip, update: ExchangeUpdate): Promise<void> {
    await this.#request(to, 'push', this.#timing.pushTimeoutMs, (version) => ({
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: encodeUpdate(update, version),
    }))
  }

  async #request(
    peer: Ip,
    operation: string,
    timeoutMs: number,
    init: (version: ExchangeVersion) => RequestInit,
  ): Promise<{ readonly text: string; readonly version: ExchangeVersion }> {
    const fetchOnce = httpFetch(this.#network, { timeoutMs })
    const abort = new AbortController()
    const call = async (version: ExchangeVersion): Promise<{ readonly status: number; readonly text: string }> => {
      const url = `http://[${peer}]:${EXCHANGE_PORT}/v${version}/${operation}`
      const response = await fetchOnce(new Request(url, { ...init(version), signal: abort.signal }))
      const text = await boundedText(response.body)
      if (text === undefined) throw socketError('EPROTO', `${peer} answered with more than ${MAX_BODY_BYTES} bytes`)
      return { status: response.status, text }
    }
    const exchange = async (): Promise<{ readonly text: string; readonly version: ExchangeVersion }> => {
      let version = this.#version
      let response = await call(version)
      if (response.status === 404 && version === 3) {
        version = this.#version = 2
        response = await call(version)
      }
      const { status, text } = response
      if (status < 200 || status > 299) throw socketError('EPROTO', `${peer} answered ${status} ${text.slice(0, 200)}`)
      return { text, version }
    }
    // One deadline for connection, headers and body together.
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(timeoutMs, () => {
        const error = socketError('ETIMEDOUT', `${peer} did not answer in ${timeoutMs} ms`)
        abort.abort(error)
        reject(error)
      })
      exchange()
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }
}

/** Serves one request of a neighbour. */
export async function answer(request: Request, handler: ExchangeHandler): Promise<Response> {
  const match = /^\/v([23])\/(push|pull)$/.exec(new URL(request.url).pathname)
  if (match === null) return new Response(null, { status: 404 })
  const version: ExchangeVersion = match[1] === '2' ? 2 : 3
  if (match[2] === 'pull') {
    if (request.method !== 'GET') return new Response(null, { status: 405, headers: { allow: 'GET' } })
    const snapshot = handler.pulled(request.headers.has(CHECK_HEADER))
    if (snapshot === undefined) return new Response(null, { status: 503 })
    return new Response(encodeSnapshot(snapshot, version), { headers: { 'content-type': 'application/json' } })
  }
  if (request.method !== 'PUT') return new Response(null, { status: 405, headers: { allow: 'PUT' } })
  let text: string | undefined
  try {
    text = await boundedText(request.body)
  } catch {
    // The connection broke off in the middle of the body; nobody is left to read the answer.
    handler.malformed('the body broke off')
    return new Response(null, { status: 400 })
  }
  const update = text === undefined ? undefined : decodeUpdate(text, version)
  if (update === undefined || !update.ok) {
    const reason = update?.reason ?? `a body over ${MAX_BODY_BYTES} bytes`
    handler.malformed(reason)
    return Response.json({ message: reason }, { status: update === undefined ? 413 : 400 })
  }
  return new Response(null, { status: handler.pushed(update.value) ? 204 : 503 })
}

/** Rejects when the connection breaks. @returns `undefined` when there is more than the limit. */
async function boundedText(body: ReadableStream<Uint8Array> | null): Promise<string | undefined> {
  if (body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.length
    // Not cancelled: that would reset the connection before the answer is out.
    if (size > MAX_BODY_BYTES) return undefined
    text += decoder.decode(value, { stream: true })
  }
}

/** The network as one interface sees it: link-local destinations get the interface as zone. */
function zonedNetwork(network: InterfaceNetwork, interfaceName: string): Network {
  return {
    name: `${network.name}%${interfaceName}`,
    listenTcp: (options, onConnection) => network.listenTcp(options, onConnection),
    bindUdp: (options, onDatagram) => network.bindUdp(options, onDatagram),
    connectTcp: (options: ConnectOptions) =>
      network.connectTcp({ ...options, address: `${options.address}%${interfaceName}` }),
  }
}
