/**
 * Takes a whole frame apart for people: every header with every field, through VLAN tags, the sidecar header, IPv6
 * extension headers, DDM elements, Geneve options and the inner frame, ICMP quotes, ARP and DHCP. Slow path: allocates.
 *
 * Invariant: never throws. Where a header is malformed the walk ends with a layer that says so.
 */
import { EtherType, Icmpv6Type, IcmpType } from './constants.ts'
import { headerTable } from './generated/header-table.ts'
import { icmpv6Type } from './generated/icmpv6.ts'
import { icmpType } from './generated/icmp.ts'
import { checkIpv4Quoted, ipv4Flags, ipv4FragmentOffset, ipv4TotalLength } from './generated/ipv4.ts'
import { ipv6FragmentFragmentOffset, ipv6FragmentMore } from './generated/ipv6-fragment.ts'
import { checkIpv6Quoted, IPV6_MIN, ipv6PayloadLength } from './generated/ipv6.ts'
import { udpDstPort, udpLength, udpSrcPort } from './generated/udp.ts'
import { tailFields, trailingOptions } from './dissect-options.ts'
import { formatBytes } from './format.ts'
import type { FieldValue, HeaderRow } from './header-row.ts'
import type { Registry } from './headers/definition.ts'
import { parseErrorName } from './parse-error.ts'

/** One header, or the payload at the end, of a dissected frame. */
export interface Layer {
  /** A header's name as in the table (`ipv4`), `options`, `payload`, `padding` or `malformed`. */
  readonly name: string
  /** One line for people. */
  readonly summary: string
  /** Absolute offset and length in bytes. */
  readonly offset: number
  readonly length: number
  readonly fields: readonly FieldValue[]
  /** How many tunnels and quotes the layer is inside of: 0 for the outermost headers. */
  readonly depth: number
}

const MAX_LAYERS = 64

/** The layers of the Ethernet frame in `bytes` from `start` to `end`, outermost first. */
export function dissect(bytes: Uint8Array, start: number, end: number): Layer[] {
  const layers: Layer[] = []
  walk(bytes, start, end, rowNamed('ethernet'), 0, layers)
  return layers
}

/** The layers of bytes that begin with an IPv4 or IPv6 header. */
export function dissectIp(bytes: Uint8Array, start: number, end: number): Layer[] {
  const layers: Layer[] = []
  const version = start < end ? bytes[start]! >>> 4 : 0
  walk(bytes, start, end, rowNamed(version === 6 ? 'ipv6' : 'ipv4'), 0, layers)
  return layers
}

function walk(
  bytes: Uint8Array,
  start: number,
  limit: number,
  first: HeaderRow,
  startDepth: number,
  layers: Layer[],
): void {
  let row: HeaderRow | undefined = first
  let at = start
  let end = limit
  let depth = startDepth
  while (row !== undefined && layers.length < MAX_LAYERS) {
    const length: number = row.check(bytes, at, end)
    if (length < 0) {
      layers.push(malformed(bytes, at, end, row, length, depth))
      return
    }
    layers.push({
      name: row.name,
      summary: row.describe(bytes, at),
      offset: at,
      length,
      fields: [...row.fieldValues(bytes, at), ...tailFields(bytes, at, row.name)],
      depth,
    })
    end = payloadEnd(bytes, at, end, row)
    const next = at + length
    if (row.name === 'icmp' || row.name === 'icmpv6') {
      if (isError(bytes, at, row)) quote(bytes, next, end, depth + 1, layers)
      else pushPayload(bytes, next, end, depth, layers)
      return
    }
    const previous: HeaderRow = row
    row = isFragment(bytes, at, row) ? undefined : following(bytes, at, row, next, end)
    if (previous.name === 'geneve') depth++
    at = next
    if (row === undefined) at = pushOptions(bytes, at, end, previous.name, depth, layers)
  }
  pushPayload(bytes, at, end, depth, layers)
  if (end < limit) layers.push(plain('padding', bytes, end, limit, startDepth))
}

/** The header after the one at `at`, when its kind is known. */
function following(bytes: Uint8Array, at: number, row: HeaderRow, next: number, end: number): HeaderRow | undefined {
  if (row.name === 'udp') {
    return rowFor('udpPort', udpDstPort(bytes, at)) ?? rowFor('udpPort', udpSrcPort(bytes, at))
  }
  if (row.next === undefined || row.nextRegistry === undefined) return undefined
  const value = row.next(bytes, at)
  if (row.nextRegistry === 'etherType' && value === EtherType.teb) return rowNamed('ethernet')
  const found = rowFor(row.nextRegistry, value)
  // The neighbor discovery messages are ICMPv6 messages with a definition of their own.
  if (found?.name === 'icmpv6' && next < end) return rowFor('icmpv6Type', icmpv6Type(bytes, next)) ?? found
  return found
}

