/**
 * The outside of one DDM interface: its sockets, its HTTP exchange, its part of the RIB, its counters and history. It
 * decides nothing; events go to the router and actions come back.
 */
import { type Clock, type Datagram, type InterfaceNetwork, socketError, type UdpSocket } from '@lodestone/host'
import { Ip, type Prefix } from '@lodestone/net'
import { Counters } from '@lodestone/probe'
import { type Adjacency, PrefixTable, type Rib, type Unusable } from '@lodestone/rib'
import {
  decodeDiscovery,
  DISCOVERY_GROUP,
  DISCOVERY_PORT,
  DISCOVERY_VERSION,
  encodeDiscovery,
} from './discovery-packet.ts'
import { snapshotOf } from './exchange-set.ts'
import { type ExchangeServer, HttpExchange } from './http-exchange.ts'
import type { MachineEvent, MachineState, MachineStateName } from './interface-machine.ts'
import type { InterfaceAction, Speaker } from './speaker.ts'

export const PORT_COUNTERS = [
  'solicitations-sent',
  'solicitations-received',
  'advertisements-sent',
  'advertisements-received',
  'datagrams-truncated',
  'datagrams-bad-version',
  'datagrams-bad-kind',
  'datagrams-bad-hostname',
  'datagrams-bad-source',
  'pulls-sent',
  'pulls-failed',
  'pulls-received',
  'pushes-sent',
  'pushes-failed',
  'pushes-received',
  'pushes-malformed',
  'pushes-early',
  'loops-rejected',
  'neighbors-gained',
  'neighbors-lost',
  'opens-failed',
  'sends-failed',
] as const
export type PortCounter = (typeof PORT_COUNTERS)[number]

export interface PortTransition {
  readonly atMs: number
  readonly from: MachineStateName
  readonly to: MachineStateName
  readonly reason: string
}

/** What a port needs of its router. */
export interface PortSurroundings {
  readonly clock: Clock
  readonly network: InterfaceNetwork
  readonly rib: Rib
  readonly speaker: Speaker
  dispatch(interfaceName: string, event: MachineEvent): void
}

const HISTORY = 64
const LOCAL: Unusable = { code: 'originated-here', sentence: 'this router originates the prefix itself' }

/** The sockets of one attempt to open. */
interface Sockets {
  readonly udp: UdpSocket[]
  unicast: UdpSocket | undefined
  server: ExchangeServer | undefined
  isClosed: boolean
}

export class DdmPort {
  readonly name: string
  readonly counters: Counters<PortCounter> = new Counters(PORT_COUNTERS)
  readonly #around: PortSurroundings
  readonly #exchange: HttpExchange
  readonly #adjacency: Adjacency
  readonly #inRib = new PrefixTable<Prefix>()
  #history: readonly PortTransition[] = []
  #sockets: Sockets | undefined

  constructor(name: string, around: PortSurroundings) {
    this.name = name
    this.#around = around
    this.#exchange = new HttpExchange(around.network, name, around.clock, around.speaker.config.timing)
    this.#adjacency = around.rib.adjacency({ protocol: 'ddm', peer: name })
  }

  /** Oldest first, the last 64. */
  get history(): readonly PortTransition[] {
    return this.#history
  }

  /** Withdraws what was learned here and frees everything. */
  close(): void {
    this.#shut()
    this.#adjacency.close()
  }

  perform(action: InterfaceAction): void {
    switch (action.kind) {
      case 'open':
        void this.#open(action.address, action.attempt)
        return
      case 'close':
        this.#shut()
        return
      case 'solicit':
        this.#send('solicitations-sent', true, `${DISCOVERY_GROUP}%${this.name}`)
        return
      case 'advertise':
        this.#send('advertisements-sent', false, `${action.to}%${this.name}`)
        return
      case 'pull':
        void this.#pull(action)
        return
      case 'push':
        void this.#push(action)
        return
      case 'imported':
        this.updateRib()
        return
      case 'loops-rejected':
        this.counters.add('loops-rejected', action.count)
        return
      case 'transition': {
        const { from, to, reason } = action
        if (to === 'exchange') this.counters.add('neighbors-gained')
        if (from === 'exchange') this.counters.add('neighbors-lost')
        if (from === 'exchange') this.#exchange.reset()
        const entry = { atMs: this.#around.clock.nowMs(), from, to, reason }
        this.#history = [...this.#history.slice(1 - HISTORY), entry]
        return
      }
      default: {
        const never: never = action
        throw new Error(`unknown action ${JSON.stringify(never)}`)
      }
    }
  }

  /** Brings the RIB in line with what the neighbour told us: one path per destination, the shortest vector's. */
  updateRib(): void {
    const { speaker } = this.#around
    const machine = speaker.machine(this.name)
    const metrics = machine?.neighbor === undefined ? new PrefixTable<Metric>() : shortestOf(machine)
    for (const prefix of [...this.#inRib.values()]) {
      if (metrics.get(prefix) !== undefined) continue
      this.#inRib.delete(prefix)
      this.#adjacency.withdraw(prefix)
    }
    if (machine?.neighbor === undefined) return
    for (const { prefix, metric } of metrics.values()) {
      this.#inRib.set(prefix, prefix)
      this.#adjacency.announce(prefix, {
        nextHop: machine.neighbor.address,
        nextHopInterface: this.name,
        metric,
        unusable: speaker.isOriginated(prefix) ? LOCAL : undefined,
      })
    }
  }

