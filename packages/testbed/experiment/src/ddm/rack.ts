/**
 * The rack of the experiment: hosts wired to every switch, each direction of each cable a queue, packets between them in virtual
 * time. Switch s gives path s. A switch that dies swallows what it gets and tells nobody; routing finds out later.
 */
import { type OwnQueues, stampOf } from '@lodestone/ddm'
import type { Random } from '@lodestone/host'
import { nextDeadlineMs, nextSegment } from '@lodestone/netstack'
import { Connection, type Endpoint } from './connection.ts'
import { EventHeap } from './event-heap.ts'
import {
  ANSWER,
  DATA,
  ELEMENT_BYTES,
  OVERHEAD_BYTES,
  type Packet,
  PacketPool,
  PROBE,
  PROBE_BYTES,
  SEGMENT_BYTES,
  TELEMETRY_BYTES,
} from './packet.ts'
import type { ArrivalUs } from './oracle-policy.ts'
import type { PathPolicy } from './policy.ts'
import { Wire } from './wire.ts'
import type { Flow } from './workload.ts'

const EVENT_WIRE = 0
const EVENT_FLOW = 1
const EVENT_TIMER = 2
const EVENT_SWITCH_DEATH = 3
const EVENT_ROUTING = 4
const EVENT_SAMPLE = 5
const EVENT_PROBE = 6
const KIND_BITS = 3

export interface RackOptions {
  readonly hosts: number
  /** Bits per second of the cables to each switch. */
  readonly rates: readonly number[]
  readonly delayUs: number
  readonly queueBytes: number
  readonly flows: readonly Flow[]
  readonly random: Random
  /** @param queues of the host's cables @param arrivalUs what only an oracle knows */
  readonly makePolicy: (random: Random, queues: OwnQueues, arrivalUs: ArrivalUs) => PathPolicy
  /** When switch 1 stops forwarding, and when routing takes it out. µs; undefined for never. */
  readonly death: { readonly atUs: number; readonly routedAtUs: number } | undefined
  /** How often the share of the first path is noted. µs. */
  readonly sampleUs: number
}

export interface RackResult {
  /** From a flow's start to its last byte's arrival, µs; NaN for one that did not end. */
  readonly completionUs: Float64Array<ArrayBuffer>
  /** Data packets that arrived, and those of them below one that had arrived, repeats not counted. */
  readonly arrived: number
  readonly reordered: number
  readonly repeats: number
  readonly drops: number
  /** Bytes that all senders put on their cables, and those of them that are telemetry. */
  readonly bytes: number
  readonly telemetryBytes: number
  readonly answers: number
  /** Of the bytes that the hosts sent in each interval while at least half of them could: the share of path 0. */
  readonly shares: readonly number[]
  /**
   * How long hosts went on sending data to the switch that died, each from its first packet to it: in the median and at most. µs.
   * A host learns of the death only by sending.
   */
  readonly leftDeadUs: LeftDead | undefined
  readonly endUs: number
  readonly events: number
}

export interface LeftDead {
  readonly median: number
  readonly most: number
  readonly packets: number
}

export class Rack {
  readonly #options: RackOptions
  readonly #heap = new EventHeap()
  readonly #pool = new PacketPool()
  /** Up wires by host and path, then down wires by path and host. */
  readonly #wires: Wire[] = []
  readonly #policies: PathPolicy[]
  readonly #isOracle: boolean
  readonly #clocks: readonly { readonly offsetUs: number; readonly rate: number }[]
  /** When the event of each host for its overdue measurements is; Infinity when there is none. */
  readonly #probesAtUs: Float64Array<ArrayBuffer>
  readonly #connections: (Connection | undefined)[] = []
  readonly #hashes: Int32Array<ArrayBuffer>
  readonly #completionUs: Float64Array<ArrayBuffer>
  readonly #roundTripMs: number
  readonly #pathCount: number
  readonly #shares: number[] = []
  /** Of each host: its first and last data packet to the dead switch. */
  readonly #deadDepartures: Map<number, { firstUs: number; lastUs: number }> = new Map()
  #deadPackets = 0
  #sampled: readonly number[]
  #nowUs = 0
  #mask: number
  #isDead = false
  #open = 0
  #arrived = 0
  #reordered = 0
  #repeats = 0
  #telemetryBytes = 0
  #answers = 0
  #events = 0