/** Where the payload of the header at `at` ends, by its own length field. */
function payloadEnd(bytes: Uint8Array, at: number, end: number, row: HeaderRow): number {
  if (row.name === 'ipv4') return at + ipv4TotalLength(bytes, at)
  if (row.name === 'ipv6') return at + IPV6_MIN + ipv6PayloadLength(bytes, at)
  if (row.name === 'udp') return at + udpLength(bytes, at)
  return end
}

/** First fragments too: the UDP length of one points past its end and would look malformed. */
function isFragment(bytes: Uint8Array, at: number, row: HeaderRow): boolean {
  if (row.name === 'ipv4') return ipv4FragmentOffset(bytes, at) !== 0 || (ipv4Flags(bytes, at) & 1) !== 0
  if (row.name !== 'ipv6Fragment') return false
  return ipv6FragmentFragmentOffset(bytes, at) !== 0 || ipv6FragmentMore(bytes, at) !== 0
}

function isError(bytes: Uint8Array, at: number, row: HeaderRow): boolean {
  if (row.name === 'icmpv6') return icmpv6Type(bytes, at) < Icmpv6Type.echoRequest
  const type = icmpType(bytes, at)
  return (
    type === IcmpType.unreachable ||
    type === IcmpType.redirect ||
    type === IcmpType.timeExceeded ||
    type === IcmpType.parameterProblem
  )
}

/** The packet that an ICMP error quotes: its IP header, and the rest as bytes, for it is cut where it pleases the sender. */
function quote(bytes: Uint8Array, at: number, end: number, depth: number, layers: Layer[]): void {
  const version = at < end ? bytes[at]! >>> 4 : 0
  const row = rowNamed(version === 6 ? 'ipv6' : 'ipv4')
  const length = version === 6 ? checkIpv6Quoted(bytes, at, end) : checkIpv4Quoted(bytes, at, end)
  if (length < 0) {
    layers.push(malformed(bytes, at, end, row, length, depth))
    return
  }
  layers.push({
    name: row.name,
    summary: row.describe(bytes, at),
    offset: at,
    length,
    fields: row.fieldValues(bytes, at),
    depth,
  })
  pushPayload(bytes, at + length, end, depth, layers)
}

/** A layer of the options that follow the header `name`, if any. @returns where they end. */
function pushOptions(bytes: Uint8Array, at: number, end: number, name: string, depth: number, layers: Layer[]): number {
  const fields = trailingOptions(bytes, at, end, name)
  const last = fields.at(-1)
  if (last === undefined) return at
  const length = (last.bit + last.bits) / 8
  const summary = `options ${fields.map((field) => field.name).join(', ')}`
  layers.push({ name: 'options', summary, offset: at, length, fields, depth })
  return at + length
}

function pushPayload(bytes: Uint8Array, at: number, end: number, depth: number, layers: Layer[]): void {
  if (at < end) layers.push(plain('payload', bytes, at, end, depth))
}

function plain(name: string, bytes: Uint8Array, at: number, end: number, depth: number): Layer {
  const length = end - at
  const shown = formatBytes(bytes, at, Math.min(length, 64)) + (length > 64 ? '…' : '')
  return {
    name,
    summary: `${length} bytes of ${name}`,
    offset: at,
    length,
    fields: [{ name: 'bytes', value: shown, bit: 0, bits: length * 8 }],
    depth,
  }
}

function malformed(bytes: Uint8Array, at: number, end: number, row: HeaderRow, error: number, depth: number): Layer {
  const length = Math.max(0, end - at)
  return {
    name: 'malformed',
    summary: `malformed ${row.title}: ${parseErrorName(error)}`,
    offset: at,
    length,
    fields: [
      { name: 'header', value: row.name, bit: 0, bits: 0 },
      { name: 'error', value: parseErrorName(error), bit: 0, bits: 0 },
      { name: 'bytes', value: formatBytes(bytes, at, Math.min(length, 64)), bit: 0, bits: length * 8 },
    ],
    depth,
  }
}

function rowFor(registry: Registry, value: number): HeaderRow | undefined {
  return headerTable.find((row) => row.registry === registry && row.values?.includes(value))
}

function rowNamed(name: string): HeaderRow {
  const row = headerTable.find((candidate) => candidate.name === name)
  if (row === undefined) throw new Error(`no header ${name}`)
  return row
}
