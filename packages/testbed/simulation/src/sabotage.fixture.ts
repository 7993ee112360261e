/** Bugs to put in: they are what simulations have to find. Nothing of the rack's own code is changed for it. */
import type { FetchLike } from '@lodestone/api'
import type { InterfaceNetwork, Network, TcpSocket } from '@lodestone/host'
import type { Link, LinkTap } from '@lodestone/link'
import { type Emulation, World, type WorldOptions } from '@lodestone/testbed'
import { IpView } from './check/ip-view.ts'

const BGP_PORT = 179
const HEADER_BYTES = 19
const UPDATE = 2
/** Longer than any bound on withdrawals, and shorter than what a rack has for its recovery. */
const LATE_MS = 30_000
const ETHERNET_BYTES = 14
const IPV4_BYTES = 20
const ICMP_BYTES = 8
const ICMP = 1
const TCP = 6
const SYN = 2
const TIME_EXCEEDED = 11
/** Where external addresses are from: 198.51.100.0/24. */
const POOL = [198, 51, 100] as const

/** What is done with a message that withdraws something. */
type Withhold = (message: Uint8Array, socket: TcpSocket) => void

/** A world in which UPDATE messages of `router` that withdraw something do not leave it as they should. */
function worldThatWithholds(options: WorldOptions, router: string, withhold: Withhold): World {
  const world = new World(options)
  const of = world.of.bind(world)
  return Object.assign(world, {
    of(node: string): World {
      const seen = of(node)
      if (node !== router) return seen
      const host = seen.host.bind(seen)
      return Object.assign(seen, {
        host: (name: string, networks: Readonly<Record<string, Network>>) =>
          host(
            name,
            Object.fromEntries(Object.entries(networks).map(([key, each]) => [key, silenced(each, withhold)])),
          ),
      })
    },
  })
}

