/** Packets of instances and of the client outside, sent and forgotten: what is checked of them is seen on the wires. */
import type { Clock, TcpSocket } from '@lodestone/host'
import { type Emulation, type HostNode, rackPlan } from '@lodestone/testbed'
import type { Traffic } from '../fault/sim-event.ts'

const STRAY_GAP_MS = 1
const PORT = 8000
const BYTE_GAP_MS = 1000

export class TrafficSource {
  readonly #emulation: Emulation
  readonly #clock: Clock
  /** Those that serve already: a client that was switched off begins anew. */
  readonly #serving = new WeakSet<HostNode>()

  constructor(emulation: Emulation, clock: Clock) {
    this.#emulation = emulation
    this.#clock = clock
  }

  send(traffic: Traffic): void {
    const client = this.#emulation
      .hosts()
      .find((node) => node.spec.loopbacks.some((ip) => ip.equals(rackPlan.CLIENT_ADDRESS)))
    if (client === undefined) return
    if (traffic.kind === 'flow') void this.#fetch(client, traffic).catch(ignored)
    else {
      const target = rackPlan.DEFAULT_POOL.first.toString()
      const { ttl, count } = traffic
      const source = rackPlan.CLIENT_ADDRESS
      void client.stack.ping(target, { count, ttl, source, intervalMs: STRAY_GAP_MS }).catch(ignored)
    }
  }

  /** An instance fetches a page that comes a byte a second. */
  async #fetch(client: HostNode, { project, instance, count }: Extract<Traffic, { kind: 'flow' }>): Promise<void> {
    if (!this.#serving.has(client)) {
      this.#serving.add(client)
      await client.stack.listenTcp({ port: PORT }, (socket) => trickle(socket, this.#clock))
    }
    const hostname = `${project}-${instance}`
    for (const { agent } of this.#emulation.sleds()) {
      for (const { desired, guest } of agent.instances.values()) {
        if (desired.hostname !== hostname || guest?.exec === undefined) continue
        await guest.exec(`curl http://${rackPlan.CLIENT_ADDRESS}:${PORT}/${count}`)
        return
      }
    }
  }
}

/** Answers `GET /N` with N bytes, one at a time. */
function trickle(socket: TcpSocket, clock: Clock): void {
  socket.on('error', () => socket.destroy())
  socket.once('data', (request: Uint8Array) => {
    const count = Number(/^GET \/(\d+)/.exec(Buffer.from(request).toString('latin1'))?.[1] ?? 0)
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${count}\r\nconnection: close\r\n\r\n`)
    let left = count
    const next = (): void => {
      if (socket.destroyed) return
      if (left-- === 0) socket.end()
      else {
        socket.write('.')
        clock.after(BYTE_GAP_MS, next)
      }
    }
    next()
  })
}

/** There is no way there at the moment, or the machine is going. */
function ignored(): void {}
