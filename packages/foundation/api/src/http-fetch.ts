/**
 * An HTTP/1.1 client over the sockets of any `Network`: `fetch` without ambient sockets or time. One connection per
 * request. Rejects with the socket's error (`ECONNREFUSED`, `ETIMEDOUT`, `ECONNRESET`, …).
 */
import http from 'node:http'
import { type Clock, type Network, socketError } from '@lodestone/host'
import type { FetchLike } from './client.ts'
import { bytesOf } from './serve-http.ts'

export interface HttpFetchOptions {
  /** With a clock, a request that has no response headers after `timeoutMs` fails with `ETIMEDOUT`. */
  readonly clock?: Clock
  /** Default 30 000. */
  readonly timeoutMs?: number
  /** Source address of the connections. */
  readonly localAddress?: string
}

export function httpFetch(network: Network, options: HttpFetchOptions = {}): FetchLike {
  const timeoutMs = options.timeoutMs ?? 30_000
  return async (request) => {
    const url = new URL(request.url)
    if (url.protocol !== 'http:') throw socketError('EPROTONOSUPPORT', `${url.protocol} is not implemented`)
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
    request.signal.throwIfAborted()
    const socket = await network.connectTcp({
      address: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? 80 : Number(url.port),
      timeoutMs,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    })
    return new Promise<Response>((resolve, reject) => {
      const fail = (error: Error): void => {
        done()
        outgoing.destroy()
        socket.destroy()
        reject(error)
      }
      const abort = (): void => fail(request.signal.reason instanceof Error ? request.signal.reason : aborted())
      const timer = options.clock?.after(timeoutMs, () =>
        fail(socketError('ETIMEDOUT', `${url.host} did not answer in ${timeoutMs} ms`)),
      )
      const done = (): void => {
        timer?.cancel()
        request.signal.removeEventListener('abort', abort)
      }
      const outgoing = http.request({
        method: request.method,
        path: url.pathname + url.search,
        headers: { host: url.host, ...Object.fromEntries(request.headers), ...lengthOf(body) },
        createConnection: () => socket,
      })
      outgoing.on('error', fail)
      outgoing.on('response', (message) => {
        timer?.cancel()
        resolve(toResponse(message, done))
      })
      request.signal.addEventListener('abort', abort)
      outgoing.end(body)
    })
  }
}

function lengthOf(body: Uint8Array | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': String(body.length) }
}

function toResponse(message: http.IncomingMessage, onEnd: () => void): Response {
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
  return new Response(bytesOf(message, onEnd), { status, headers })
}

function aborted(): Error {
  return socketError('ECANCELED', 'the request was aborted')
}
