/**
 * The sled's side of a guest module: gives its worker sockets of the instance's own TCP/IP stack, and nothing else. Memory that
 * a guest can make the sled hold is bounded: reads stop at `UNREAD_LIMIT` bytes that the guest has not taken.
 */
import { type HttpServer, serveHttp } from '@lodestone/api'
import type { Network, TcpListener, TcpSocket } from '@lodestone/host'
import { stripTypeScriptTypes } from 'node:module'
import { Worker } from 'node:worker_threads'
import type { GuestMessage, GuestWorkerData, SledMessage } from './message.ts'

const UNREAD_LIMIT = 256 * 1024
const CONNECTION_LIMIT = 1024
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 2 }

export interface ModuleGuestOptions {
  readonly hostname: string
  readonly addresses: readonly string[]
  /** JavaScript or TypeScript. */
  readonly source: string
  readonly network: Network
  readonly print: (bytes: Uint8Array) => void
}

/** Whether `user_data` is a module for this runner, and not data for a guest's own boot scripts. */
export function isGuestModule(text: string): boolean {
  return !text.startsWith('#') && /^\s*(export|import)\b/m.test(text)
}

interface Connection {
  readonly socket: TcpSocket
  unread: number
}

export class ModuleGuest {
  readonly #options: ModuleGuestOptions
  readonly #worker: Worker
  readonly #connections = new Map<number, Connection>()
  readonly #exchanges = new Map<number, (response: Response) => void>()
  readonly #listeners: (TcpListener | HttpServer)[] = []
  #nextId = 1

  /** Throws when the source is not even TypeScript. */
  constructor(options: ModuleGuestOptions) {
    this.#options = options
    const workerData: GuestWorkerData = {
      source: stripTypeScriptTypes(options.source),
      hostname: options.hostname,
      addresses: options.addresses,
    }
    // Sources run from .ts; the packed command has the worker beside it as .js.
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './guest-worker.js'
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData,
      env: {},
      execArgv: [],
      resourceLimits: RESOURCE_LIMITS,
      stdout: true,
      stderr: true,
    })
    this.#worker.on('message', (message: GuestMessage) => this.#receive(message))
    this.#worker.on('error', (error) => this.#print(`guest stopped: ${(error as Error).message}\r\n`))
    this.#worker.unref()
  }

  input(bytes: Uint8Array): void {
    this.#send({ kind: 'input', bytes })
  }

  stop(): void {
    void this.#worker.terminate()
    for (const listener of this.#listeners) listener.close()
    for (const { socket } of this.#connections.values()) socket.destroy()
    this.#connections.clear()
  }

  #send(message: SledMessage): void {
    this.#worker.postMessage(message)
  }

  #print(text: string): void {
    this.#options.print(new TextEncoder().encode(text))
  }

  #receive(message: GuestMessage): void {
    switch (message.kind) {
      case 'listen':
        this.#answer(message.request, this.#listen(message.request, message.port))
        break
      case 'serve':
        this.#answer(message.request, this.#serve(message.request, message.port))
        break
      case 'connect':
        this.#answer(message.request, this.#connect(message.address, message.port))
        break
      case 'write':
        this.#answer(message.request, this.#write(message.connection, message.bytes))
        break
      case 'taken': {
        const connection = this.#connections.get(message.connection)
        if (connection === undefined) break
        connection.unread -= message.bytes
        if (connection.unread < UNREAD_LIMIT) connection.socket.resume()
        break
      }
      case 'end':
        this.#connections.get(message.connection)?.socket.end()
        break
      case 'close':
        this.#connections.get(message.connection)?.socket.destroy()
        break
      case 'response': {
        const resolve = this.#exchanges.get(message.exchange)
        this.#exchanges.delete(message.exchange)
        const headers = message.headers.map(([name, value]): [string, string] => [name, value])
        const hasBody = message.status !== 204 && message.status !== 304
        const body = hasBody ? (message.body as Uint8Array<ArrayBuffer>) : null
        const response = new Response(body, { status: message.status, headers })
        // because its body is here, whole, and then leaves in one segment with the header
        if (hasBody) response.headers.set('content-length', String(message.body.length))
        resolve?.(response)
        break
      }
      case 'print':
        this.#options.print(message.bytes)
        break
      case 'finished':
        if (message.error !== undefined) this.#print(`the guest module failed: ${message.error}\r\n`)
        break
    }
  }

  #answer(request: number, work: Promise<number>): void {
    work.then(
      (value) => this.#send({ kind: 'done', request, value }),
      (error: Error) => this.#send({ kind: 'failed', request, message: error.message }),
    )
  }

  async #listen(listener: number, port: number): Promise<number> {
    const handle = await this.#options.network.listenTcp({ port }, (socket) => {
      if (this.#connections.size >= CONNECTION_LIMIT) {
        socket.destroy()
        return
      }
      const connection = this.#adopt(socket)
      const { remoteAddress, remotePort } = socket
      this.#send({ kind: 'accepted', listener, connection, remoteAddress, remotePort })
    })
    this.#listeners.push(handle)
    return handle.port
  }

  async #serve(server: number, port: number): Promise<number> {
    const handle = await serveHttp(this.#options.network, { port }, async (request) => {
      const exchange = this.#nextId++
      const body = new Uint8Array(await request.arrayBuffer())
      return new Promise<Response>((resolve) => {
        this.#exchanges.set(exchange, resolve)
        const { method, url } = request
        this.#send({ kind: 'request', server, exchange, method, url, headers: [...request.headers], body })
      })
    })
    this.#listeners.push(handle)
    return handle.port
  }

  async #connect(address: string, port: number): Promise<number> {
    return this.#adopt(await this.#options.network.connectTcp({ address, port }))
  }

  #write(id: number, bytes: Uint8Array): Promise<number> {
    const connection = this.#connections.get(id)
    if (connection === undefined) return Promise.reject(new Error('the connection is closed'))
    return new Promise((resolve, reject) => {
      connection.socket.write(bytes, (error) => (error == null ? resolve(bytes.length) : reject(error)))
    })
  }

  #adopt(socket: TcpSocket): number {
    const id = this.#nextId++
    const connection: Connection = { socket, unread: 0 }
    this.#connections.set(id, connection)
    socket.on('data', (bytes: Uint8Array) => {
      connection.unread += bytes.length
      if (connection.unread >= UNREAD_LIMIT) socket.pause()
      this.#send({ kind: 'data', connection: id, bytes: Uint8Array.from(bytes) })
    })
    socket.on('end', () => this.#send({ kind: 'ended', connection: id }))
    let failure: string | undefined
    socket.on('error', (error) => {
      failure = error.message
    })
    socket.on('close', () => {
      this.#connections.delete(id)
      this.#send({ kind: 'closed', connection: id, ...(failure === undefined ? {} : { error: failure }) })
    })
    return id
  }
}
