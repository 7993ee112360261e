/**
 * Reads MRT files (RFC 6396) back: for tests, and for looking at what was written. Damaged records end the reading with a
 * reason and an offset; what came before them is kept.
 */
import { Ip, Prefix } from '@lodestone/net'
import {
  Bgp4mpSubtype,
  HEADER_BYTES,
  MrtType,
  type TableEntry,
  type TablePeer,
  TableDumpSubtype,
} from './mrt-record.ts'

export type MrtRecord =
  | {
      readonly kind: 'peer-index-table'
      readonly timeS: number
      readonly collectorId: number
      readonly viewName: string
      readonly peers: readonly TablePeer[]
    }
  | {
      readonly kind: 'rib'
      readonly timeS: number
      readonly sequence: number
      readonly prefix: Prefix
      readonly entries: readonly TableEntry[]
    }
  | {
      readonly kind: 'message'
      readonly timeS: number
      readonly remoteAsn: number
      readonly localAsn: number
      readonly remoteAddress: Ip
      readonly localAddress: Ip
      readonly direction: 'received' | 'sent'
      readonly isFourOctetAs: boolean
      readonly hasPathIds: boolean
      readonly message: Uint8Array
    }
  | {
      readonly kind: 'state-change'
      readonly timeS: number
      readonly remoteAsn: number
      readonly remoteAddress: Ip
      /** 1 Idle … 6 Established. */
      readonly from: number
      readonly to: number
    }
  | { readonly kind: 'other'; readonly timeS: number; readonly type: number; readonly subtype: number }

export interface MrtContent {
  readonly records: readonly MrtRecord[]
  readonly error?: { readonly offset: number; readonly reason: string }
}

class Damaged extends Error {}

export function readMrt(bytes: Uint8Array): MrtContent {
  const records: MrtRecord[] = []
  let offset = 0
  while (offset < bytes.length) {
    const record = recordAt(bytes, offset)
    if (typeof record === 'string') return { records, error: { offset, reason: record } }
    records.push(record.record)
    offset = record.end
  }
  return { records }
}

function recordAt(bytes: Uint8Array, offset: number): { record: MrtRecord; end: number } | string {
  if (bytes.length - offset < HEADER_BYTES) return 'the header is cut off'
  const head = new Cursor(bytes, offset, bytes.length)
  const seconds = head.u32()
  const type = head.u16()
  const subtype = head.u16()
  const length = head.u32()
  const end = offset + HEADER_BYTES + length
  if (end > bytes.length) return 'the record is cut off'
  const body = new Cursor(bytes, offset + HEADER_BYTES, end)
  try {
    const record = decode(body, seconds, type, subtype)
    return body.left === 0 || record.kind === 'other' ? { record, end } : `${body.left} bytes are left over`
  } catch (error) {
    if (error instanceof Damaged) return error.message
    throw error
  }
}

function decode(body: Cursor, seconds: number, type: number, subtype: number): MrtRecord {
  if (type === MrtType.tableDumpV2) {
    switch (subtype) {
      case TableDumpSubtype.peerIndexTable:
        return peerIndexTable(body, seconds)
      case TableDumpSubtype.ribIpv4Unicast:
        return rib(body, seconds, 4, false)
      case TableDumpSubtype.ribIpv6Unicast:
        return rib(body, seconds, 16, false)
      case TableDumpSubtype.ribIpv4UnicastAddPath:
        return rib(body, seconds, 4, true)
      case TableDumpSubtype.ribIpv6UnicastAddPath:
        return rib(body, seconds, 16, true)
      default:
    }
  }
  if (type === MrtType.bgp4mp || type === MrtType.bgp4mpEt) {
    const timeS = type === MrtType.bgp4mpEt ? seconds + body.u32() / 1e6 : seconds
    return session(body, timeS, subtype) ?? { kind: 'other', timeS, type, subtype }
  }
  return { kind: 'other', timeS: seconds, type, subtype }
}

function peerIndexTable(body: Cursor, timeS: number): MrtRecord {
  const collectorId = body.u32()
  const viewName = new TextDecoder().decode(body.bytes(body.u16()))
  const peers: TablePeer[] = []
  const count = body.u16()
  for (let i = 0; i < count; i++) {
    const kind = body.u8()
    const id = body.u32()
    const address = body.ip((kind & 1) === 0 ? 4 : 16)
    peers.push({ id, address, asn: (kind & 2) === 0 ? body.u16() : body.u32() })
  }
  return { kind: 'peer-index-table', timeS, collectorId, viewName, peers }
}

function rib(body: Cursor, timeS: number, size: 4 | 16, hasPathIds: boolean): MrtRecord {
  const sequence = body.u32()
  const length = body.u8()
  if (length > size * 8) throw new Damaged(`a prefix of ${length} bits`)
  const address = new Uint8Array(size)
  address.set(body.bytes((length + 7) >> 3))
  const entries: TableEntry[] = []
  const count = body.u16()
  for (let i = 0; i < count; i++) {
    const peerIndex = body.u16()
    const originatedS = body.u32()
    const pathId = hasPathIds ? body.u32() : 0
    entries.push({ peerIndex, originatedS, pathId, attributes: body.bytes(body.u16()) })
  }
  return { kind: 'rib', timeS, sequence, prefix: new Prefix(Ip.fromBytes(address, 0, size), length), entries }
}

const LOCAL: readonly number[] = [
  Bgp4mpSubtype.messageLocal,
  Bgp4mpSubtype.messageAs4Local,
  Bgp4mpSubtype.messageLocalAddPath,
  Bgp4mpSubtype.messageAs4LocalAddPath,
]
const AS4: readonly number[] = [
  Bgp4mpSubtype.messageAs4,
  Bgp4mpSubtype.messageAs4Local,
  Bgp4mpSubtype.messageAs4AddPath,
  Bgp4mpSubtype.messageAs4LocalAddPath,
]

function session(body: Cursor, timeS: number, subtype: number): MrtRecord | undefined {
  const isStateChange = subtype === Bgp4mpSubtype.stateChangeAs4
  if (!isStateChange && !Object.values<number>(Bgp4mpSubtype).includes(subtype)) return undefined
  const isFourOctetAs = isStateChange || AS4.includes(subtype)
  const remoteAsn = isFourOctetAs ? body.u32() : body.u16()
  const localAsn = isFourOctetAs ? body.u32() : body.u16()
  body.u16()
  const size = body.u16() === 1 ? 4 : 16
  const remoteAddress = body.ip(size)
  const localAddress = body.ip(size)
  if (isStateChange) {
    return { kind: 'state-change', timeS, remoteAsn, remoteAddress, from: body.u16(), to: body.u16() }
  }
  return {
    kind: 'message',
    timeS,
    remoteAsn,
    localAsn,
    remoteAddress,
    localAddress,
    direction: LOCAL.includes(subtype) ? 'sent' : 'received',
    isFourOctetAs,
    hasPathIds: subtype >= Bgp4mpSubtype.messageAddPath,
    message: body.bytes(body.left),
  }
}

class Cursor {
  readonly #view: DataView
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset)
    this.#at = at
    this.#end = end
  }

  get left(): number {
    return this.#end - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  bytes(count: number): Uint8Array {
    const at = this.#take(count)
    return new Uint8Array(this.#bytes.subarray(at, at + count))
  }

  ip(size: 4 | 16): Ip {
    return Ip.fromBytes(this.#bytes, this.#take(size), size)
  }

  #take(count: number): number {
    if (count > this.left) throw new Damaged(`${count} bytes are wanted where ${this.left} are left`)
    const at = this.#at
    this.#at += count
    return at
  }
}
