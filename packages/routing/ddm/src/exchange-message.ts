/**
 * What DDM routers tell each other over HTTP: path vectors of underlay prefixes and tunnel endpoints, as JSON in
 * version 2 (`{addr, len}` prefixes, tagged families) or version 3 (prefixes as text).
 *
 * Invariant: decoding returns a value or a reason, never throws; both versions decode to the same values.
 */
import { Ip, Prefix } from '@lodestone/net'
import { formatExactJson, parseExactJson } from './exact-json.ts'

export type ExchangeVersion = 2 | 3

/** An underlay prefix and the routers its announcement passed, originator first. */
export interface PathVector {
  /** IPv6. */
  readonly destination: Prefix
  readonly path: readonly string[]
}

/** Packets to `overlayPrefix` may be tunnelled to `boundaryAddress` with this VNI. */
export interface TunnelOrigin {
  readonly overlayPrefix: Prefix
  /** IPv6. */
  readonly boundaryAddress: Ip
  /** 24 bits. */
  readonly vni: number
  /** Unsigned 64 bits; 0 marks a tunnel that is used only when no other is left. */
  readonly metric: bigint
}

export interface Announcements<Item> {
  readonly announce: readonly Item[]
  readonly withdraw: readonly Item[]
}

/** The body of a push. */
export interface ExchangeUpdate {
  readonly underlay: Announcements<PathVector> | undefined
  readonly tunnel: Announcements<TunnelOrigin> | undefined
}

/** The answer to a pull: everything. */
export interface ExchangeSnapshot {
  readonly underlay: readonly PathVector[]
  readonly tunnel: readonly TunnelOrigin[]
}

export type DecodeResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string }

/** More hops than any rack has; longer paths are a fault. */
const MAX_PATH = 64
const MAX_NAME = 255
const MAX_METRIC = (1n << 64n) - 1n

// --- encoding ---------------------------------------------------------------------------------------------------

export function encodeUpdate(update: ExchangeUpdate, version: ExchangeVersion): string {
  const lists = <Item>(items: Announcements<Item> | undefined, encode: (item: Item) => unknown): unknown =>
    items === undefined ? null : { announce: items.announce.map(encode), withdraw: items.withdraw.map(encode) }
  return formatExactJson({
    underlay: lists(update.underlay, (vector) => encodeVector(vector, version)),
    tunnel: lists(update.tunnel, (origin) => encodeTunnel(origin, version)),
  })
}

export function encodeSnapshot(snapshot: ExchangeSnapshot, version: ExchangeVersion): string {
  return formatExactJson({
    underlay: snapshot.underlay.map((vector) => encodeVector(vector, version)),
    tunnel: snapshot.tunnel.map((origin) => encodeTunnel(origin, version)),
  })
}

function encodeVector({ destination, path }: PathVector, version: ExchangeVersion): unknown {
  return { destination: version === 2 ? addrLen(destination) : destination.toString(), path }
}

function encodeTunnel(origin: TunnelOrigin, version: ExchangeVersion): unknown {
  const { overlayPrefix } = origin
  const tag = overlayPrefix.family === 4 ? 'V4' : 'V6'
  return {
    overlay_prefix: version === 2 ? { [tag]: addrLen(overlayPrefix) } : overlayPrefix.toString(),
    boundary_addr: origin.boundaryAddress.toString(),
    vni: origin.vni,
    metric: origin.metric,
  }
}

function addrLen(prefix: Prefix): { addr: string; len: number } {
  return { addr: prefix.address.toString(), len: prefix.length }
}

// --- decoding ---------------------------------------------------------------------------------------------------

/** Thrown inside this file only, to leave nested decoders; never leaves it. */
class Malformed extends Error {}

export function decodeUpdate(text: string, version: ExchangeVersion): DecodeResult<ExchangeUpdate> {
  return decode(text, (value) => {
    const object = asObject(value, 'the update')
    const lists = <Item>(
      part: unknown,
      name: string,
      item: (value: unknown) => Item,
    ): Announcements<Item> | undefined => {
      if (part === null || part === undefined) return undefined
      const { announce, withdraw } = asObject(part, name)
      return {
        announce: asArray(announce, `${name}.announce`).map(item),
        withdraw: asArray(withdraw, `${name}.withdraw`).map(item),
      }
    }
    return {
      underlay: lists(object['underlay'], 'underlay', (item) => decodeVector(item, version)),
      tunnel: lists(object['tunnel'], 'tunnel', (item) => decodeTunnel(item, version)),
    }
  })
}

