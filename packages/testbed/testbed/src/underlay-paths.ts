/**
 * Which of a sled's links carries a tunnel packet: the delay-driven choice of @lodestone/ddm on the bytes of real frames. It stands in
 * two places: before the stack's output, where it picks among the next hops that routing offers, and between the NICs' ports and the
 * stack, where it takes telemetry off what arrives and answers it on the link that it came by.
 *
 * The number of a path is that of its NIC, which is also that of the switch. What goes to another sled is measured by its own packets.
 * What goes to the world goes to the switch itself, and any switch that leads to the same prefixes is as good: the outer destination
 * becomes that of the chosen one. The ways to the switches are measured by packets to ourselves, which a switch sends back with
 * its time on top. Everything that does not come from the packet engine goes as the stack's routes say.
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
import type { Clock, Random, Timer } from '@lodestone/host'
import type { FrameSink, Port } from '@lodestone/link'
import type { Ip } from '@lodestone/net'
import type { Netstack } from '@lodestone/netstack'
import { ETHERNET_MIN, IPV6_DST, IPV6_MIN, IPV6_SRC, IpProtocol, ipv6NextHeader } from '@lodestone/packet'
import type { TunnelRoute } from '@lodestone/vport'
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
  switchStamp,
  TELEMETRY_BYTES,
  telemetryLength,
  writeProbe,
} from './telemetry-frame.ts'

type Stack = Netstack['stack']
type Route = NonNullable<ReturnType<Stack['routes']['match']>>
type Hop = Route['usable'][number]

/** A peer that asks more often than this, on one path, gets no answer. Its own rule is one measurement a round trip. */
const ANSWER_INTERVAL_US = 20

/** The first peer is this sled itself: its packets to itself are what measures the ways to the switches. */
const SWITCHES = 0

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
  /** Tunnel endpoints of the switches, in the same order. */
  readonly switches: readonly Ip[]
  readonly multipath?: Partial<MultipathOptions>
}

export interface UnderlayPathStatus extends PathStatus {
  /** A sled's address; this sled's own for the way to the switch. */
  readonly peer: Ip
  readonly nic: string
  /** Routing offers it. */
  readonly isRouted: boolean
}

/** A way that a packet may take. */
export interface UnderlayWay {
  readonly nic: string
  /** 0 … 1; those of all ways together are 1. */
  readonly chance: number
  /** It is too long for this one: the stack's routes take it. */
  readonly isByRoutes: boolean
  /** Of what goes to another switch than the engine has named: that one, and the one whose address takes its place. */
  readonly instead?: Ip
  readonly destination?: Ip
}

export interface UnderlayCounters {
  readonly stamped: number
  readonly probes: number
  readonly answered: number
  /** Packets to the world that went to another switch than the engine had named. */
  readonly redirected: number
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
  #redirected = 0
  readonly #ports: (Port | undefined)[]
  /** By path: the address of its switch, and the switches that can stand in for it, as bits. */
  readonly #switches: readonly Uint8Array[]
  readonly #standIns: Int32Array<ArrayBuffer>
  #timer: Timer | undefined
  #timerAtUs = Infinity

