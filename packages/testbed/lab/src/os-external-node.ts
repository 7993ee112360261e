/** A node that stands for something else: an interface of this machine, or another part of the same laboratory behind a tunnel. */
import { AfPacketPort, type Port, StreamPort, UdpTunnelPort } from '@lodestone/link'
import type { TcpListener } from '@lodestone/host'
import type { NodeOf } from './document/document.ts'
import type { RealNodeOptions } from './os-real-driver.ts'
import type { LiveNode, NodeState } from './runtime/live-node.ts'
import { bridge } from './runtime/port-bridge.ts'

const RETRY_MS = 200

export class ExternalNode implements LiveNode {
  readonly #attach: NodeOf<'external'>['attach']
  readonly #options: RealNodeOptions
  #outside: (Port & { close(): void }) | undefined
  #listener: TcpListener | undefined
  #isClosed = false

  constructor(document: NodeOf<'external'>, options: RealNodeOptions) {
    this.#attach = document.attach
    this.#options = options
  }

  get state(): NodeState {
    const attach = this.#attach
    const where =
      attach.type === 'interface'
        ? `interface ${attach.device}`
        : attach.type === 'udp'
          ? `UDP tunnel ${attach.tunnel} to ${attach.peer.address}:${attach.peer.port}`
          : `TCP tunnel, ${attach.role} ${attach.address}:${attach.port}`
    if (this.#outside === undefined) return { state: 'off', detail: where }
    return { state: 'running', detail: this.#outside.isUp ? where : `${where}, nobody there` }
  }

  async start(): Promise<void> {
    const { name, ports, world, network } = this.#options
    const { arena } = world
    const attach = this.#attach
    const [inside, ...more] = [...ports.values()]
    if (inside === undefined || more.length > 0)
      throw new Error(`${name} is an external node and has exactly one cable`)
    if (attach.type === 'interface') {
      this.#outside = interfacePort(name, attach.device, arena)
    } else if (attach.type === 'udp') {
      this.#outside = await UdpTunnelPort.open({
        name,
        arena,
        network,
        listen: attach.listen,
        peer: attach.peer,
        tunnel: attach.tunnel,
      })
    } else {
      const port = new StreamPort(name, arena)
      this.#outside = port
      if (attach.role === 'listen') {
        this.#listener = await network.listenTcp({ address: attach.address, port: attach.port }, (socket) =>
          port.connect(socket),
        )
      } else this.#connect(port, attach)
    }
    bridge(inside, this.#outside)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listener?.close()
    this.#outside?.close()
    this.#outside = undefined
  }

  /** The other side may start later, or anew. */
  #connect(port: StreamPort, attach: { readonly address: string; readonly port: number }): void {
    const again = (): void => {
      if (!this.#isClosed) this.#options.world.clock.after(RETRY_MS, () => this.#connect(port, attach))
    }
    this.#options.network
      .connectTcp(attach)
      .then((socket) => {
        if (this.#isClosed) return void socket.destroy()
        port.connect(socket)
        socket.once('close', again)
      })
      .catch(again)
  }
}

/** Throws with what to do about it. */
function interfacePort(node: string, device: string, arena: RealNodeOptions['world']['arena']): AfPacketPort {
  if (process.platform !== 'linux') throw new Error(`${node} is an interface: those are of Linux, and this is not`)
  try {
    return new AfPacketPort({ device, arena })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'EPERM' ? 'that needs root; start the command with sudo' : message
    throw new Error(`${node} is the interface ${device}: ${reason}`, { cause: error })
  }
}