  constructor(options: RackOptions) {
    const { hosts, rates, flows, random } = options
    this.#options = options
    this.#pathCount = rates.length
    this.#mask = (1 << rates.length) - 1
    const { delayUs, queueBytes } = options
    for (let side = 0; side < 2; side++) {
      for (let i = 0; i < hosts * rates.length; i++) {
        const path = side === 0 ? i % rates.length : Math.floor(i / hosts)
        this.#wires.push(new Wire({ rateBps: rates[path]!, delayUs, queueBytes }))
      }
    }
    this.#policies = Array.from({ length: hosts }, (_, host) =>
      options.makePolicy(
        random.fork(`policy${host}`),
        {
          backlogUs: (path) => this.#wires[host * rates.length + path]!.backlogUs(this.#nowUs),
          limitUs: (path) => this.#wires[host * rates.length + path]!.limitUs,
        },
        (peer, path, bytes) => this.#arrivalUs(host, peer, path, bytes),
      ),
    )
    this.#isOracle = this.#policies[0]?.onPassed !== undefined
    this.#probesAtUs = new Float64Array(hosts).fill(Infinity)
    const clocks = random.fork('clocks')
    // Clocks of sleds agree on nothing and drift by up to 50 parts per million.
    this.#clocks = Array.from({ length: hosts }, () => ({
      offsetUs: clocks.below(1e9),
      rate: 1 + (clocks.float() - 0.5) * 1e-4,
    }))
    const hashes = random.fork('hashes')
    this.#hashes = Int32Array.from({ length: 2 * flows.length }, () => hashes.u32())
    this.#completionUs = new Float64Array(flows.length).fill(NaN)
    this.#roundTripMs = (4 * delayUs + (4 * OVERHEAD_BYTES * 8e6) / rates[0]!) / 1000
    this.#sampled = rates.map(() => 0)
  }

  run(): RackResult {
    const { flows, death, sampleUs } = this.#options
    const heap = this.#heap
    this.#open = flows.length
    heap.push(flows[0]!.startUs, EVENT_FLOW)
    heap.push(sampleUs, EVENT_SAMPLE)
    if (death !== undefined) {
      heap.push(death.atUs, EVENT_SWITCH_DEATH)
      heap.push(death.routedAtUs, EVENT_ROUTING)
    }
    while (this.#open > 0 && heap.size > 0) {
      this.#nowUs = heap.time
      this.#events++
      this.#step(heap.value & ((1 << KIND_BITS) - 1), heap.value >>> KIND_BITS)
    }
    return this.#result()
  }

  #step(kind: number, index: number): void {
    if (kind === EVENT_WIRE) return this.#onWire(index)
    this.#heap.pop()
    switch (kind) {
      case EVENT_FLOW:
        return this.#onFlow(index)
      case EVENT_TIMER:
        return this.#onTimer(index)
      case EVENT_SWITCH_DEATH:
        this.#isDead = true
        return
      case EVENT_ROUTING:
        this.#mask &= ~2
        return
      case EVENT_SAMPLE:
        this.#sample()
        this.#heap.push(this.#nowUs + this.#options.sampleUs, EVENT_SAMPLE)
        return
      case EVENT_PROBE:
        return this.#onOverdue(index)
    }
  }

  // ── Cables and switches ────────────────────────────────────────────────────────────────────────────────────────────

  /** The first packet of a cable has arrived. Its event is the heap's first. */
  #onWire(index: number): void {
    const wire = this.#wires[index]!
    const packet = wire.take()
    if (wire.count > 0) this.#heap.replace(wire.dueUs, (index << KIND_BITS) | EVENT_WIRE)
    else this.#heap.pop()
    const { hosts } = this.#options
    if (index >= hosts * this.#pathCount) return this.#onHost(packet)
    if (this.#isDead && packet.path === 1) {
      if (this.#isOracle && packet.kind === DATA) this.#notePassed(packet, -Infinity)
      return this.#pool.give(packet)
    }
    // The switch puts its element on what leaves with telemetry and takes it off the answer.
    if (packet.elementId >= 0) packet.wireBytes += packet.kind === ANSWER ? -ELEMENT_BYTES : ELEMENT_BYTES
    const down = hosts * this.#pathCount + packet.path * hosts + packet.destination
    if (this.#isOracle && packet.kind === DATA)
      this.#notePassed(packet, this.#wires[down]!.arrivalUs(packet.wireBytes, this.#nowUs))
    this.#send(down, packet)
  }

  #notePassed(packet: Packet, arrivesUs: number): void {
    const hash = this.#hashes[2 * packet.flow + (packet.isForward ? 1 : 0)]!
    this.#policies[packet.source]!.onPassed!(hash, arrivesUs === Infinity ? -Infinity : arrivesUs)
  }

  #send(index: number, packet: Packet): boolean {
    const wire = this.#wires[index]!
    const wasEmpty = wire.count === 0
    if (!wire.offer(packet, this.#nowUs)) {
      this.#pool.give(packet)
      return false
    }
    if (wasEmpty) this.#heap.push(wire.dueUs, (index << KIND_BITS) | EVENT_WIRE)
    return true
  }

  /** When a packet that leaves now arrives, by the queues as they are. */
  #arrivalUs(host: number, peer: number, path: number, bytes: number): number {
    const { hosts } = this.#options
    if (this.#isDead && path === 1) return Infinity
    const switchUs = this.#wires[host * this.#pathCount + path]!.arrivalUs(bytes, this.#nowUs)
    return this.#wires[hosts * this.#pathCount + path * hosts + peer]!.arrivalUs(bytes, switchUs)
  }

  #localUs(host: number): number {
    const clock = this.#clocks[host]!
    return clock.offsetUs + this.#nowUs * clock.rate
  }

  // ── Hosts ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #onHost(packet: Packet): void {
    const host = packet.destination
    if (packet.kind === ANSWER) {
      this.#policies[host]!.onAnswer(
        packet.source,
        packet.elementId,
        packet.elementStamp,
        packet.receiverStamp,
        this.#localUs(host),
      )
      return this.#pool.give(packet)
    }
    if (packet.elementId >= 0) this.#answer(packet)
    if (packet.kind === DATA) this.#onSegment(packet)
    this.#pool.give(packet)
  }

  /** At once, by the switch that the packet came by. */
  #answer(packet: Packet): void {
    const answer = this.#pool.take()
    answer.kind = ANSWER
    answer.source = packet.destination
    answer.destination = packet.source
    answer.path = packet.path
    answer.elementId = packet.elementId
    answer.elementStamp = packet.elementStamp
    answer.receiverStamp = stampOf(this.#localUs(packet.destination))
    answer.wireBytes = PROBE_BYTES + 2 * ELEMENT_BYTES
    this.#answers++
    this.#telemetryBytes += answer.wireBytes
    this.#send(answer.source * this.#pathCount + answer.path, answer)
  }

  #onSegment(packet: Packet): void {
    const connection = this.#connections[packet.flow]
    if (connection === undefined) return
    const nowMs = this.#nowUs / 1000
    const { segment } = packet
    if (packet.isForward && segment.payloadLength > 0) this.#noteOrder(connection, packet)
    const end = packet.isForward ? connection.target : connection.source
    connection.receive(end, segment, nowMs)
    if (packet.isForward && connection.isReceived && Number.isNaN(this.#completionUs[packet.flow]!)) {
      this.#completionUs[packet.flow] = this.#nowUs - this.#options.flows[packet.flow]!.startUs
      this.#open--
    }
    if (connection.isDone) this.#connections[packet.flow] = undefined
    else this.#pump(end, nowMs)
  }

  #noteOrder(connection: Connection, packet: Packet): void {
    this.#arrived++
    if (packet.segment.position >= connection.highest) connection.highest = packet.segment.position
    else if (!packet.isRepeat) this.#reordered++
  }

  /** Sends what the end has to send and sets its timer. */
  #pump(end: Endpoint, nowMs: number): void {
    const { tcb, connection } = end
    for (;;) {
      const packet = this.#pool.take()
      const before = tcb.sndMax
      if (!nextSegment(tcb, nowMs, packet.segment)) {
        this.#pool.give(packet)
        break
      }
      packet.isRepeat = packet.segment.payloadLength > 0 && packet.segment.position < before
      if (packet.isRepeat) this.#repeats++
      this.#sendSegment(packet, connection.flow, end.isSource)
    }
    const dueMs = nextDeadlineMs(tcb)
    if (dueMs >= end.armedForMs) return
    end.armedForMs = dueMs
    this.#heap.push(dueMs * 1000, (((connection.flow << 1) | (end.isSource ? 1 : 0)) << KIND_BITS) | EVENT_TIMER)
  }

  #sendSegment(packet: Packet, flow: number, isForward: boolean): void {
    const { source, destination } = this.#options.flows[flow]!
    packet.kind = DATA
    packet.flow = flow
    packet.isForward = isForward
    packet.source = isForward ? source : destination
    packet.destination = isForward ? destination : source
    packet.wireBytes = packet.segment.payloadLength + OVERHEAD_BYTES
    const policy = this.#policies[packet.source]!
    const localUs = this.#localUs(packet.source)
    const peer = packet.destination
    const hash = this.#hashes[2 * flow + (isForward ? 1 : 0)]!
    packet.path = policy.choose(peer, this.#mask, hash, packet.wireBytes, localUs)
    const id = policy.stamp(peer, packet.path, localUs)
    if (id >= 0) {
      packet.elementId = id
      packet.elementStamp = stampOf(localUs)
      packet.wireBytes += TELEMETRY_BYTES
      this.#telemetryBytes += TELEMETRY_BYTES
    }
    const { path } = packet
    if (this.#isDead && path === 1) this.#noteDead(packet.source)
    const up = packet.source * this.#pathCount + path
    if (this.#isOracle && this.#wires[up]!.arrivalUs(packet.wireBytes, this.#nowUs) === Infinity)
      this.#notePassed(packet, -Infinity)
    this.#send(up, packet)
    const other = policy.probePath(peer, this.#mask, path, localUs)
    const probeId = other < 0 ? -1 : policy.stampProbe(peer, other, localUs)
    if (probeId >= 0) this.#probe(isForward ? source : destination, peer, other, probeId, localUs)
    this.#awaitOverdue(isForward ? source : destination)
  }

  #noteDead(host: number): void {
    this.#deadPackets++
    const known = this.#deadDepartures.get(host)
    if (known === undefined) this.#deadDepartures.set(host, { firstUs: this.#nowUs, lastUs: this.#nowUs })
    else known.lastUs = this.#nowUs
  }

  /** The host's timer for measurements that nobody answered. */
  #awaitOverdue(host: number): void {
    const clock = this.#clocks[host]!
    // A little late rather than early: the way to the host's clock and back rounds.
    const dueUs = (this.#policies[host]!.nextDueUs - clock.offsetUs) / clock.rate + 1
    if (dueUs >= this.#probesAtUs[host]!) return
    this.#probesAtUs[host] = dueUs
    this.#heap.push(dueUs, (host << KIND_BITS) | EVENT_PROBE)
  }

  #onOverdue(host: number): void {
    if (this.#probesAtUs[host]! > this.#nowUs) return
    this.#probesAtUs[host] = Infinity
    const policy = this.#policies[host]!
    const localUs = this.#localUs(host)
    for (let next = policy.overdue(localUs); next >= 0; next = policy.overdue(localUs)) {
      const path = next & 7
      if ((this.#mask & (1 << path)) === 0) continue
      const id = policy.stampOverdue(next >> 3, path, localUs)
      if (id >= 0) this.#probe(host, next >> 3, path, id, localUs)
    }
    this.#awaitOverdue(host)
  }

  #probe(source: number, destination: number, path: number, id: number, localUs: number): void {
    const probe = this.#pool.take()
    probe.kind = PROBE
    probe.source = source
    probe.destination = destination
    probe.path = path
    probe.elementId = id
    probe.elementStamp = stampOf(localUs)
    probe.wireBytes = PROBE_BYTES
    this.#telemetryBytes += PROBE_BYTES
    this.#send(source * this.#pathCount + path, probe)
  }

  // ── Flows, timers, samples ─────────────────────────────────────────────────────────────────────────────────────────

  #onFlow(index: number): void {
    const { flows } = this.#options
    const next = index + 1
    if (next < flows.length) this.#heap.push(flows[next]!.startUs, (next << KIND_BITS) | EVENT_FLOW)
    const nowMs = this.#nowUs / 1000
    const connection = new Connection(index, flows[index]!.bytes, nowMs, this.#roundTripMs)
    this.#connections[index] = connection
    this.#pump(connection.source, nowMs)
  }

  #onTimer(index: number): void {
    const connection = this.#connections[index >> 1]
    if (connection === undefined) return
    const end = (index & 1) !== 0 ? connection.source : connection.target
    // A timer that was set again earlier has rung already.
    if (end.armedForMs * 1000 > this.#nowUs) return
    // The timer's own time counts as reached: the way to µs and back may round to just below it.
    const nowMs = Math.max(this.#nowUs / 1000, end.armedForMs)
    end.armedForMs = Infinity
    connection.ring(end, nowMs)
    this.#pump(end, nowMs)
  }

  #sample(): void {
    const { hosts, rates, sampleUs } = this.#options
    const sent = rates.map(() => 0)
    for (let i = 0; i < hosts * this.#pathCount; i++) sent[i % this.#pathCount]! += this.#wires[i]!.bytes
    const gained = sent.map((bytes, path) => bytes - this.#sampled[path]!)
    this.#sampled = sent
    const total = gained.reduce((a, b) => a + b, 0)
    const possible = (hosts * rates.reduce((a, b) => a + b, 0) * sampleUs) / 8e6
    if (total >= possible / 4) this.#shares.push(gained[0]! / total)
  }

  #result(): RackResult {
    const { hosts, death } = this.#options
    const up = this.#wires.slice(0, hosts * this.#pathCount)
    const spans = [...this.#deadDepartures.values()].map((each) => each.lastUs - each.firstUs).sort((x, y) => x - y)
    return {
      completionUs: this.#completionUs,
      arrived: this.#arrived,
      reordered: this.#reordered,
      repeats: this.#repeats,
      drops: this.#wires.reduce((sum, wire) => sum + wire.drops, 0),
      bytes: up.reduce((sum, wire) => sum + wire.bytes, 0),
      telemetryBytes: this.#telemetryBytes,
      answers: this.#answers,
      shares: this.#shares,
      leftDeadUs:
        death === undefined
          ? undefined
          : { median: spans[spans.length >> 1] ?? 0, most: spans.at(-1) ?? 0, packets: this.#deadPackets },
      endUs: this.#nowUs,
      events: this.#events,
    }
  }
}

/** Time that a flow would take alone on the first path, with all its bytes ready: µs. */
export function idealUs(bytes: number, rateBps: number, delayUs: number): number {
  const usPerByte = 8e6 / rateBps
  const segments = Math.ceil(bytes / SEGMENT_BYTES)
  const last = bytes - (segments - 1) * SEGMENT_BYTES
  return (bytes + segments * OVERHEAD_BYTES) * usPerByte + (last + OVERHEAD_BYTES) * usPerByte + 2 * delayUs
}