export function decodeSnapshot(text: string, version: ExchangeVersion): DecodeResult<ExchangeSnapshot> {
  return decode(text, (value) => {
    const object = asObject(value, 'the snapshot')
    return {
      underlay: asArray(object['underlay'] ?? [], 'underlay').map((item) => decodeVector(item, version)),
      tunnel: asArray(object['tunnel'] ?? [], 'tunnel').map((item) => decodeTunnel(item, version)),
    }
  })
}

function decode<Value>(text: string, read: (value: unknown) => Value): DecodeResult<Value> {
  const json = parseExactJson(text)
  if (json === undefined) return { ok: false, reason: 'not JSON' }
  try {
    return { ok: true, value: read(json.value) }
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, reason: error.message }
    throw error
  }
}

function decodeVector(value: unknown, version: ExchangeVersion): PathVector {
  const object = asObject(value, 'a path vector')
  const destination = asPrefix(object['destination'], version, 'destination')
  if (destination.family !== 6) throw new Malformed(`destination ${destination} is not IPv6`)
  const path = asArray(object['path'], 'path')
  if (path.length === 0 || path.length > MAX_PATH) throw new Malformed(`a path of ${path.length} routers`)
  const names = path.map((name) => {
    if (typeof name !== 'string' || name === '' || name.length > MAX_NAME) {
      throw new Malformed('path has an entry that is not a name')
    }
    return name
  })
  return { destination, path: names }
}

function decodeTunnel(value: unknown, version: ExchangeVersion): TunnelOrigin {
  const object = asObject(value, 'a tunnel endpoint')
  let prefix = object['overlay_prefix']
  if (version === 2) {
    const tagged = asObject(prefix, 'overlay_prefix')
    prefix = tagged['V4'] ?? tagged['V6']
  }
  const address = object['boundary_addr']
  const boundaryAddress = typeof address === 'string' ? Ip.parse(address) : undefined
  if (boundaryAddress?.family !== 6) throw new Malformed('boundary_addr is not an IPv6 address')
  const vni = object['vni']
  if (typeof vni !== 'number' || !Number.isInteger(vni) || vni < 0 || vni > 0xffffff)
    throw new Malformed('vni is not 24 bits')
  return {
    overlayPrefix: asPrefix(prefix, version, 'overlay_prefix'),
    boundaryAddress,
    vni,
    metric: asU64(object['metric'] ?? 0, 'metric'),
  }
}

function asObject(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Malformed(`${name} is not an object`)
  // because it is an object and not an array
  return value as Record<string, unknown>
}

function asArray(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Malformed(`${name} is not an array`)
  return value
}

function asU64(value: unknown, name: string): bigint {
  const isWhole = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))
  const number = isWhole ? BigInt(value) : -1n
  if (number < 0n || number > MAX_METRIC) throw new Malformed(`${name} is not an unsigned 64-bit number`)
  return number
}

function asPrefix(value: unknown, version: ExchangeVersion, name: string): Prefix {
  let text = value
  if (version === 2) {
    const { addr, len } = asObject(value, name)
    text = typeof addr === 'string' && typeof len === 'number' ? `${addr}/${len}` : undefined
  }
  const prefix = typeof text === 'string' ? Prefix.parse(text) : undefined
  if (prefix === undefined) throw new Malformed(`${name} is not a prefix`)
  return prefix.masked()
}

// --- identity ---------------------------------------------------------------------------------------------------

/** What makes two vectors the same announcement. */
export function vectorKey({ destination, path }: PathVector): string {
  return `${destination} ${JSON.stringify(path)}`
}

/** The metric is part of it: a tunnel whose metric changes is withdrawn and announced. */
export function tunnelKey({ overlayPrefix, boundaryAddress, vni, metric }: TunnelOrigin): string {
  return `${overlayPrefix} ${boundaryAddress} ${vni} ${metric}`
}