  constructor(options: UnderlayPathsOptions) {
    const { nics, address, switches } = options
    this.#options = options
    this.#arena = options.arena
    this.#stack = options.stack.stack
    this.#own = address.bytes
    this.#peers.push({ ip: address, bytes: address.bytes, answeredAtUs: new Float64Array(nics.length) })
    this.addPeers(options.peers)
    this.#hops = nics.map(() => undefined)
    this.#ports = nics.map(() => undefined)
    this.#switches = switches.slice(0, nics.length).map((each) => each.bytes)
    this.#standIns = new Int32Array(this.#switches.length)
    this.paths = new DelayDrivenPaths(
      options.random,
      { ...options.multipath, pathCount: nics.length },
      {
        backlogUs: (path) => (this.#ports[path]?.backlogMs ?? 0) * 1000,
        limitUs: (path) => (this.#ports[path]?.backlogLimitMs ?? Infinity) * 1000,
      },
    )
    this.paths.split(SWITCHES)
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** Sleds that came later. Those that are known stay as they are. */
  addPeers(addresses: readonly Ip[]): void {
    const { nics } = this.#options
    for (const ip of addresses) {
      if (this.#peers.some((peer) => peer.ip.equals(ip))) continue
      this.#peers.push({ ip, bytes: ip.bytes, answeredAtUs: new Float64Array(nics.length).fill(-Infinity) })
    }
  }

  /** Which switches lead where. One stands in for another where it is an endpoint, as good and of the same VNI, of all its prefixes. */
  setTunnelRoutes(routes: readonly TunnelRoute[]): void {
    this.#standIns.fill((1 << this.#switches.length) - 1)
    for (const { endpoints } of routes) {
      for (const { address, vni, metric } of endpoints) {
        const path = this.#switches.findIndex((each) => isSame(each, 0, address.bytes))
        if (path < 0) continue
        const others = endpoints.filter((each) => each.vni === vni && each.metric === metric)
        const bits = this.#switches.map((each, i) =>
          others.some((other) => isSame(each, 0, other.address.bytes)) ? 1 << i : 0,
        )
        this.#standIns[path]! &= bits.reduce((a, b) => a | b, 0)
      }
    }
  }

  // ── Out ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends a packet that starts at its IPv6 header. Takes the slot. */
  outputIp(slot: number): void {
    const arena = this.#arena
    const start = arena.start(slot)
    const isIpv6 = arena.bytes[start]! >>> 4 === 6
    const named = isIpv6 ? this.#switchAt(arena.bytes, start + IPV6_DST) : -1
    if (named >= 0) return this.#toSwitch(slot, named)
    const peer = isIpv6 ? this.#peerAt(arena.bytes, start + IPV6_DST) : -1
    // What is no peer's nobody answers, and one way is no choice.
    const mask = peer <= SWITCHES ? 0 : this.#findHops(peer)
    if ((mask & (mask - 1)) === 0) return this.#options.stack.outputIp(slot)
    const nowUs = this.#nowUs()
    const length = arena.length(slot)
    const hash = flowHash(arena.bytes, arena.start(slot), length)
    const path = this.paths.choose(peer, mask, hash, length + ETHERNET_MIN, nowUs)
    // because `choose` stays within the mask
    const hop = this.#hops[path]!
    const room = hop.interface.mtuBytes - length
    if (room < 0) return this.#options.stack.outputIp(slot)
    // A packet that has no room for the telemetry leaves its own path to be measured by a packet of its own, too.
    const isRoomy = room >= TELEMETRY_BYTES + SWITCH_ELEMENT_BYTES
    const other = this.paths.duePath(peer, mask, isRoomy ? path : -1, nowUs)
    const probe = other < 0 ? -1 : this.#probe(peer, other, nowUs, false)
    if (isRoomy) this.#stamp(slot, peer, path, nowUs)
    this.#send(slot, hop)
    if (probe >= 0) this.#sendProbe(probe, peer, other)
    this.#awaitOverdue(nowUs)
  }

  /** The engine has named one switch. Where another one leads to the same places, the less loaded way carries the flowlet. */
  #toSwitch(slot: number, named: number): void {
    const arena = this.#arena
    const mask = this.#findHops(SWITCHES) & this.#standIns[named]!
    if ((mask & (mask - 1)) === 0) return this.#options.stack.outputIp(slot)
    const nowUs = this.#nowUs()
    const length = arena.length(slot)
    const hash = flowHash(arena.bytes, arena.start(slot), length)
    const path = this.paths.choose(SWITCHES, mask, hash, length + ETHERNET_MIN, nowUs)
    const hop = this.#hops[path]! // because `choose` stays within the mask
    if (hop.interface.mtuBytes < length) return this.#options.stack.outputIp(slot)
    if (path !== named) {
      // The outer UDP has no checksum, so the address is all that changes.
      arena.bytes.set(this.#switches[path]!, arena.start(slot) + IPV6_DST)
      this.#redirected++
      this.#noteRedirected(slot, named, path)
    }
    const due = this.paths.duePath(SWITCHES, mask, -1, nowUs)
    const probe = due < 0 ? -1 : this.#probe(SWITCHES, due, nowUs, false)
    this.#setKey(this.#switches[path]!, 0)
    this.#send(slot, hop)
    if (probe >= 0) this.#sendProbe(probe, SWITCHES, due)
    this.#awaitOverdue(nowUs)
  }

  /**
   * The ways that a packet might take if it were sent now, with the chance of each. Nothing changes by asking.
   * @param packet from its IPv6 header on
   * @returns undefined where the stack's routes alone decide
   */
  ways(packet: Uint8Array): UnderlayWay[] | undefined {
    const isIpv6 = packet.length >= IPV6_MIN && packet[0]! >>> 4 === 6
    const named = isIpv6 ? this.#switchAt(packet, IPV6_DST) : -1
    const peer = named >= 0 ? SWITCHES : isIpv6 ? this.#peerAt(packet, IPV6_DST) : -1
    if (named < 0 && peer <= SWITCHES) return undefined
    const mask = this.#findHops(peer) & (named < 0 ? -1 : this.#standIns[named]!)
    if ((mask & (mask - 1)) === 0) return undefined
    const hash = flowHash(packet, 0, packet.length)
    const chances = this.paths.chances(peer, mask, hash, packet.length + ETHERNET_MIN, this.#nowUs())
    const ways: UnderlayWay[] = []
    for (const [path, chance] of chances.entries()) {
      if (chance === 0) continue
      const hop = this.#hops[path]! // because only paths of the mask have a chance
      // Where it does not fit, the stack says so by its own routes.
      const fits = hop.interface.mtuBytes >= packet.length
      const isMoved = named >= 0 && fits && path !== named
      ways.push({
        nic: this.#options.nics[path]!,
        chance,
        isByRoutes: !fits,
        ...(isMoved ? { instead: this.#options.switches[named]!, destination: this.#options.switches[path]! } : {}),
      })
    }
    return ways
  }

  #noteRedirected(slot: number, named: number, path: number): void {
    const { name, tracer } = this.#stack
    if (!tracer.isOn) return
    const { switches } = this.#options
    tracer.emit(name, this.#arena.packet(slot), {
      kind: 'rewrite',
      field: 'ipv6.dst',
      from: switches[named]!.toString(),
      to: switches[path]!.toString(),
    })
  }

  #stamp(slot: number, peer: number, path: number, nowUs: number): void {
    const id = this.paths.stamp(peer, path, ELEMENT_COST_BYTES, nowUs)
    if (id >= 0 && insertTelemetry(this.#arena, slot, id, stampOf(nowUs))) this.#stamped++
  }

  /** @returns the slot of a packet of its own for the measurement, to be sent; -1 when it has to wait. */
  #probe(peer: number, path: number, nowUs: number, isUrgent: boolean): number {
    const id = this.paths.stamp(peer, path, PROBE_COST_BYTES, nowUs, isUrgent)
    if (id < 0) return -1
    const probe = this.#stack.allocIp(PROBE_BYTES)
    if (probe < 0) return -1
    const { bytes } = this.#arena
    const start = this.#arena.start(probe)
    bytes.fill(0, start, start + IPV6_MIN)
    bytes[start] = 0x60
    bytes.set(this.#own, start + IPV6_SRC)
    bytes.set(this.#peers[peer]!.bytes, start + IPV6_DST)
    writeProbe(this.#arena, probe, id, stampOf(nowUs))
    this.#probes++
    return probe
  }

  /** Measurements that nobody answered are made again without waiting for the next packet. */
  #awaitOverdue(nowUs: number): void {
    const dueUs = this.paths.nextDueUs
    if (dueUs >= this.#timerAtUs) return
    this.#timer?.cancel()
    this.#timerAtUs = dueUs
    // A little late rather than early: milliseconds and back round.
    this.#timer = this.#options.clock.after(Math.max(0, dueUs - nowUs + 1) / 1000, () => this.#onOverdue())
  }

  #onOverdue(): void {
    this.#timerAtUs = Infinity
    const nowUs = this.#nowUs()
    for (let next = this.paths.overdue(nowUs); next >= 0; next = this.paths.overdue(nowUs)) {
      const path = next & 7
      const mask = this.#findHops(next >> 3)
      const probe = (mask & (1 << path)) === 0 ? -1 : this.#probe(next >> 3, path, nowUs, true)
      if (probe >= 0) this.#sendProbe(probe, next >> 3, path)
    }
    this.#awaitOverdue(nowUs)
  }

  /** After `#findHops` for that peer. */
  #sendProbe(probe: number, peer: number, path: number): void {
    if (peer === SWITCHES) this.#setKey(this.#switches[path]!, 0)
    this.#send(probe, this.#hops[path]!)
  }

  /** To `#key`, by one of its next hops. */
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

  /** Fills `#hops` with the next hop on each NIC towards a peer. @returns the NICs that have one, as bits. */
  #findHops(peer: number): number {
    if (peer !== SWITCHES) {
      this.#setKey(this.#peers[peer]!.bytes, 0)
      return this.#findHopsFrom(0, this.#hops.length - 1)
    }
    let mask = 0
    for (let path = 0; path < this.#switches.length; path++) {
      this.#setKey(this.#switches[path]!, 0)
      mask |= this.#findHopsFrom(path, path)
    }
    return mask
  }

  /** The next hops towards `#key` on some of the NICs. */
  #findHopsFrom(first: number, last: number): number {
    const route = this.#stack.routes.match(6, this.#key)
    if (route === undefined) return 0
    const { nics } = this.#options
    const { usable } = route
    let mask = 0
    for (let path = first; path <= last; path++) {
      for (let i = 0; i < usable.length; i++) {
        if (usable[i]!.interface.name !== nics[path]) continue
        this.#hops[path] = usable[i]
        mask |= 1 << path
        break
      }
    }
    return mask
  }

  /** Path of the switch whose tunnel endpoint stands at `at`; -1 for anybody else. */
  #switchAt(bytes: Uint8Array, at: number): number {
    for (let path = 0; path < this.#switches.length; path++) {
      if (isSame(bytes, at, this.#switches[path]!)) return path
    }
    return -1
  }

  /** Number of the sled whose address stands at `at`; -1 for anybody else. */
  #peerAt(bytes: Uint8Array, at: number): number {
    for (let peer = 0; peer < this.#peers.length; peer++) {
      if (isSame(bytes, at, this.#peers[peer]!.bytes)) return peer
    }
    return -1
  }

  // ── In ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The port of a NIC as the stack shall see it: without telemetry. */
  wrap(port: Port, path: number): Port {
    this.#ports[path] = port
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
    const peer = this.#peerAt(this.#arena.bytes, ip + IPV6_SRC)
    if (isAnswer(arena, slot)) {
      this.#onAnswer(peer, slot)
      return false
    }
    if (peer === SWITCHES) {
      this.#onReturned(slot)
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

  /** A packet of ours that a switch has sent back. */
  #onReturned(slot: number): void {
    const arena = this.#arena
    const stamp = switchStamp(arena, slot)
    if (stamp < 0 || hasPayload(arena, slot)) this.#malformed++
    else this.paths.onAnswer(SWITCHES, senderId(arena, slot), senderStamp(arena, slot), stamp, this.#nowUs())
    arena.free(slot)
  }

  #onAnswer(peer: number, slot: number): void {
    const arena = this.#arena
    const stamp = receiverStamp(arena, slot)
    const isSane = peer > SWITCHES && stamp > -2 && senderId(arena, slot) >= 0 && !hasPayload(arena, slot)
    if (isSane) this.paths.onAnswer(peer, senderId(arena, slot), senderStamp(arena, slot), stamp, this.#nowUs())
    else this.#malformed++
    arena.free(slot)
  }

  #answer(nic: { readonly port: Port; readonly path: number }, peer: number, slot: number): void {
    const nowUs = this.#nowUs()
    const known = peer > SWITCHES ? this.#peers[peer] : undefined
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
    return this.#peers.flatMap(({ ip }, peer) => {
      const mask = this.#findHops(peer)
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
      redirected: this.#redirected,
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
function flowHash(bytes: Uint8Array, start: number, length: number): number {
  if (ipv6NextHeader(bytes, start) !== IpProtocol.udp || length < IPV6_MIN + 4) return 0
  const port = (bytes[start + IPV6_MIN]! << 8) | bytes[start + IPV6_MIN + 1]!
  return Math.imul(port + 1, 0x9e3779b1)
}

function isSame(bytes: Uint8Array, at: number, address: Uint8Array): boolean {
  // The last bytes differ first: sleds of a rack share their prefix.
  for (let i = 15; i >= 0; i--) if (bytes[at + i] !== address[i]) return false
  return true
}
