/** Bugs to put in: they are what simulations have to find. Nothing of the rack's own code is changed for it. */
import type { FetchLike } from '@lodestone/api'
import type { InterfaceNetwork, Network, TcpSocket } from '@lodestone/host'
import { World, type WorldOptions } from '@lodestone/testbed'

const BGP_PORT = 179
const HEADER_BYTES = 19
const UPDATE = 2

/** A world in which UPDATE messages of `router` that withdraw something never leave it. */
export function worldWithoutWithdrawals(options: WorldOptions, router: string): World {
  const world = new World(options)
  const of = world.of.bind(world)
  return Object.assign(world, {
    of(node: string): World {
      const seen = of(node)
      if (node !== router) return seen
      const host = seen.host.bind(seen)
      return Object.assign(seen, {
        host: (name: string, networks: Readonly<Record<string, Network>>) =>
          host(name, Object.fromEntries(Object.entries(networks).map(([key, each]) => [key, silenced(each)]))),
      })
    },
  })
}

function silenced(network: Network): Network {
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

function silence(socket: TcpSocket): TcpSocket {
  if (socket.localPort !== BGP_PORT && socket.remotePort !== BGP_PORT) return socket
  const write = socket.write.bind(socket) as (chunk: Uint8Array, ...rest: unknown[]) => boolean
  return Object.assign(socket, {
    write: (chunk: Uint8Array, ...rest: unknown[]) => write(withoutWithdrawals(chunk), ...rest),
  })
}

/** RFC 4271 §4.1, §4.3. The speaker writes whole messages. */
function withoutWithdrawals(chunk: Uint8Array): Uint8Array {
  const kept: number[] = []
  for (let at = 0; at + HEADER_BYTES <= chunk.length;) {
    const length = (chunk[at + 16]! << 8) | chunk[at + 17]!
    if (length < HEADER_BYTES) return chunk
    const isWithdrawal = chunk[at + 18] === UPDATE && ((chunk[at + 19]! << 8) | chunk[at + 20]!) > 0
    if (!isWithdrawal) kept.push(...chunk.subarray(at, at + length))
    at += length
  }
  return Uint8Array.from(kept)
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

/** Each with what the rack is seen to have when it has it. */
export const sabotages = [
  {
    name: 'a BGP withdraw that is lost',
    problem: /has a BGP route to .*, which nobody announces/,
    makeWorld: (options: WorldOptions) => worldWithoutWithdrawals(options, 'isp0'),
  },
  {
    name: 'a reconciler that skips failed entries',
    problem: /translations lack/,
    wrapFetch: skippingFailedEntries,
  },
] as const
