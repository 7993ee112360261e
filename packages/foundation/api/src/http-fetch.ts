/**
 * An HTTP/1.1 client over the sockets of any `Network`, plain or over TLS: `fetch` without ambient sockets or time. One connection per
 * request. Rejects with the socket's error (`ECONNREFUSED`, `ETIMEDOUT`, `ECONNRESET`, …).
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import {
  type Clock,
  connectTls,
  http,
  type Network,
  socketError,
  type TcpSocket,
  type TlsClientOptions,
} from '@lodestone/host'
import type { FetchLike } from './client.ts'
import { bytesOf } from './serve-http.ts'

export interface HttpFetchOptions {
  /**
   * With a clock, a request that has no response headers after `timeoutMs` fails with `ETIMEDOUT`, and so does the body of one whose length
   * the headers say: a server that went away without a word would never be heard of again. Other bodies are streams, which take their time.
   */
  readonly clock?: Clock
  /** Counted from the start of the request, connecting included; default 30 000. */
  readonly timeoutMs?: number
  /** Source address of the connections. */
  readonly localAddress?: string
  /** Whom to believe where the URL is `https:`; the platform's authorities unless given. */
  readonly tls?: TlsClientOptions
  /** Which addresses may be connected to, however a URL names them; networks of other hosts than ours know no names. */
  readonly allows?: (address: string) => boolean
  /** Where to connect to in place of the host that the URL names: for names that are resolved elsewhere. */
  readonly address?: string
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

export function httpFetch(network: Network, options: HttpFetchOptions = {}): FetchLike {
  const timeoutMs = options.timeoutMs ?? 30_000
  return async (request) => {
    const url = new URL(request.url)
    const defaultPort = DEFAULT_PORTS[url.protocol]
    if (defaultPort === undefined) throw socketError('EPROTONOSUPPORT', `${url.protocol} is not implemented`)
    const hostname = url.hostname.replace(/^\[|\]$/g, '')
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
    request.signal.throwIfAborted()
    const connected = network.connectTcp({
      address: options.address ?? hostname,
      port: url.port === '' ? defaultPort : Number(url.port),
      timeoutMs,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      ...(options.allows === undefined ? {} : { allows: options.allows }),
    })
    return new Promise<Response>((resolve, reject) => {
      let socket: TcpSocket | undefined
      let outgoing: ClientRequest | undefined
      let incoming: IncomingMessage | undefined
      let isOver = false
      const fail = (error: Error): void => {
        if (!isOver) incoming?.destroy(error) // whoever reads the body is told
        done()
        outgoing?.destroy()
        socket?.destroy()
        reject(error)
      }
      const abort = (): void => fail(request.signal.reason instanceof Error ? request.signal.reason : aborted())
      const timer = options.clock?.after(timeoutMs, () =>
        fail(socketError('ETIMEDOUT', `${url.host} did not answer in ${timeoutMs} ms`)),
      )
      const done = (): void => {
        isOver = true
        timer?.cancel()
        request.signal.removeEventListener('abort', abort)
      }
      request.signal.addEventListener('abort', abort)
      const secure = (plain: TcpSocket): TcpSocket | Promise<TcpSocket> => {
        socket = plain
        if (isOver) plain.destroy()
        return url.protocol === 'http:' ? plain : connectTls(plain, hostname, options.tls)
      }
      const send = (stream: TcpSocket): void => {
        if (isOver) return void stream.destroy()
        outgoing = http.request({
          method: request.method,
          path: url.pathname + url.search,
          headers: { host: url.host, ...Object.fromEntries(request.headers), ...lengthOf(body) },
          createConnection: () => stream,
        })
        outgoing.on('error', fail)
        outgoing.on('response', (message) => {
          if (message.headers['content-length'] === undefined) timer?.cancel()
          incoming = message
          resolve(toResponse(message, done))
        })
        outgoing.end(body)
      }
      connected.then(secure).then(send, fail)
    })
  }
}

function lengthOf(body: Uint8Array | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(body.length) }
}

function toResponse(message: IncomingMessage, onEnd: () => void): Response {
  const headers = new Headers()
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    headers.append(message.rawHeaders[i]!, message.rawHeaders[i + 1]!)
  }
  const status = message.statusCode ?? 0
  if (status < 200 || status === 204 || status === 205 || status === 304) {
    message.resume()
    onEnd()
    return new Response(null, { status: Math.max(200, status), headers })
  }
  return new Response(bytesOf(message, onEnd), { status, statusText: message.statusMessage ?? '', headers })
}

function aborted(): Error {
  return socketError('ECANCELED', 'the request was aborted')
}
