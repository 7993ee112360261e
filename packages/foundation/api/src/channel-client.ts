/**
 * The client half of WebSockets (RFC 6455): one typed method per endpoint with status 101, over the connections of any
 * `Network`. What the server refuses is the same failure that a request would have got.
 */
import type { IncomingMessage } from 'node:http'
import { type Network, socketError, type TcpSocket } from '@lodestone/host'
import { WebSocket } from 'ws'
import { type Accept, channelOver, MAX_MESSAGE_BYTES } from './channel.ts'
import { type CallInput, type CallResult, makeRequest, messageOf, readAnswer } from './client.ts'
import type { Api, Endpoint, OperationIds, OperationOf } from './endpoint.ts'
import { bytesOf } from './serve-http.ts'

/** One method for each operation that becomes a WebSocket. */
export type ChannelClient<A extends Api> = {
  readonly [
    Id in OperationIds<A> as OperationOf<A, Id> extends { readonly response: { readonly status: 101 } } ? Id : never
  ]: (input: CallInput<OperationOf<A, Id>>, accept: Accept) => Promise<CallResult<undefined>>
}

/**
 * @param baseUrl as for `client`.
 * Each method calls `accept` before the first message can arrive, and then resolves; when it is refused, or aborted before,
 * `accept` is not called. An abort later does nothing: close the channel.
 */
export function channelClient<A extends Api>(api: A, network: Network, baseUrl: string): ChannelClient<A> {
  const methods: Record<string, (input: CallInput<Endpoint>, accept: Accept) => Promise<CallResult<undefined>>> = {}
  for (const endpoint of api.endpoints) {
    if (endpoint.response.status !== 101) continue
    methods[endpoint.operationId] = async (input, accept) => {
      try {
        return await open(endpoint, makeRequest(endpoint, input, baseUrl), network, accept)
      } catch (cause) {
        return { ok: false, kind: 'unreachable', message: `${baseUrl}: ${messageOf(cause)}`, cause }
      }
    }
  }
  // because there is one method for each such endpoint of A, and makeRequest sends what CallInput<E> describes
  return methods as unknown as ChannelClient<A>
}

/** Rejects with the socket's error when there is no answer. */
async function open(
  endpoint: Endpoint,
  request: Request,
  network: Network,
  accept: Accept,
): Promise<CallResult<undefined>> {
  const url = new URL(request.url)
  if (url.protocol !== 'http:') throw socketError('EPROTONOSUPPORT', `${url.protocol} is not implemented`)
  request.signal.throwIfAborted()
  const connected: TcpSocket = await network.connectTcp({
    address: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 80 : Number(url.port),
  })
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${url.host}${url.pathname}${url.search}`, {
      createConnection: () => connected,
      headers: Object.fromEntries(request.headers),
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    })
    socket.binaryType = 'nodebuffer'
    const abort = (): void => {
      connected.destroy()
      reject(socketError('ECANCELED', 'the request was aborted'))
    }
    const settled = (): void => request.signal.removeEventListener('abort', abort)
    request.signal.addEventListener('abort', abort)
    socket.once('error', (error) => {
      settled()
      connected.destroy()
      reject(error)
    })
    socket.once('unexpected-response', (_, message: IncomingMessage) => {
      settled()
      // A refusal is a JSON document like any other.
      const headers = new Headers({ 'content-type': message.headers['content-type'] ?? 'text/plain' })
      const response = new Response(bytesOf(message), { status: message.statusCode ?? 500, headers })
      readAnswer(endpoint, response).then((answer) => {
        connected.destroy()
        // because a status that is not 101 is no success of this endpoint
        resolve(answer as CallResult<undefined>)
      }, reject)
    })
    socket.once('open', () => {
      settled()
      accept(channelOver(socket))
      resolve({ ok: true, status: 101, value: undefined, headers: new Headers() })
    })
  })
}
