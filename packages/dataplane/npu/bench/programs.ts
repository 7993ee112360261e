/** Programs of the benchmark and ways to fill their tables, used by several rows. */
import { readFileSync } from 'node:fs'
import type { Arena } from '@lodestone/frame'
import type { Program } from '@lodestone/p4'
import type { Tracer } from '@lodestone/probe'
import { createPipeline, type Pipeline, type TableResult } from '../src/index.ts'
import { sourceProgram } from '../src/testing/source-program.ts'
import { arenaOf, generator } from './harness.ts'

/** Flows that are active at the same time. */
export const ACTIVE = 1024
const HOPS = 256

export function compiled(path: string): Program {
  return sourceProgram(path, (file) => readFileSync(file, 'utf8'))
}

export function must(result: TableResult): void {
  if (!result.ok)
    throw new Error(JSON.stringify(result, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)))
}

/** Writes a big-endian number of 2 or 4 bytes. */
export function put(bytes: Uint8Array, at: number, count: 2 | 4, value: number): void {
  for (let k = 0; k < count; k++) bytes[at + k] = value >>> (8 * (count - 1 - k))
}

/** Checksum of a 20-byte IPv4 header whose checksum field is 0 (RFC 1071). */
export function headerChecksum(bytes: Uint8Array, at: number): number {
  let sum = 0
  for (let k = 0; k < 20; k += 2) sum += (bytes[at + k]! << 8) | bytes[at + k + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** A 64-byte UDP packet over IPv4. */
export function writeUdp(bytes: Uint8Array, at: number, source: number, destination: number, port: number): void {
  bytes.fill(0, at, at + 64)
  put(bytes, at, 2, 0xa840)
  put(bytes, at + 2, 4, 0x25020001)
  put(bytes, at + 6, 2, 0x0200)
  put(bytes, at + 8, 4, 2)
  put(bytes, at + 12, 2, 0x0800)
  put(bytes, at + 14, 2, 0x4500)
  put(bytes, at + 16, 2, 50)
  put(bytes, at + 22, 2, 0x4011)
  put(bytes, at + 26, 4, source)
  put(bytes, at + 30, 4, destination)
  put(bytes, at + 24, 2, headerChecksum(bytes, at + 14))
  put(bytes, at + 34, 2, 4000)
  put(bytes, at + 36, 2, port)
  put(bytes, at + 38, 2, 30)
}

/** Prefix lengths of a default-free IPv4 table, roughly: half /24, the rest /8 to /23. */
function lengthOf(random: number): number {
  return (random & 1) === 0 ? 24 : 8 + ((random >>> 1) & 15)
}

export interface Router {
  readonly arena: Arena
  readonly pipeline: Pipeline
  /** Addresses with a route, one per flow. */
  readonly destinations: readonly number[]
}

/** `p4/examples/router.p4` with this many routes. */
export function buildRouter(
  routes: number,
  options: { readonly flows?: number; readonly tracer?: Tracer } = {},
): Router {
  const { flows = ACTIVE, ...rest } = options
  const arena = arenaOf()
  const pipeline = createPipeline(compiled('p4/examples/router.p4'), { arena, nowMs: () => 0, ...rest })
  for (let hop = 0n; hop < HOPS; hop++) {
    must(
      pipeline.addEntry('arp', {
        keys: [{ kind: 'exact', value: 0x0a000000n + hop }],
        action: 'set_dmac',
        parameters: [0x020000010000n | hop],
      }),
    )
  }
  for (let port = 0n; port < 16n; port++) {
    must(
      pipeline.addEntry('smac', {
        keys: [{ kind: 'exact', value: port }],
        action: 'set_smac',
        parameters: [0x020000000000n | port],
      }),
    )
  }
  const next = generator(1)
  const destinations: number[] = []
  for (let entries = 0; entries < routes;) {
    const length = lengthOf(next())
    const address = next()
    const value = (address & ~(2 ** (32 - length) - 1)) >>> 0
    const hop = BigInt(next() % HOPS)
    const result = pipeline.addEntry('ipv4_lpm', {
      keys: [{ kind: 'lpm', value: BigInt(value), length }],
      action: 'set_next_hop',
      parameters: [0x0a000000n + hop, hop & 15n],
    })
    if (!result.ok && result.error.kind !== 'exists') must(result)
    if (!result.ok) continue
    entries++
    if (destinations.length < flows) destinations.push(address)
  }
  for (let k = 0; destinations.length < flows; k++) destinations.push(destinations[k]!)
  return { arena, pipeline, destinations }
}

/** One 64-byte frame per flow, in one piece. */
export function routerImage(destinations: readonly number[]): Uint8Array {
  const image = new Uint8Array(64 * destinations.length)
  destinations.forEach((destination, k) => writeUdp(image, 64 * k, 0x0a000001 + k, destination, 53))
  return image
}
