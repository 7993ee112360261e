/**
 * The other ends of the benchmark: senders and a collector in one process of its own, whose CPU time is nobody's. Told what to do
 * by messages of the process that started it (`side-by-side.ts`).
 */
import net from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
// oxlint-disable-next-line lodestone/floors -- a benchmark: not part of the package
import { KEEPALIVE, open, tableStream, update } from '../../bgp/bench/table-stream.ts'

export interface TrafficJob {
  readonly speaker: string
  /** Local addresses; the last one is the collector's. */
  readonly addresses: readonly string[]
  readonly firstAsn: number
}

export type TrafficOrder =
  | { readonly kind: 'connect'; readonly job: TrafficJob }
  | { readonly kind: 'load'; readonly senders: number; readonly prefixes: number; readonly attributeSets: number }
  | { readonly kind: 'lose-senders'; readonly prefixes: number }
  | { readonly kind: 'latency'; readonly count: number }
  | { readonly kind: 'exit' }

export interface TrafficAnswer {
  readonly wallMs: number
  readonly messages: number
  readonly announced: number
  readonly withdrawn: number
  /** Milliseconds, ascending. */
  readonly latencies: readonly number[]
  /** The same of a message that a socket of this process sends to another one of it: what is not the daemon's. Ascending. */
  readonly floor: readonly number[]
}

const CHUNK_BYTES = 262_144
/** Routes told before the measurement: this process's code is to be compiled by then. */
const WARM_UP = 200
/** Between two routes. */
const LATENCY_PAUSE_MS = 2
const CONNECT_RETRY_MS = 300
const HEADER_BYTES = 19
const OPEN = 1
const UPDATE = 2
const KEEPALIVE_TYPE = 4
const HOLD_S = 240
/** FRR's usual hold time is 9 s. */
const KEEPALIVE_MS = 2500

class TrafficPeer {
  readonly #socket: net.Socket
  announced = 0
  withdrawn = 0
  updates = 0
  isUp = false
  onProgress: () => void = () => undefined
  #waiting: Buffer = Buffer.alloc(0)

  constructor(socket: net.Socket, asn: number, identifier: number, onUp: () => void) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.write(opening(asn, identifier))
    const timer = setInterval(() => socket.write(KEEPALIVE), KEEPALIVE_MS)
    socket.on('close', () => clearInterval(timer))
    socket.on('data', (chunk) => this.#receive(chunk, onUp))
  }

  /** As fast as the other side takes it, whole messages at a time: a keepalive may have to go between them. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      let end = at
      while (end < bytes.length && end - at < CHUNK_BYTES) end += (bytes[end + 16]! << 8) | bytes[end + 17]!
      const hasRoom = this.#socket.write(bytes.subarray(at, end))
      if (!hasRoom) await new Promise<void>((resolve) => this.#socket.once('drain', resolve))
      at = end
    }
  }

  /** As when the host on the other end crashes: a reset, no notification. */
  lose(): void {
    this.#socket.resetAndDestroy()
  }

  #receive(chunk: Buffer, onUp: () => void): void {
    const bytes = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk])
    let at = 0
    while (bytes.length - at >= HEADER_BYTES) {
      const length = bytes.readUInt16BE(at + 16)
      if (bytes.length - at < length) break
      const type = bytes[at + 18]
      if (type === OPEN) this.#socket.write(KEEPALIVE)
      else if (type === KEEPALIVE_TYPE && !this.isUp) {
        this.isUp = true
        onUp()
      } else if (type === UPDATE) this.#count(bytes, at, at + length)
      at += length
    }
    this.#waiting = bytes.subarray(at)
    this.onProgress()
  }

  #count(bytes: Buffer, start: number, end: number): void {
    this.updates++
    const withdrawnEnd = start + 21 + bytes.readUInt16BE(start + 19)
    const nlri = withdrawnEnd + 2 + bytes.readUInt16BE(withdrawnEnd)
    for (let at = start + 21; at < withdrawnEnd; this.withdrawn++) at += 1 + ((bytes[at]! + 7) >> 3)
    for (let at = nlri; at < end; this.announced++) at += 1 + ((bytes[at]! + 7) >> 3)
  }
}

/** A connection of this process to itself. */
class Echo {
  readonly #server: net.Server
  readonly #socket: net.Socket
  #onData: () => void = () => undefined

