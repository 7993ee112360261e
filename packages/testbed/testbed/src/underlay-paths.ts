/**
 * Which of a sled's links carries a tunnel packet to another sled: the delay-driven choice of @lodestone/ddm on the bytes of real
 * frames. It stands in two places: before the stack's output, where it picks among the next hops that routing offers, and between
 * the NICs' ports and the stack, where it takes telemetry off what arrives and answers it on the link that it came by.
 *
 * The number of a path is that of its NIC, which is also that of the switch. Only packets of the packet engine between sleds are
 * measured and steered; everything else goes as the stack's routes say.
 */
import {
  DelayDrivenPaths,
  ELEMENT_COST_BYTES,
  type MultipathOptions,
  PROBE_COST_BYTES,
  type PathStatus,
  stampOf,
} from '@lodestone/ddm'
import type { Arena } from '@lodestone/frame'
import type { Clock, Random } from '@lodestone/host'
import type { FrameSink, Port } from '@lodestone/link'
import type { Ip } from '@lodestone/net'
import type { Netstack } from '@lodestone/netstack'
import { ETHERNET_MIN, IPV6_DST, IPV6_MIN, IPV6_SRC, IpProtocol, ipv6NextHeader } from '@lodestone/packet'
import {
  hasPayload,
  insertTelemetry,
  isAnswer,
  makeAnswer,
  PROBE_BYTES,
  receiverStamp,
  senderId,
  senderStamp,
  stripTelemetry,
  SWITCH_ELEMENT_BYTES,
  TELEMETRY_BYTES,
  telemetryLength,
  writeProbe,
} from './telemetry-frame.ts'

type Stack = Netstack['stack']
type Route = NonNullable<ReturnType<Stack['routes']['match']>>
type Hop = Route['usable'][number]

/** A peer that asks more often than this, on one path, gets no answer. Its own rule is one measurement a round trip. */
const ANSWER_INTERVAL_US = 20

interface Peer {
  readonly ip: Ip
  readonly bytes: Uint8Array
  /** By NIC. */
  readonly answeredAtUs: Float64Array<ArrayBuffer>
}

export interface UnderlayPathsOptions {
  readonly stack: Netstack
  readonly arena: Arena
  readonly clock: Clock
  readonly random: Random
  /** This sled's address; packets from and to it are measured. */
  readonly address: Ip
  /** The other sleds. */
  readonly peers: readonly Ip[]
  /** In the order of their paths. */
  readonly nics: readonly string[]
  readonly multipath?: Partial<MultipathOptions>
}

export interface UnderlayPathStatus extends PathStatus {
  readonly peer: Ip
  readonly nic: string
  /** Routing offers it. */
  readonly isRouted: boolean
}

export interface UnderlayCounters {
  readonly stamped: number
  readonly probes: number
  readonly answered: number
  /** Telemetry that came too often, from strangers, or with contents that make no sense. */
  readonly unanswered: number
  readonly malformed: number
  readonly moves: number
}

export class UnderlayPaths {
  readonly paths: DelayDrivenPaths
  readonly #options: UnderlayPathsOptions
  readonly #arena: Arena
  readonly #stack: Stack
  /** By number; one that has gone keeps its number. */
  readonly #peers: Peer[] = []
  readonly #hops: (Hop | undefined)[]
  readonly #key = new Int32Array(4)
  readonly #own: Uint8Array
  readonly #one = new Int32Array(1)
  readonly #rest = new Int32Array(1024)
  #stamped = 0
  #probes = 0
  #answered = 0
  #unanswered = 0
  #malformed = 0

  constructor(options: UnderlayPathsOptions) {
    const { nics } = options
    this.#options = options
    this.#arena = options.arena
    this.#stack = options.stack.stack
    this.#own = options.address.bytes
    this.addPeers(options.peers)
    this.#hops = nics.map(() => undefined)
    this.paths = new DelayDrivenPaths(options.random, { ...options.multipath, pathCount: nics.length })
  }

