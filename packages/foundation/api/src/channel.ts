/**
 * A WebSocket (RFC 6455): messages of bytes in both directions. A handler of an endpoint with status 101 answers with a
 * function that gets one; `serveHttp` makes the connection into it. At the other end `channelClient` gives one.
 */
import type { WebSocket } from 'ws'

/** Of one message on a WebSocket. */
export const MAX_MESSAGE_BYTES = 1 << 20

export interface Channel {
  send(message: Uint8Array): void
  /** What was sent and has not left yet; whoever sends much waits while this is large. */
  readonly bufferedBytes: number
  /** Text messages arrive as their UTF-8 bytes. */
  onMessage(listener: (message: Uint8Array) => void): void
  /** Once, whoever closed it, with RFC 6455's code (1006: the connection broke) and the other end's reason. */
  onClose(listener: (code: number, reason: string) => void): void
  /** @param code RFC 6455 §7.4.1; 1000 is a normal end. */
  close(code?: number, reason?: string): void
}

export type Accept = (channel: Channel) => void

const accepts = new WeakMap<Response, Accept>()

/** The answer that turns a connection into a channel. Without a server that can do that it is a 426. */
export function upgradeResponse(accept: Accept, headers: Readonly<Record<string, string>>): Response {
  const response = new Response('this path is a WebSocket', {
    status: 426,
    headers: { ...headers, upgrade: 'websocket', 'content-type': 'text/plain' },
  })
  accepts.set(response, accept)
  return response
}

/** What to do with the connection, if the response is such an answer. */
export function acceptOf(response: Response): Accept | undefined {
  return accepts.get(response)
}

export function channelOver(socket: WebSocket): Channel {
  // A peer that breaks the protocol is closed by the library, with the reason; there is nothing else to do about it.
  socket.on('error', () => {})
  return {
    send: (message) => {
      if (socket.readyState === socket.OPEN) socket.send(message)
    },
    get bufferedBytes() {
      return socket.bufferedAmount
    },
    onMessage: (listener) => {
      // because the socket was told to give messages as one buffer
      socket.on('message', (data) => listener(new Uint8Array(data as Buffer)))
    },
    onClose: (listener) => void socket.once('close', (code, reason) => listener(code, reason.toString())),
    close: (code = 1000, reason = '') => socket.close(code, reason),
  }
}
