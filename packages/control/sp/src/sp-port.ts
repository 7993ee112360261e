/**
 * One network port of a service processor: a socket on the management network, and what is wrong with it. Datagrams can get
 * lost, come twice, late, or one by one; all of it by the host's clock and randomness, so a seed repeats it.
 */
import type { Clock, Datagram, Host, Random, UdpSocket } from '@lodestone/host'
import { Counters } from '@lodestone/probe'
import { EREPORT_SP_PORT, SP_GROUP, SP_PORT } from './protocol/message.ts'
import { tagged, untagged } from './protocol/vlan-tag.ts'

export const PORT_COUNTERS = ['received', 'sent', 'lost', 'duplicated', 'held', 'ignored', 'wrong-vlan'] as const

export interface PortFaults {
  loss: number
  duplicate: number
  delayMs: number
  isGated: boolean
}

export interface SpPortOptions {
  readonly host: Host
  /** Name of the host's network. */
  readonly network: string
  readonly address: string
  /** Of its datagrams; absent on a network without VLANs. */
  readonly vlan?: number
  readonly random: Random
  /** Shared by both ports. */
  readonly faults: PortFaults
  readonly receive: (datagram: Datagram, isEreport: boolean) => void
}

export class SpPort {
  readonly counters = new Counters(PORT_COUNTERS)
  readonly #options: SpPortOptions
  readonly #clock: Clock
  readonly #sockets: UdpSocket[] = []
  #waiting: (() => void)[] = []
  #vlan: number | undefined

  static async open(options: SpPortOptions): Promise<SpPort> {
    const port = new SpPort(options)
    const network = options.host.network(options.network)
    const { address } = options
    const groups = [SP_GROUP]
    port.#sockets.push(
      await network.bindUdp({ address, port: SP_PORT, groups }, (datagram) => port.#arrive(datagram, false)),
      await network.bindUdp({ address, port: EREPORT_SP_PORT }, (datagram) => port.#arrive(datagram, true)),
    )
    return port
  }

  private constructor(options: SpPortOptions) {
    this.#options = options
    this.#clock = options.host.clock
    this.#vlan = options.vlan
  }

  /** How many datagrams wait to be let in. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Lets the next waiting datagram in. */
  step(): boolean {
    const next = this.#waiting.shift()
    next?.()
    return next !== undefined
  }

  /** Lets everything in that waits. */
  release(): void {
    while (this.step());
  }

  send(bytes: Uint8Array, address: string, port: number, isEreport = false): void {
    const socket = this.#sockets[isEreport ? 1 : 0]
    this.#carry(() => {
      this.counters.add('sent')
      socket?.send(this.#vlan === undefined ? bytes : tagged(this.#vlan, bytes), address, port)
    })
  }

  /** A port that is configured wrongly; undefined for as it should be. Without VLANs it does nothing. */
  setVlan(vlan: number | undefined): void {
    if (this.#options.vlan !== undefined) this.#vlan = vlan ?? this.#options.vlan
  }

  close(): void {
    this.#waiting = []
    for (const socket of this.#sockets.splice(0)) socket.close()
  }

  #arrive(datagram: Datagram, isEreport: boolean): void {
    this.#carry(() => {
      const payload = this.#vlan === undefined ? datagram.payload : untagged(this.#vlan, datagram.payload)
      if (payload === undefined) return this.counters.add('wrong-vlan')
      const deliver = (): void => {
        this.counters.add('received')
        this.#options.receive({ ...datagram, payload }, isEreport)
      }
      const { isGated, delayMs } = this.#options.faults
      if (isGated) {
        this.counters.add('held')
        this.#waiting.push(deliver)
      } else if (delayMs > 0) this.#clock.after(delayMs, deliver)
      else deliver()
    })
  }

  #carry(pass: () => void): void {
    const { faults, random } = this.#options
    if (faults.loss > 0 && random.float() < faults.loss) return this.counters.add('lost')
    pass()
    if (faults.duplicate > 0 && random.float() < faults.duplicate) {
      this.counters.add('duplicated')
      pass()
    }
  }
}