function silenced(network: Network, withhold: Withhold): Network {
  const silence = (socket: TcpSocket): TcpSocket => withheld(socket, withhold)
  const own: Partial<InterfaceNetwork> = {
    listenTcp: (options, onConnection) => network.listenTcp(options, (socket) => onConnection(silence(socket))),
    connectTcp: async (options) => silence(await network.connectTcp(options)),
  }
  return new Proxy(network, {
    get(target, key) {
      const value: unknown = Reflect.get(own, key) ?? Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function withheld(socket: TcpSocket, withhold: Withhold): TcpSocket {
  if (socket.localPort !== BGP_PORT && socket.remotePort !== BGP_PORT) return socket
  const write = socket.write.bind(socket) as (chunk: Uint8Array, ...rest: unknown[]) => boolean
  // What is written later goes the way that it would have gone.
  const plain = Object.assign(Object.create(socket) as TcpSocket, { write })
  return Object.assign(socket, {
    write: (chunk: Uint8Array, ...rest: unknown[]) =>
      write(
        withoutWithdrawals(chunk, (message) => withhold(message, plain)),
        ...rest,
      ),
  })
}

/** RFC 4271 §4.1, §4.3. The speaker writes whole messages. */
function withoutWithdrawals(chunk: Uint8Array, onWithdrawal: (message: Uint8Array) => void): Uint8Array {
  const kept: number[] = []
  for (let at = 0; at + HEADER_BYTES <= chunk.length;) {
    const length = (chunk[at + 16]! << 8) | chunk[at + 17]!
    if (length < HEADER_BYTES) return chunk
    const isWithdrawal = chunk[at + 18] === UPDATE && ((chunk[at + 19]! << 8) | chunk[at + 20]!) > 0
    if (isWithdrawal) onWithdrawal(chunk.slice(at, at + length))
    else kept.push(...chunk.subarray(at, at + length))
    at += length
  }
  return Uint8Array.from(kept)
}

/** A router that writes withdrawals down and sends them when it has the time. */
function worldWithLateWithdrawals(options: WorldOptions, router: string): World {
  return worldThatWithholds(options, router, (message, socket) => {
    options.clock.after(LATE_MS, () => {
      if (!socket.destroyed && socket.writable) socket.write(message)
    })
  })
}

/** A reconciler that, when a switch did not take its translations, leaves those out from then on. */
export function skippingFailedEntries(fetch: FetchLike): FetchLike {
  const skipped = new Set<string>()
  return async (request) => {
    if (request.method !== 'PUT' || !new URL(request.url).pathname.endsWith('/nat/desired')) return fetch(request)
    const place = new URL(request.url).host
    const body = (await request.json()) as { entries: object[] }
    const keyOf = (entry: object): string => `${place} ${JSON.stringify(entry)}`
    const entries = body.entries.filter((entry) => !skipped.has(keyOf(entry)))
    const { url, method, headers } = request
    const kept = new Headers(headers)
    kept.delete('content-length')
    try {
      return await fetch(new Request(url, { method, headers: kept, body: JSON.stringify({ ...body, entries }) }))
    } catch (error) {
      for (const entry of entries) skipped.add(keyOf(entry))
      throw error
    }
  }
}

type Frame = (frame: Uint8Array, link: Link, isForth: boolean) => void

/** Calls `fn` with each frame that `node` sends on a cable. */
function onSent({ topology, wiring, world }: Emulation, node: string, fn: Frame): void {
  for (const { name, a, b } of topology.links) {
    const link = wiring.links.get(name)
    if (link === undefined || (a.node !== node && b.node !== node)) continue
    const own = a.node === node ? 'a-to-b' : 'b-to-a'
    const tap: LinkTap = (slot, direction) => {
      if (direction === own) fn(world.arena.peek(slot), link, direction === 'a-to-b')
    }
    link.tap(tap)
  }
}

/** Ones' complement sum of the IPv4 or ICMP header from `at` on, put at `field` (RFC 1071). */
function fixChecksum(frame: Uint8Array, at: number, end: number, field: number): void {
  frame[field] = 0
  frame[field + 1] = 0
  let sum = 0
  for (let i = at; i < end; i += 2) sum += (frame[i]! << 8) | (i + 1 < end ? frame[i + 1]! : 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  frame[field] = (~sum >>> 8) & 0xff
  frame[field + 1] = ~sum & 0xff
}

/** A router that takes two from the TTL of packets whose TTL is even. */
function takeTwoHops(emulation: Emulation, router: string): void {
  const view = new IpView()
  onSent(emulation, router, (frame) => {
    view.read(frame)
    const { version, at, hopLimit } = view.outer
    // Not its own BGP, whose TTL says that it comes from a neighbour.
    if (version !== 4 || hopLimit > 64 || hopLimit % 2 === 1 || hopLimit < 3) return
    frame[at + 8] = hopLimit - 1
    fixChecksum(frame, at, at + IPV4_BYTES, at + 10)
  })
}

/** A translation that gives a packet in four of a TCP connection that lives another port. */
function changePorts(emulation: Emulation): void {
  const view = new IpView()
  let count = 0
  for (const { name } of emulation.specs('sled')) {
    onSent(emulation, name, (frame) => {
      view.read(frame)
      const { version, at, protocol, transport } = view.inner
      if (version !== 4 || protocol !== TCP || (frame[transport + 13]! & SYN) !== 0) return
      if (POOL.some((byte, i) => frame[at + 12 + i] !== byte) || ++count % 4 !== 0) return
      const before = (frame[transport]! << 8) | frame[transport + 1]!
      frame[transport + 1] = frame[transport + 1]! ^ 1
      // RFC 1624 equation 3.
      const checksum = transport + 16
      let sum = (~((frame[checksum]! << 8) | frame[checksum + 1]!) & 0xffff) + (~before & 0xffff) + (before ^ 1)
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
      frame[checksum] = (~sum >>> 8) & 0xff
      frame[checksum + 1] = ~sum & 0xff
    })
  }
}

/** A router that answers each packet whose way ends there with an error, however many there are. */
function answerEachWithAnError(emulation: Emulation, client: string): void {
  const view = new IpView()
  const { arena } = emulation.world
  onSent(emulation, client, (frame, link, isForth) => {
    view.read(frame)
    const { version, at, hopLimit } = view.outer
    if (version !== 4 || hopLimit !== 1) return
    const quoted = frame.slice(at, at + IPV4_BYTES + ICMP_BYTES)
    const icmp = ETHERNET_BYTES + IPV4_BYTES
    const slot = arena.alloc(icmp + ICMP_BYTES + quoted.length)
    if (slot < 0) return
    const error = arena.peek(slot).fill(0)
    error.set(frame.subarray(6, 12), 0)
    error.set(frame.subarray(0, 6), 6)
    error.set([0x08, 0x00, 0x45, 0, 0, error.length - ETHERNET_BYTES], 12)
    error.set([64, ICMP], ETHERNET_BYTES + 8)
    error.set(frame.subarray(at + 16, at + 20), ETHERNET_BYTES + 12)
    error.set(frame.subarray(at + 12, at + 16), ETHERNET_BYTES + 16)
    fixChecksum(error, ETHERNET_BYTES, icmp, ETHERNET_BYTES + 10)
    error[icmp] = TIME_EXCEEDED
    error.set(quoted, icmp + ICMP_BYTES)
    fixChecksum(error, icmp, error.length, icmp + 2)
    const other = isForth ? link.b : link.a
    other.send(Int32Array.of(slot), 1)
  })
}

/** Each with what the rack is seen to have when it has it. */
export const sabotages = [
  {
    name: 'a BGP withdraw that is lost',
    problem: /has a BGP route to .*, which nobody announces|still ha(s|ve) .* ms after its withdrawal/,
    makeWorld: (options: WorldOptions) => worldThatWithholds(options, 'isp0', () => undefined),
  },
  {
    name: 'a reconciler that skips failed entries',
    problem: /translations lack/,
    wrapFetch: skippingFailedEntries,
  },
  {
    name: 'a BGP withdraw that is sent half a minute late',
    problem: /still ha(s|ve) .* ms after its withdrawal/,
    makeWorld: (options: WorldOptions) => worldWithLateWithdrawals(options, 'isp0'),
    minutes: 1.5,
  },
  {
    name: 'a router that takes two from a TTL',
    problem: /a hop limit of \d+ has become \d+/,
    tamper: (emulation: Emulation) => takeTwoHops(emulation, 'isp0'),
  },
  {
    name: 'a translation that changes while a connection lives',
    problem: /the connection .* came from .* and comes from .* now/,
    tamper: changePorts,
  },
  {
    name: 'a router whose ICMP errors have no limit',
    problem: /more than 120 ICMP errors within a second/,
    tamper: (emulation: Emulation) => answerEachWithAnError(emulation, 'client'),
  },
] as const
