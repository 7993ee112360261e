/**
 * Runs one guest module in its own thread. Before the module is loaded, every way out is closed: module resolution
 * refuses whatever it asks for, and the globals that reach the machine are gone. What is left is `GuestApi`.
 */
import { registerHooks } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { GuestApi, GuestConnection } from './guest.ts'
import type { GuestMessage, GuestWorkerData, SledMessage } from './message.ts'

/** What `delete` alone cannot say: these reach files, other threads, or the host's network. */
const FORBIDDEN_GLOBALS = [
  'process',
  'fetch',
  'WebSocket',
  'EventSource',
  'BroadcastChannel',
  'Worker',
  'navigator',
  'localStorage',
  'sessionStorage',
  'require',
  'module',
  'console',
  'global',
] as const

class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = []
  readonly #onTaken: (item: T) => void
  #ended = false
  #wake: (() => void) | undefined

  constructor(onTaken: (item: T) => void = () => {}) {
    this.#onTaken = onTaken
  }

  push(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const item = this.#items.shift()
      if (item !== undefined) {
        this.#onTaken(item)
        yield item
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
  }
}

const port = parentPort! // because this file runs as a worker only
const data = workerData as GuestWorkerData
const send = (message: GuestMessage): void => port.postMessage(message)
const encoder = new TextEncoder()

let nextRequest = 1
const waiting = new Map<number, { resolve: (value: number) => void; reject: (error: Error) => void }>()
const connections = new Map<number, { queue: Queue<Uint8Array> }>()
const listeners = new Map<number, (connection: GuestConnection) => void | Promise<void>>()
const servers = new Map<number, (request: Request) => Response | Promise<Response>>()
const lines = new Queue<string>()
let partialLine = ''

function call(build: (request: number) => GuestMessage): { request: number; answer: Promise<number> } {
  const request = nextRequest++
  const answer = new Promise<number>((resolve, reject) => waiting.set(request, { resolve, reject }))
  send(build(request))
  return { request, answer }
}

function open(id: number, remoteAddress: string, remotePort: number): GuestConnection {
  const queue = new Queue<Uint8Array>((bytes) => send({ kind: 'taken', connection: id, bytes: bytes.length }))
  connections.set(id, { queue })
  return {
    remoteAddress,
    remotePort,
    async write(content) {
      const bytes = typeof content === 'string' ? encoder.encode(content) : content
      await call((request) => ({ kind: 'write', request, connection: id, bytes })).answer
    },
    end: () => send({ kind: 'end', connection: id }),
    close: () => send({ kind: 'close', connection: id }),
    [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator](),
  }
}

function print(text: string): void {
  send({ kind: 'print', bytes: encoder.encode(text.replaceAll('\n', '\r\n')) })
}

function fail(what: string, error: unknown): void {
  print(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
}

async function exchange(message: Extract<SledMessage, { kind: 'request' }>): Promise<void> {
  const hasBody = message.method !== 'GET' && message.method !== 'HEAD'
  let response: Response
  try {
    const request = new Request(message.url, {
      method: message.method,
      headers: message.headers.map(([name, value]): [string, string] => [name, value]),
      ...(hasBody ? { body: message.body as Uint8Array<ArrayBuffer> } : {}),
    })
    response = await servers.get(message.server)!(request)
  } catch (error) {
    fail('http handler', error)
    response = new Response('internal error\n', { status: 500 })
  }
  send({
    kind: 'response',
    exchange: message.exchange,
    status: response.status,
    headers: [...response.headers],
    body: new Uint8Array(await response.arrayBuffer()),
  })
}

port.on('message', (message: SledMessage) => {
  switch (message.kind) {
    case 'done':
      waiting.get(message.request)?.resolve(message.value)
      waiting.delete(message.request)
      break
    case 'failed':
      waiting.get(message.request)?.reject(new Error(message.message))
      waiting.delete(message.request)
      break
    case 'accepted': {
      const connection = open(message.connection, message.remoteAddress, message.remotePort)
      const run = async (): Promise<void> => {
        await listeners.get(message.listener)?.(connection)
      }
      run().catch((error: unknown) => {
        fail('connection handler', error)
        connection.close()
      })
      break
    }
    case 'data':
      connections.get(message.connection)?.queue.push(message.bytes)
      break
    case 'ended':
      connections.get(message.connection)?.queue.end()
      break
    case 'closed':
      connections.get(message.connection)?.queue.end()
      connections.delete(message.connection)
      break
    case 'request':
      void exchange(message)
      break
    case 'input': {
      const parts = (partialLine + new TextDecoder().decode(message.bytes)).split(/\r\n|\r|\n/)
      partialLine = parts.pop()!
      for (const line of parts) lines.push(line)
      break
    }
  }
})

const guest: GuestApi = {
  hostname: data.hostname,
  addresses: data.addresses,
  clock: {
    nowMs: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  },
  console: { print, lines },
  net: {
    async listen(portNumber, onConnection) {
      const { request, answer } = call((id) => ({ kind: 'listen', request: id, port: portNumber }))
      listeners.set(request, onConnection)
      await answer
    },
    async connect(address, portNumber) {
      const { answer } = call((id) => ({ kind: 'connect', request: id, address, port: portNumber }))
      return open(await answer, address, portNumber)
    },
  },
  http: {
    async serve(portNumber, handler) {
      const { request, answer } = call((id) => ({ kind: 'serve', request: id, port: portNumber }))
      servers.set(request, handler)
      await answer
    },
  },
}

const guestUrl = `data:text/javascript;base64,${Buffer.from(data.source).toString('base64')}`
registerHooks({
  resolve(specifier, context, next) {
    if (specifier === guestUrl && context.parentURL === import.meta.url) return next(specifier, context)
    throw new Error(`a guest module imports nothing: ${specifier.slice(0, 80)}`)
  },
})
for (const name of FORBIDDEN_GLOBALS) Reflect.deleteProperty(globalThis, name)

try {
  const module = (await import(guestUrl)) as { default?: unknown }
  if (typeof module.default !== 'function') throw new Error('the module has no default export that is a function')
  await (module.default as (api: GuestApi) => unknown)(guest)
  send({ kind: 'finished' })
} catch (error) {
  fail('guest', error)
  send({ kind: 'finished', error: error instanceof Error ? error.message : String(error) })
}
