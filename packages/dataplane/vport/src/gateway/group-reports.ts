/**
 * Takes the guest's reports of the multicast groups that it wants: IGMPv1 to v3 (RFC 1112, RFC 2236, RFC 3376) and MLDv1 and v2
 * (RFC 2710, RFC 3810). They end here: the gateway is the only router of the guest's link.
 *
 *     IGMPv3  type 0x22 | 0 | checksum | 0 | count 16 | { kind 8 | extra words 8 | sources 16 | group 32 | sources… | extra… }…
 *     MLDv2   type 143  | 0 | checksum | 0 | count 16 | the same with addresses of 128 bits
 *     older   type | 0 | checksum | (MLDv1: 32 bits more) | group
 */
import { Ip } from '@lodestone/net'
import {
  finishChecksum,
  Fragment,
  Icmpv6Type,
  ipv6HopLimit,
  readIpv6Src,
  ROW_END,
  ROW_L3,
  ROW_L4,
  sumBytes,
  verifyTransportChecksum,
} from '@lodestone/packet'
import { Drop } from '../drop-reasons.ts'
import type { GroupRecord, JoinedGroups } from '../joined-groups.ts'
import { Verdict, type Walk } from '../walk.ts'

export const IgmpType = { query: 0x11, report1: 0x12, report2: 0x16, leave: 0x17, report3: 0x22 } as const

/** In records of both protocols, by number: changes and states mean the same here. */
const KINDS: readonly (GroupRecord['kind'] | undefined)[] = [
  undefined,
  'include',
  'exclude',
  'include',
  'exclude',
  'allow',
  'block',
]
const HEADER_BYTES = 8

/** Applies a report, or says why not; a report that could be taken in part is. */
export function takeGroupReport(walk: Walk, joined: JoinedGroups): Verdict {
  const records = readReport(walk)
  if (typeof records === 'string') return walk.deny(Drop.groupBad, records)
  let problem: string | undefined
  // Whoever answers a fragment is refused for it later on.
  const isApplied = !walk.isDryRun && walk.fragment === Fragment.none
  for (const record of records) {
    const refusal = joined.problemOf(record)
    problem ??= refusal
    if (refusal === undefined && isApplied) joined.take(record, walk.nowMs)
  }
  if (problem !== undefined) return walk.deny(Drop.groupRefused, problem)
  if (walk.isHeard) walk.detail = `report of groups: ${records.map(textOf).join(', ') || 'none'}`
  return Verdict.hairpin
}

function textOf({ kind, group, sources }: GroupRecord): string {
  if (kind === 'include' && sources.length === 0) return `leaves ${group}`
  return sources.length === 0 ? `joins ${group}` : `${group} ${kind} ${sources.join(' ')}`
}

/** @returns what is reported, or what is wrong with the message. */
function readReport(walk: Walk): GroupRecord[] | string {
  const { bytes, row } = walk
  const l3 = row[ROW_L3]!
  const l4 = row[ROW_L4]!
  const end = row[ROW_END]!
  if (end - l4 < HEADER_BYTES) return 'the message is cut'
  if (walk.family === 4) {
    if (finishChecksum(sumBytes(bytes, l4, end)) !== 0) return 'the checksum is wrong'
    switch (bytes[l4]) {
      case IgmpType.report1:
      case IgmpType.report2:
        return [{ kind: 'exclude', group: Ip.fromBytes(bytes, l4 + 4, 4), sources: [] }]
      case IgmpType.leave:
        return [{ kind: 'include', group: Ip.fromBytes(bytes, l4 + 4, 4), sources: [] }]
      case IgmpType.report3:
        return readRecords(bytes, l4, end, 4)
      default:
        return `IGMP type ${bytes[l4]} is not a listener’s`
    }
  }
  // RFC 3810 §5.2.13: from a link-local address, or none as long as there is none; and of the link.
  const source = Ip.fromBytes(readIpv6Src(bytes, l3), 0, 16)
  if (!source.isLinkLocal && !source.isUnspecified) return `reports do not come from ${source}`
  if (ipv6HopLimit(bytes, l3) !== 1) return 'the hop limit is not 1'
  if (!verifyTransportChecksum(bytes, l3, l4, end)) return 'the checksum is wrong'
  const type = bytes[l4]
  if (type === Icmpv6Type.listenerReportV2) return readRecords(bytes, l4, end, 16)
  if (type !== Icmpv6Type.listenerReport && type !== Icmpv6Type.listenerDone)
    return 'questions are the gateway’s to ask'
  if (end - l4 < HEADER_BYTES + 16) return 'the message is cut'
  const kind = type === Icmpv6Type.listenerReport ? 'exclude' : 'include'
  return [{ kind, group: Ip.fromBytes(bytes, l4 + HEADER_BYTES, 16), sources: [] }]
}

function readRecords(bytes: Uint8Array, l4: number, end: number, length: 4 | 16): GroupRecord[] | string {
  const count = (bytes[l4 + 6]! << 8) | bytes[l4 + 7]!
  const records: GroupRecord[] = []
  let at = l4 + HEADER_BYTES
  for (let i = 0; i < count; i++) {
    if (end - at < 4 + length) return 'the message is cut'
    const kind = KINDS[bytes[at]!]
    const sourceCount = (bytes[at + 2]! << 8) | bytes[at + 3]!
    const next = at + 4 + length * (1 + sourceCount) + 4 * bytes[at + 1]!
    if (next > end) return 'the message is cut'
    const group = Ip.fromBytes(bytes, at + 4, length)
    if (!group.isMulticast) return `${group} is no group`
    // RFC 3376 §4.2.12: kinds that are not known are passed over.
    if (kind !== undefined) {
      const sources = Array.from({ length: sourceCount }, (_, k) =>
        Ip.fromBytes(bytes, at + 4 + length * (1 + k), length),
      )
      records.push({ kind, group, sources })
    }
    at = next
  }
  return records
}
