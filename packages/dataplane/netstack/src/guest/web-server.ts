/**
 * The web server of an embedded guest: says who it is. HTTP is Node's own (RFC 9112), over sockets of the guest's stack,
 * so the same bytes cross the emulated network that a real server would send. Runs in virtual time.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { http, type InterfaceNetwork, type TcpListener } from '@lodestone/host'

export interface WebServerOptions {
  readonly network: InterfaceNetwork
  readonly hostName: string
  /** Default 80. */
  readonly port?: number
}

export class WebServer {
  readonly #network: InterfaceNetwork
  readonly #hostName: string
  readonly #server: Server
  readonly #port: number
  #listener: TcpListener | undefined
  #requests = 0

  constructor(options: WebServerOptions) {
    this.#network = options.network
    this.#hostName = options.hostName
    this.#port = options.port ?? 80
    this.#server = http.createServer((request, response) => this.#answer(request, response))
  }

  get requests(): number {
    return this.#requests
  }

  /** Rejects with a Node-style error when the port is taken. */
  async start(): Promise<void> {
    this.#listener = await this.#network.listenTcp({ port: this.#port }, (socket) => {
      socket.on('error', () => undefined) // a client that goes away is its own business
      this.#server.emit('connection', socket)
    })
  }

  close(): void {
    this.#listener?.close()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#requests++
    response.sendDate = false // the wall clock of this process is not the guest's
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      request.resume()
      response.writeHead(405, { 'content-type': 'text/plain; charset=utf-8', allow: 'GET, HEAD' })
      response.end('method not allowed\n')
      return
    }
    const { socket } = request
    const addresses = this.#network.interfaces().flatMap((iface) => iface.addresses.map((ip) => ip.toString()))
    const lines = [
      `hostname: ${this.#hostName}`,
      `addresses: ${addresses.join(' ')}`,
      `remote: ${endpoint(socket.remoteAddress, socket.remotePort)}`,
      `local: ${endpoint(socket.localAddress, socket.localPort)}`,
      `path: ${request.url ?? '/'}`,
    ]
    const body = Buffer.from(lines.join('\n') + '\n')
    response.writeHead(200, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': body.length,
      server: 'lodestone-guest',
    })
    response.end(body)
  }
}

function endpoint(address: string | undefined, port: number | undefined): string {
  return address?.includes(':') === true ? `[${address}]:${port}` : `${address}:${port}`
}
