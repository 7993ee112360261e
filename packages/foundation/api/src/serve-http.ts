/**
 * HTTP/1.1 (RFC 9112) service over the sockets of any `Network`, plain or over TLS. Node's parser runs on the given byte stream, so
 * the same daemon serves on the operating system and on an emulated NIC. No timers are started: Node's own timeouts are
 * real time, and under a virtual clock time belongs to the caller.
 *
 * A request for a WebSocket is a request like any other until the handler has answered it.
 *
 * NOT IMPLEMENTED: trailers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { http, type Network, type TcpSocket, type TlsIdentityOf, TlsServer } from '@lodestone/host'
import { WebSocketServer } from 'ws'
import { acceptOf, channelOver, MAX_MESSAGE_BYTES } from './channel.ts'
import type { HttpHandler } from './implement.ts'

export interface HttpServer {
  readonly port: number
  /** Stops listening and resets every open connection. */
  close(): void
}

type Scheme = 'http' | 'https'

const peers = new WeakMap<Request, string>()

/** Where a request came from over the network; undefined for a request that came by a direct call. */
export function peerAddress(request: Request): string | undefined {
  return peers.get(request)
}

export interface ServeHttpOptions {
  readonly address?: string
  /** 0 picks a free one. */
  readonly port: number
  /** HTTPS with these certificates; requests then have `https:` URLs. */
  readonly tls?: TlsIdentityOf
}

/** Rejects as `listenTcp` does: `EADDRINUSE`, `EADDRNOTAVAIL`. */
export async function serveHttp(
  network: Network,
  { tls, ...options }: ServeHttpOptions,
  handler: HttpHandler,
): Promise<HttpServer> {
  const scheme = tls === undefined ? 'http' : 'https'
  const secured = tls === undefined ? undefined : new TlsServer(tls)
  const sockets = new Set<TcpSocket>()
  const server = http.createServer({
    requestTimeout: 0,
    headersTimeout: 0,
    keepAliveTimeout: 0,
    connectionsCheckingInterval: 0x7fffffff,
  })
  server.on('request', (message, response) => void answer(message, response, scheme, handler))
  const channels = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false })
  server.on('upgrade', (message, socket, head) => void upgrade(channels, message, socket, head, scheme, handler))
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
    else socket.destroy()
  })
  const listener = await network.listenTcp(options, (socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()) // a peer that resets is no event of ours
    socket.on('close', () => sockets.delete(socket))
    if (secured === undefined) return void server.emit('connection', socket)
    const begin = (stream: TcpSocket | undefined): void => {
      if (stream === undefined) return
      stream.on('error', () => socket.destroy()) // a handshake that failed is no event of ours either
      socket.on('close', () => stream.destroy())
      server.emit('connection', stream)
    }
    secured.accept(socket).then(begin, () => socket.destroy())
  })
  return {
    port: listener.port,
    close() {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

async function answer(
  message: IncomingMessage,
  response: ServerResponse,
  scheme: Scheme,
  handler: HttpHandler,
): Promise<void> {
  response.sendDate = false // Node caches the date with a real timer
  response.on('error', () => response.destroy())
  const request = toRequest(message, scheme)
  if (request === undefined) {
    response.writeHead(400, { 'content-length': 0 }).end()
    return
  }
  const { remoteAddress } = message.socket
  if (remoteAddress !== undefined) peers.set(request, remoteAddress)
  let result: Response
  try {
    result = await handler(request)
  } catch (error) {
    // The handlers that `implement` makes never reject; this keeps one bad handler from taking the daemon down.
    const text = JSON.stringify({ message: 'Internal Server Error', request_id: '' })
    response.writeHead(500, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
    message.resume()
    if (!(error instanceof Error)) throw error
    return
  }
  message.resume() // what the handler left unread
  for (const [name, value] of result.headers) if (name !== 'set-cookie') response.setHeader(name, value)
  const cookies = result.headers.getSetCookie()
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  if (result.body === null) {
    if (result.status !== 204 && result.status !== 304) response.setHeader('content-length', 0)
    response.writeHead(result.status).end()
    return
  }
  if (isDocument(result)) return answerWhole(result, response)
  response.writeHead(result.status)
  response.flushHeaders()
  await pump(result.body, response)
}

/** What is refused is answered as plain HTTP, and the connection ends. */
async function upgrade(
  channels: WebSocketServer,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  scheme: Scheme,
  handler: HttpHandler,
): Promise<void> {
  socket.on('error', () => socket.destroy())
  const request = toRequest(message, scheme)
  if (request === undefined) return refuseUpgrade(socket, new Response(null, { status: 400 }))
  if (message.socket.remoteAddress !== undefined) peers.set(request, message.socket.remoteAddress)
  let response: Response
  try {
    response = await handler(request)
  } catch {
    response = new Response(null, { status: 500 }) // as in `answer`
  }
  const accept = acceptOf(response)
  if (accept === undefined) return refuseUpgrade(socket, response)
  channels.handleUpgrade(message, socket, head, (webSocket) => {
    webSocket.binaryType = 'nodebuffer'
    accept(channelOver(webSocket))
  })
}

async function refuseUpgrade(socket: Duplex, response: Response): Promise<void> {
  const status = response.ok ? 426 : response.status
  const body = Buffer.from(await response.arrayBuffer())
  const lines = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}`, 'connection: close']
  for (const name of ['content-type', 'x-request-id']) {
    const value = response.headers.get(name)
    if (value !== null) lines.push(`${name}: ${value}`)
  }
  lines.push(`content-length: ${body.length}`, '', '')
  socket.write(lines.join('\r\n'))
  socket.end(body)
}

/** Whether the body is a document, and not a stream whose first bytes may be long in coming. */
function isDocument({ headers }: Response): boolean {
  return headers.has('content-length') || headers.get('content-type')?.startsWith('application/json') === true
}

/** Header and body in one write, and so in one TCP segment where they fit. */
async function answerWhole(result: Response, response: ServerResponse): Promise<void> {
  let body: Uint8Array
  try {
    body = new Uint8Array(await result.arrayBuffer())
  } catch {
    response.destroy() // as in `pump`
    return
  }
  response.setHeader('content-length', body.length)
  response.writeHead(result.status)
  response.end(body)
}

function toRequest(message: IncomingMessage, scheme: Scheme): Request | undefined {
  const headers = new Headers()
  try {
    for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
      headers.append(message.rawHeaders[i]!, message.rawHeaders[i + 1]!)
    }
    const hasBody = message.method !== 'GET' && message.method !== 'HEAD'
    return new Request(new URL(message.url ?? '/', `${scheme}://${message.headers.host ?? 'localhost'}`), {
      method: message.method ?? 'GET',
      headers,
      ...(hasBody ? { body: bytesOf(message), duplex: 'half' } : {}),
    })
  } catch (error) {
    if (error instanceof TypeError) return undefined // a URL or method that Request refuses
    throw error
  }
}

