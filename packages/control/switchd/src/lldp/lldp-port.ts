/**
 * A port that speaks LLDP: it wraps any port, keeps LLDP frames for its agent and passes everything else. The same on the
 * uplinks of a switch and on a router's links.
 *
 * Invariant: every slot is passed on or freed, exactly once; the packet path of other frames costs one comparison.
 */
import type { Arena } from '@lodestone/frame'
import type { Clock, Timer } from '@lodestone/host'
import type { FrameSink, Port } from '@lodestone/link'
import type { Mac } from '@lodestone/net'
import { ETHERNET_MIN, ethernetEtherType } from '@lodestone/packet'
import { type LldpAction, LldpAgent, type LldpNeighbor, type LldpSettings } from './lldp-agent.ts'
import { decodeLldp, encodeLldp, LLDP_ETHER_TYPE } from './lldp-frame.ts'

export interface LldpPortOptions {
  readonly port: Port
  readonly mac: Mac
  readonly arena: Arena
  readonly clock: Clock
  readonly settings: LldpSettings
}

export interface LldpCounters {
  readonly sent: number
  readonly received: number
  readonly malformed: Readonly<Record<string, number>>
}

export class LldpPort implements Port {
  readonly #options: LldpPortOptions
  readonly #agent: LldpAgent
  readonly #one = new Int32Array(1)
  readonly #unwatch: () => void
  #sink: FrameSink | undefined
  #timer: Timer | undefined
  #sent = 0
  #received = 0
  readonly #malformed: Record<string, number> = {}

  constructor(options: LldpPortOptions) {
    this.#options = options
    this.#agent = new LldpAgent(options.settings)
    const { port, clock } = options
    port.attach({ receive: (slots, count) => this.#receive(slots, count) })
    this.#unwatch = port.onState((isUp) => this.#act(this.#agent.setUp(isUp, clock.nowMs())))
    this.#act(this.#agent.setUp(port.isUp, clock.nowMs()))
  }

  get name(): string {
    return this.#options.port.name
  }

  get isUp(): boolean {
    return this.#options.port.isUp
  }

  get settings(): LldpSettings {
    return this.#agent.settings
  }

  neighbors(): readonly LldpNeighbor[] {
    return this.#agent.neighbors(this.#options.clock.nowMs())
  }

  counters(): LldpCounters {
    return { sent: this.#sent, received: this.#received, malformed: { ...this.#malformed } }
  }

  configure(settings: LldpSettings): void {
    this.#act(this.#agent.configure(settings, this.#options.clock.nowMs()))
  }

  send(slots: Int32Array, count: number): void {
    this.#options.port.send(slots, count)
  }

  attach(sink: FrameSink): void {
    this.#sink = sink
  }

  onState(fn: (isUp: boolean) => void): () => void {
    return this.#options.port.onState(fn)
  }

  close(): void {
    this.#timer?.cancel()
    this.#unwatch()
  }

  #receive(slots: Int32Array, count: number): void {
    let lldp = 0
    for (let i = 0; i < count; i++) if (this.#isLldp(slots[i]!)) lldp++
    if (lldp === 0) return this.#pass(slots, count)
    const others = new Int32Array(count - lldp) // a frame in thirty seconds
    let kept = 0
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      if (this.#isLldp(slot)) this.#hear(slot)
      else others[kept++] = slot
    }
    if (kept > 0) this.#pass(others, kept)
  }

  #isLldp(slot: number): boolean {
    const { arena } = this.#options
    return arena.length(slot) >= ETHERNET_MIN && ethernetEtherType(arena.bytes, arena.start(slot)) === LLDP_ETHER_TYPE
  }

  #pass(slots: Int32Array, count: number): void {
    if (this.#sink !== undefined) this.#sink.receive(slots, count)
    else for (let i = 0; i < count; i++) this.#options.arena.free(slots[i]!)
  }

  #hear(slot: number): void {
    const { arena, clock } = this.#options
    const frame = arena.peek(slot).slice()
    arena.free(slot)
    const result = decodeLldp(frame)
    if (result.ok) {
      this.#received++
      this.#agent.receive(result.message, clock.nowMs())
      this.#arm()
    } else this.#malformed[result.error] = (this.#malformed[result.error] ?? 0) + 1
  }

  #act(actions: readonly LldpAction[]): void {
    for (const { message } of actions) this.#transmit(encodeLldp(message, this.#options.mac))
    this.#arm()
  }

  #transmit(frame: Uint8Array): void {
    const { arena, port } = this.#options
    const slot = arena.from(frame)
    if (slot < 0) return // the next repetition will do
    this.#one[0] = slot
    port.send(this.#one, 1)
    this.#sent++
  }

  #arm(): void {
    const { clock } = this.#options
    this.#timer?.cancel()
    const { wakeMs } = this.#agent
    if (wakeMs === Infinity) return
    this.#timer = clock.after(Math.max(0, wakeMs - clock.nowMs()), () => this.#act(this.#agent.tick(clock.nowMs())))
  }
}