  /** Sleds that came later. Those that are known stay as they are. */
  addPeers(addresses: readonly Ip[]): void {
    const { address, nics } = this.#options
    for (const ip of addresses) {
      if (ip.equals(address) || this.#peers.some((peer) => peer.ip.equals(ip))) continue
      this.#peers.push({ ip, bytes: ip.bytes, answeredAtUs: new Float64Array(nics.length).fill(-Infinity) })
    }
  }

  // ── Out ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends a packet that starts at its IPv6 header. Takes the slot. */
  outputIp(slot: number): void {
    const arena = this.#arena
    const start = arena.start(slot)
    const peer = arena.bytes[start]! >>> 4 === 6 ? this.#peerAt(start + IPV6_DST) : -1
    if (peer >= 0) this.#setKey(arena.bytes, start + IPV6_DST)
    const mask = peer < 0 ? 0 : this.#findHops()
    // One way is no choice, and what is no peer's nobody answers.
    if ((mask & (mask - 1)) === 0) return this.#options.stack.outputIp(slot)
    const nowUs = this.#nowUs()
    const length = arena.length(slot)
    const path = this.paths.choose(peer, mask, flowHash(arena, slot), length + ETHERNET_MIN, nowUs)
    // because `choose` stays within the mask
    const hop = this.#hops[path]!
    const room = hop.interface.mtuBytes - length
    if (room < 0) return this.#options.stack.outputIp(slot)
    // A packet that has no room for the telemetry leaves its own path to be measured by a packet of its own, too.
    const isRoomy = room >= TELEMETRY_BYTES + SWITCH_ELEMENT_BYTES
    const other = this.paths.duePath(peer, mask, isRoomy ? path : -1, nowUs)
    const probe = other < 0 ? -1 : this.#probe(slot, peer, other, nowUs)
    if (isRoomy) this.#stamp(slot, peer, path, nowUs)
    this.#send(slot, hop)
    if (probe >= 0) this.#send(probe, this.#hops[other]!)
  }

  #stamp(slot: number, peer: number, path: number, nowUs: number): void {
    const id = this.paths.stamp(peer, path, ELEMENT_COST_BYTES, nowUs)
    if (id >= 0 && insertTelemetry(this.#arena, slot, id, stampOf(nowUs))) this.#stamped++
  }

  /** @returns the slot of a packet of its own for the measurement, to be sent; -1 when it has to wait. */
  #probe(slot: number, peer: number, path: number, nowUs: number): number {
    const id = this.paths.stamp(peer, path, PROBE_COST_BYTES, nowUs)
    if (id < 0) return -1
    const probe = this.#stack.allocIp(PROBE_BYTES)
    if (probe < 0) return -1
    const { bytes } = this.#arena
    const from = this.#arena.start(slot)
    bytes.copyWithin(this.#arena.start(probe), from, from + IPV6_MIN)
    writeProbe(this.#arena, probe, id, stampOf(nowUs))
    this.#probes++
    return probe
  }

  #send(slot: number, hop: Hop): void {
    const stack = this.#stack
    stack.enter()
    stack.noteSent(slot, hop.interface)
    stack.toHop(hop, this.#key, slot)
    stack.leave()
  }

  #setKey(bytes: Uint8Array, at: number): void {
    for (let i = 0; i < 4; i++) {
      const word = at + 4 * i
      this.#key[i] = (bytes[word]! << 24) | (bytes[word + 1]! << 16) | (bytes[word + 2]! << 8) | bytes[word + 3]!
    }
  }

  /** Fills `#hops` with the next hop on each NIC towards `#key`. @returns the NICs that have one, as bits. */
  #findHops(): number {
    const route = this.#stack.routes.match(6, this.#key)
    if (route === undefined) return 0
    const { nics } = this.#options
    const { usable } = route
    let mask = 0
    for (let path = 0; path < nics.length; path++) {
      for (let i = 0; i < usable.length; i++) {
        if (usable[i]!.interface.name !== nics[path]) continue
        this.#hops[path] = usable[i]
        mask |= 1 << path
        break
      }
    }
    return mask
  }

  /** Number of the sled whose address stands at `at`; -1 for anybody else. */
  #peerAt(at: number): number {
    const { bytes } = this.#arena
    for (let peer = 0; peer < this.#peers.length; peer++) {
      if (isSame(bytes, at, this.#peers[peer]!.bytes)) return peer
    }
    return -1
  }

  // ── In ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The port of a NIC as the stack shall see it: without telemetry. */
  wrap(port: Port, path: number): Port {
    return {
      name: port.name,
      get isUp() {
        return port.isUp
      },
      send: (slots, count) => port.send(slots, count),
      onState: (fn) => port.onState(fn),
      attach: (sink) => port.attach({ receive: (slots, count) => this.#receive({ port, path, sink }, slots, count) }),
    }
  }

  #receive(
    nic: { readonly port: Port; readonly path: number; readonly sink: FrameSink },
    slots: Int32Array,
    count: number,
  ): void {
    let first = 0
    while (first < count && telemetryLength(this.#arena, slots[first]!) <= 0) first++
    if (first === count) return nic.sink.receive(slots, count)
    for (let from = 0; from < count; from += this.#rest.length) {
      const end = Math.min(count, from + this.#rest.length)
      let kept = 0
      for (let i = from; i < end; i++) if (this.#keeps(nic, slots[i]!)) this.#rest[kept++] = slots[i]!
      if (kept > 0) nic.sink.receive(this.#rest, kept)
    }
  }

  /** Takes the telemetry of a frame, if it is for this sled. @returns whether there is a packet left for the stack. */
  #keeps(nic: { readonly port: Port; readonly path: number }, slot: number): boolean {
    const arena = this.#arena
    const length = telemetryLength(arena, slot)
    if (length === 0) return true
    const ip = arena.start(slot) + ETHERNET_MIN
    if (length < 0) {
      this.#malformed++
      return true // the stack counts it by its own reason and drops it
    }
    // A sled passes on what is for another one as it is.
    if (!isSame(arena.bytes, ip + IPV6_DST, this.#own)) return true
    const peer = this.#peerAt(ip + IPV6_SRC)
    if (isAnswer(arena, slot)) {
      this.#onAnswer(peer, slot)
      return false
    }
    this.#answer(nic, peer, slot)
    if (hasPayload(arena, slot)) {
      stripTelemetry(arena, slot)
      return true
    }
    arena.free(slot)
    return false
  }

  #onAnswer(peer: number, slot: number): void {
    const arena = this.#arena
    const stamp = receiverStamp(arena, slot)
    const isSane = peer >= 0 && stamp > -2 && senderId(arena, slot) >= 0 && !hasPayload(arena, slot)
    if (isSane) this.paths.onAnswer(peer, senderId(arena, slot), senderStamp(arena, slot), stamp, this.#nowUs())
    else this.#malformed++
    arena.free(slot)
  }

  #answer(nic: { readonly port: Port; readonly path: number }, peer: number, slot: number): void {
    const nowUs = this.#nowUs()
    const known = this.#peers[peer]
    const isDue = known !== undefined && nowUs - known.answeredAtUs[nic.path]! >= ANSWER_INTERVAL_US
    const answer = isDue && senderId(this.#arena, slot) >= 0 ? makeAnswer(this.#arena, slot, stampOf(nowUs)) : -1
    if (known === undefined || answer < 0) {
      this.#unanswered++
      return
    }
    known.answeredAtUs[nic.path] = nowUs
    this.#answered++
    this.#one[0] = answer
    nic.port.send(this.#one, 1)
  }

  // ── Status ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What is known of each path to each sled that was sent anything. */
  status(): UnderlayPathStatus[] {
    const { nics } = this.#options
    return this.#peers.flatMap(({ ip, bytes }, peer) => {
      this.#setKey(bytes, 0)
      const mask = this.#findHops()
      return this.paths
        .status(peer, mask, this.#nowUs())
        .filter((each) => each.sent > 0)
        .map((each) => ({ ...each, peer: ip, nic: nics[each.path]!, isRouted: (mask & (1 << each.path)) !== 0 }))
    })
  }

  counters(): UnderlayCounters {
    return {
      stamped: this.#stamped,
      probes: this.#probes,
      answered: this.#answered,
      unanswered: this.#unanswered,
      malformed: this.#malformed,
      moves: this.paths.moves,
    }
  }

  #nowUs(): number {
    return this.#options.clock.nowMs() * 1000
  }
}

/** Of a tunnel packet: its UDP source port tells its flows apart (RFC 8926 §3.3). */
function flowHash(arena: Arena, slot: number): number {
  const { bytes } = arena
  const start = arena.start(slot)
  if (ipv6NextHeader(bytes, start) !== IpProtocol.udp || arena.length(slot) < IPV6_MIN + 4) return 0
  const port = (bytes[start + IPV6_MIN]! << 8) | bytes[start + IPV6_MIN + 1]!
  return Math.imul(port + 1, 0x9e3779b1)
}

function isSame(bytes: Uint8Array, at: number, address: Uint8Array): boolean {
  // The last bytes differ first: sleds of a rack share their prefix.
  for (let i = 15; i >= 0; i--) if (bytes[at + i] !== address[i]) return false
  return true
}