  private constructor(server: net.Server, socket: net.Socket) {
    this.#server = server
    this.#socket = socket
    socket.on('data', () => this.#onData())
  }

  static async open(address: string): Promise<Echo> {
    const server = net.createServer({ noDelay: true }, (socket) => socket.pipe(socket))
    await new Promise<void>((resolve) => server.listen(0, address, resolve))
    const { port } = server.address() as net.AddressInfo // because it listens on an address
    const socket = net.connect({ host: address, port, noDelay: true })
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    return new Echo(server, socket)
  }

  /** Milliseconds there and back, two hops as through the daemon. */
  async measure(message: Uint8Array): Promise<number> {
    const fromMs = performance.now()
    const arrived = new Promise<void>((resolve) => (this.#onData = resolve))
    this.#socket.write(message)
    await arrived
    return performance.now() - fromMs
  }

  close(): void {
    this.#socket.destroy()
    this.#server.close()
  }
}

function sorted(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b)
}

let peers: readonly TrafficPeer[] = []
let job: TrafficJob | undefined

process.on('message', (order: TrafficOrder) => {
  if (order.kind === 'exit') return process.exit(0)
  void perform(order).then((answer) => process.send?.(answer))
})

async function perform(order: Exclude<TrafficOrder, { kind: 'exit' }>): Promise<TrafficAnswer> {
  const latencies: number[] = []
  const floor: number[] = []
  if (order.kind === 'connect') {
    job = order.job
    const { speaker, addresses, firstAsn } = order.job
    peers = await Promise.all(addresses.map((address, i) => connect(speaker, address, firstAsn + i)))
    return answer(0)
  }
  const collector = peers.at(-1)!
  const { announced, withdrawn } = collector
  if (order.kind === 'load') {
    // All of it is made before the clock runs.
    const streams = peers.slice(0, order.senders).map((_, i) => {
      const { prefixes, attributeSets } = order
      return tableStream({ prefixes, attributeSets, asn: (job?.firstAsn ?? 0) + i, nextHop: 10 + i }).bytes
    })
    const fromMs = performance.now()
    const sent = streams.map((bytes, i) => peers[i]!.send(bytes))
    await until(collector, () => collector.announced - announced >= order.prefixes)
    await Promise.all(sent)
    return answer(performance.now() - fromMs)
  }
  if (order.kind === 'lose-senders') {
    const fromMs = performance.now()
    for (const peer of peers.slice(0, -1)) peer.lose()
    await until(collector, () => collector.withdrawn - withdrawn >= order.prefixes)
    return answer(performance.now() - fromMs)
  }
  // The tables that were sent are garbage by now: collected before, not while, time is measured.
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const echo = await Echo.open(job?.addresses[0] ?? '127.0.0.1')
  const attributes = attributesOf(job?.firstAsn ?? 0)
  for (let i = -WARM_UP; i < order.count; i++) {
    const seen = collector.announced
    // A /32 is in no full table.
    const message = update([[(0x0a000000 + WARM_UP + i) >>> 0, 32]], attributes)
    const fromMs = performance.now()
    await peers[0]!.send(message)
    await until(collector, () => collector.announced > seen)
    const latencyMs = performance.now() - fromMs
    const floorMs = await echo.measure(message)
    if (i >= 0) {
      latencies.push(latencyMs)
      floor.push(floorMs)
    }
    await new Promise((resolve) => setTimeout(resolve, LATENCY_PAUSE_MS))
  }
  echo.close()
  return answer(0)

  function answer(wallMs: number): TrafficAnswer {
    const last = peers.at(-1)!
    const { updates, announced: all, withdrawn: gone } = last
    return {
      wallMs,
      messages: updates,
      announced: all,
      withdrawn: gone,
      latencies: sorted(latencies),
      floor: sorted(floor),
    }
  }
}

function until(peer: TrafficPeer, isDone: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!isDone()) return
      peer.onProgress = () => undefined
      resolve()
    }
    peer.onProgress = look
    look()
  })
}

/** Until the session is up: the speaker may not be listening yet. */
async function connect(speaker: string, localAddress: string, asn: number): Promise<TrafficPeer> {
  const identifier = localAddress.split('.').reduce((id, part) => id * 256 + Number(part), 0)
  for (;;) {
    const peer = await new Promise<TrafficPeer | undefined>((resolve) => {
      const socket = net.connect({ host: speaker, port: 179, localAddress })
      socket.once('connect', () => {
        const made: TrafficPeer = new TrafficPeer(socket, asn, identifier, () => resolve(made))
      })
      socket.on('error', () => resolve(undefined))
      socket.on('close', () => resolve(undefined))
    })
    if (peer !== undefined) return peer
    await new Promise((resolve) => setTimeout(resolve, CONNECT_RETRY_MS))
  }
}

/** With a hold time: GoBGP takes that for how long a write may last, and none for no time at all. */
function opening(asn: number, identifier: number): Uint8Array {
  const bytes = open(asn, identifier)
  const HOLD_OFFSET = 22
  bytes.set([HOLD_S >>> 8, HOLD_S & 0xff], HOLD_OFFSET)
  return bytes
}

/** IGP, a path of two, next hop of the first sender. */
function attributesOf(asn: number): Uint8Array {
  const word = (value: number): number[] => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
  return Uint8Array.from([0x40, 1, 1, 0, 0x40, 2, 10, 2, 2, ...word(asn), ...word(64_999), 0x40, 3, 4, 192, 0, 2, 10])
}
