/** Reads what a monitored router wrote, and keeps the tables that it tells of, as a station would. */
import { decodeMessage, HEADER_BYTES } from '@lodestone/bgp'
import { Ip } from '@lodestone/net'
import { BmpType, COMMON_HEADER_BYTES, PEER_HEADER_BYTES } from './bmp-message.ts'

export interface BmpRecord {
  readonly type: number
  /** `TYPE/FLAGS ADDRESS AS` of the peer; absent in messages about the router itself. */
  readonly peer: string | undefined
  readonly body: Uint8Array
}

export function readBmp(bytes: Uint8Array): readonly BmpRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const records: BmpRecord[] = []
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== 3) throw new Error(`no BMP version 3 at ${at}`)
    const length = view.getUint32(at + 1)
    const type = bytes[at + 5]!
    if (at + length > bytes.length) break // the rest is on its way
    const hasPeer = type < BmpType.initiation
    const start = at + COMMON_HEADER_BYTES + (hasPeer ? PEER_HEADER_BYTES : 0)
    records.push({
      type,
      peer: hasPeer ? peerText(bytes, at + COMMON_HEADER_BYTES) : undefined,
      body: bytes.slice(start, at + length),
    })
    at += length
  }
  return records
}

function peerText(bytes: Uint8Array, at: number): string {
  const flags = bytes[at + 1]!
  const isV6 = (flags & 0x80) !== 0
  const address = Ip.fromBytes(bytes, at + 10 + (isV6 ? 0 : 12), isV6 ? 16 : 4)
  const asn = new DataView(bytes.buffer, bytes.byteOffset + at + 26).getUint32(0)
  return `${bytes[at]}/${flags.toString(16)} ${address} ${asn}`
}

/** By peer, the prefixes that it has; a peer that went down has none. */
export function tablesOf(records: readonly BmpRecord[]): Map<string, Map<string, string>> {
  const tables = new Map<string, Map<string, string>>()
  for (const { type, peer, body } of records) {
    if (peer === undefined) continue
    if (type === BmpType.peerUp) tables.set(peer, new Map())
    if (type === BmpType.peerDown) tables.delete(peer)
    if (type !== BmpType.routeMonitoring) continue
    const table = tables.get(peer)
    if (table === undefined) throw new Error(`routes of ${peer}, which is not up`)
    const raw = { type: body[18]!, body: body.subarray(HEADER_BYTES), bytes: body }
    const decoded = decodeMessage(raw, { isFourOctetAs: true, isExternal: false })
    if (!decoded.ok || decoded.value.kind !== 'update') throw new Error('no UPDATE')
    const { update, errors } = decoded.value
    if (errors.length > 0) throw new Error(errors[0]!.sentence)
    for (const prefix of update.withdrawnIpv4) table.delete(`${prefix}`)
    for (const prefix of update.mpUnreach?.prefixes ?? []) table.delete(`${prefix}`)
    for (const reach of [update.ipv4, update.mpReach]) {
      for (const prefix of reach?.prefixes ?? []) {
        table.set(
          `${prefix}`,
          `${reach!.nextHop} ${update.attributes?.asPathText} ${update.attributes?.effectiveLocalPref}`,
        )
      }
    }
  }
  return tables
}