/** The body of a message as a stream that holds the socket back while nobody reads. */
export function bytesOf(message: IncomingMessage, onEnd: () => void = () => {}): ReadableStream<Uint8Array> {
  let isOpen = true
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // Every message closes in the end: an error is made only for those that had more to say, because its stack costs more than
      // all else that is done for a short body.
      const fail = (makeError: () => Error): void => {
        if (!isOpen) return
        isOpen = false
        controller.error(makeError())
        onEnd()
      }
      message.on('data', (chunk: Uint8Array) => {
        if (!isOpen) return
        // Not a copy: Node's parser hands over bytes that nobody writes to any more.
        controller.enqueue(new Uint8Array(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.length))
        if ((controller.desiredSize ?? 0) <= 0) message.pause()
      })
      message.on('end', () => {
        if (!isOpen) return
        isOpen = false
        controller.close()
        onEnd()
      })
      message.on('error', (error) => fail(() => error))
      message.on('close', () => fail(() => new Error('the connection closed before the body ended')))
      message.pause()
    },
    pull() {
      message.resume()
    },
    cancel() {
      isOpen = false
      message.destroy()
      onEnd()
    },
  })
}

async function pump(body: ReadableStream<Uint8Array>, response: ServerResponse): Promise<void> {
  const reader = body.getReader()
  let wake: (() => void) | undefined
  response.on('drain', () => wake?.())
  response.on('close', () => {
    wake?.()
    if (!response.writableFinished) void reader.cancel()
  })
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (response.destroyed) return
      if (done) break
      if (!response.write(value)) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = undefined
      }
    }
    response.end()
  } catch {
    // The source failed half way: cutting the connection is the only way left to say so (RFC 9112 §8).
    response.destroy()
  }
}