  #dispatch(event: MachineEvent): void {
    this.#around.dispatch(this.name, event)
  }

  async #pull({ neighbor, generation, isCheck }: Extract<InterfaceAction, { kind: 'pull' }>): Promise<void> {
    this.counters.add('pulls-sent')
    try {
      const snapshot = await this.#exchange.pull(neighbor.address, isCheck)
      this.#dispatch({ kind: 'pull-done', generation, snapshot })
    } catch {
      this.counters.add('pulls-failed')
      this.#dispatch({ kind: 'pull-done', generation, snapshot: undefined })
    }
  }

  async #push({ neighbor, generation, update }: Extract<InterfaceAction, { kind: 'push' }>): Promise<void> {
    this.counters.add('pushes-sent')
    try {
      await this.#exchange.push(neighbor.address, update)
      this.#dispatch({ kind: 'push-done', generation, isOk: true })
    } catch (error) {
      this.counters.add('pushes-failed')
      const reason = error instanceof Error ? error.message : String(error)
      this.#dispatch({ kind: 'push-done', generation, isOk: false, reason })
    }
  }

  // --- sockets ------------------------------------------------------------------------------------------------

  async #open(address: Ip, attempt: number): Promise<void> {
    const sockets: Sockets = { udp: [], unicast: undefined, server: undefined, isClosed: false }
    this.#sockets = sockets
    const { network } = this.#around
    const group = `${DISCOVERY_GROUP}%${this.name}`
    const local = `${address}%${this.name}`
    const receive = (datagram: Datagram): void => this.#received(datagram)
    let isOk = true
    try {
      // Everything is sent from the unicast socket; the one bound to the group only receives.
      sockets.unicast = await network.bindUdp({ address: local, port: DISCOVERY_PORT, hopLimit: 255 }, receive)
      sockets.udp.push(sockets.unicast)
      sockets.udp.push(
        await network.bindUdp({ address: `::%${this.name}`, port: DISCOVERY_PORT, groups: [group] }, receive),
      )
      sockets.server = await this.#serve(address)
    } catch {
      isOk = false
      this.counters.add('opens-failed')
    }
    if (!isOk || sockets.isClosed) closeAll(sockets)
    this.#dispatch({ kind: 'opened', attempt, isOk })
  }

  #serve(address: Ip): Promise<ExchangeServer> {
    return this.#exchange.serve(address, {
      pulled: (isCheck) => {
        const { speaker } = this.#around
        this.counters.add('pulls-received')
        if (speaker.machine(this.name)?.neighbor === undefined) return undefined
        const served = speaker.desiredFor(this.name)
        this.#dispatch({ kind: 'pulled', served, isCheck })
        return snapshotOf(served)
      },
      pushed: (update) => {
        this.counters.add('pushes-received')
        const isKnown = this.#around.speaker.machine(this.name)?.neighbor !== undefined
        if (isKnown) this.#dispatch({ kind: 'pushed', update })
        else this.counters.add('pushes-early')
        return isKnown
      },
      malformed: () => this.counters.add('pushes-malformed'),
    })
  }

  #shut(): void {
    if (this.#sockets !== undefined) closeAll(this.#sockets)
    this.#sockets = undefined
  }

  #send(counter: 'solicitations-sent' | 'advertisements-sent', isSolicitation: boolean, to: string): void {
    const { hostname, kind } = this.#around.speaker.config
    const packet = { version: DISCOVERY_VERSION, isSolicitation, isAdvertisement: !isSolicitation, kind, hostname }
    try {
      const socket = this.#sockets?.unicast
      if (socket === undefined) throw socketError('ENOTCONN', `${this.name} has no socket`)
      socket.send(encodeDiscovery(packet), to, DISCOVERY_PORT)
      this.counters.add(counter)
    } catch {
      this.counters.add('sends-failed')
      this.#dispatch({ kind: 'send-failed' })
    }
  }

  #received({ payload, remoteAddress, interfaceName }: Datagram): void {
    if (interfaceName !== undefined && interfaceName !== this.name) return
    const packet = decodeDiscovery(payload)
    if (typeof packet === 'string') {
      this.counters.add(`datagrams-${packet}`)
      return
    }
    const from = Ip.parse(remoteAddress.split('%')[0]!)
    if (from?.family !== 6 || !from.isLinkLocal) {
      this.counters.add('datagrams-bad-source')
      return
    }
    if (packet.isSolicitation) this.counters.add('solicitations-received')
    if (packet.isAdvertisement) this.counters.add('advertisements-received')
    this.#dispatch({ kind: 'datagram', packet, from })
  }
}

interface Metric {
  readonly prefix: Prefix
  readonly metric: number
}

function shortestOf(machine: MachineState): PrefixTable<Metric> {
  const table = new PrefixTable<Metric>()
  for (const { destination, path } of machine.imported.underlay.values()) {
    const known = table.get(destination)
    if (known === undefined || path.length < known.metric) {
      table.set(destination, { prefix: destination, metric: path.length })
    }
  }
  return table
}

function closeAll(sockets: Sockets): void {
  sockets.isClosed = true
  for (const socket of sockets.udp) socket.close()
  sockets.udp.length = 0
  sockets.unicast = undefined
  sockets.server?.close()
  sockets.server = undefined
}
