/**
 * One pass over a Path Attributes field that is in order: checks everything that `decodeAttributes` checks, makes no objects, and
 * leaves what the decision process and the session need in `scan`. Whatever is not in order, or not in the form that nearly all
 * UPDATEs have, is left to `decodeAttributes`, which says what is wrong.
 *
 * Invariant: after `scanAttributes` returned true, `decodeAttributes` of the same bytes reports no error and the same values.
 */
import { AttributeType, EXPECTED_FLAGS } from './path-attribute.ts'
import { Community } from './community.ts'

/** `SetFlag` bits: communities that change how a route is treated. */
export const SetFlag = {
  noExport: 1,
  noAdvertise: 2,
  noExportSubconfed: 4,
  gracefulShutdown: 8,
  /** The attributes are not in ascending order, or came from a peer whose bytes we do not pass on as they are. */
  unordered: 16,
  medAbsent: 32,
  localPrefAbsent: 64,
  hasOtc: 128,
  hasUnknown: 256,
  hasOriginatorId: 512,
} as const

/** Results of the last scan. Module state instead of an object per UPDATE; valid until the next call. */
export const scan = {
  origin: 0,
  asPathLength: 0,
  clusterListLength: 0,
  flags: 0,
  /** Offset of the NEXT_HOP value, -1 when absent. */
  nextHopAt: -1,
  /** The whole MP_REACH_NLRI and MP_UNREACH_NLRI attributes and their values, -1 when absent. */
  mpReachAt: -1,
  mpReachValueAt: -1,
  mpReachEnd: -1,
  mpUnreachAt: -1,
  mpUnreachValueAt: -1,
  mpUnreachEnd: -1,
  /** ORIGIN and AS_PATH are there. */
  isComplete: false,
}

/**
 * @param isExternal LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST are out of order.
 * AS numbers are of four octets.
 */
export function scanAttributes(bytes: Uint8Array, start: number, end: number, isExternal: boolean): boolean {
  scan.flags = SetFlag.medAbsent | SetFlag.localPrefAbsent
  scan.clusterListLength = 0
  scan.nextHopAt = -1
  scan.mpReachAt = -1
  scan.mpUnreachAt = -1
  let seen = 0
  let rare = 0
  let lastType = 0
  let at = start
  while (at < end) {
    if (at + 3 > end) return false
    const attributeAt = at
    const flags = bytes[at]!
    const type = bytes[at + 1]!
    let length = bytes[at + 2]!
    at += 3
    if ((flags & 0x10) !== 0) {
      if (at >= end) return false
      length = (length << 8) | bytes[at]!
      at++
    }
    const next = at + length
    if (next > end) return false
    if (type !== 14 && type !== 15) {
      if (type < lastType) scan.flags |= SetFlag.unordered
      lastType = type
    }
    const expected = EXPECTED_FLAGS[type]
    if (expected === undefined) {
      // Only optional transitive ones are kept; the rest is ignored or an error.
      if ((flags & 0xc0) !== 0xc0) return false
      scan.flags |= SetFlag.hasUnknown
      // A second unknown attribute could repeat the first: let the careful decoder see.
      if ((rare & 0x100) !== 0) return false
      rare |= 0x100
      at = next
      continue
    }
    if ((flags & 0xc0) !== expected) return false
    if (type < 31) {
      if ((seen & (1 << type)) !== 0) return false
      seen |= 1 << type
    } else {
      const bit = type === AttributeType.largeCommunities ? 0x200 : 0x400
      if ((rare & bit) !== 0) return false
      rare |= bit
    }
    switch (type) {
      case AttributeType.origin:
        if (length !== 1 || bytes[at]! > 2) return false
        scan.origin = bytes[at]!
        break
      case AttributeType.asPath:
        if (!scanAsPath(bytes, at, next)) return false
        break
      case AttributeType.nextHop:
        if (length !== 4) return false
        scan.nextHopAt = at
        break
      case AttributeType.med:
        if (length !== 4) return false
        scan.flags &= ~SetFlag.medAbsent
        break
      case AttributeType.localPref:
        if (length !== 4 || isExternal) return false
        scan.flags &= ~SetFlag.localPrefAbsent
        break
      case AttributeType.atomicAggregate:
        if (length !== 0) return false
        break
      case AttributeType.aggregator:
        if (length !== 8) return false
        break
      case AttributeType.communities:
        if (length === 0 || (length & 3) !== 0) return false
        scanCommunities(bytes, at, next)
        break
      case AttributeType.originatorId:
        if (length !== 4 || isExternal) return false
        scan.flags |= SetFlag.hasOriginatorId
        break
      case AttributeType.clusterList:
        if (length === 0 || (length & 3) !== 0 || isExternal) return false
        scan.clusterListLength = length >> 2
        break
      case AttributeType.mpReach:
        scan.mpReachAt = attributeAt
        scan.mpReachValueAt = at
        scan.mpReachEnd = next
        break
      case AttributeType.mpUnreach:
        scan.mpUnreachAt = attributeAt
        scan.mpUnreachValueAt = at
        scan.mpUnreachEnd = next
        break
      case AttributeType.extendedCommunities:
        if (length === 0 || (length & 7) !== 0) return false
        break
      case AttributeType.largeCommunities:
        if (length === 0 || length % 12 !== 0) return false
        break
      case AttributeType.onlyToCustomer:
        if (length !== 4) return false
        scan.flags |= SetFlag.hasOtc
        break
      default:
        return false // AS4_PATH and AS4_AGGREGATOR: not from a four-octet speaker
    }
    at = next
  }
  scan.isComplete = (seen & 0b110) === 0b110
  return true
}

function scanAsPath(bytes: Uint8Array, start: number, end: number): boolean {
  let length = 0
  for (let at = start; at < end;) {
    if (at + 2 > end) return false
    const type = bytes[at]!
    const count = bytes[at + 1]!
    if ((type !== 1 && type !== 2) || count === 0 || at + 2 + 4 * count > end) return false
    length += type === 1 ? 1 : count
    at += 2 + 4 * count
  }
  scan.asPathLength = length
  return true
}

function scanCommunities(bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at += 4) {
    if (bytes[at] !== 0xff || bytes[at + 1] !== 0xff) continue
    const community = word(bytes, at)
    if (community === Community.noExport) scan.flags |= SetFlag.noExport
    else if (community === Community.noAdvertise) scan.flags |= SetFlag.noAdvertise
    else if (community === Community.noExportSubconfed) scan.flags |= SetFlag.noExportSubconfed
    else if (community === Community.gracefulShutdown) scan.flags |= SetFlag.gracefulShutdown
  }
}

/** Where an attribute begins among attributes that have been scanned, or that we encoded; -1 when it is not there. */
export function findAttribute(bytes: Uint8Array, start: number, end: number, type: number): number {
  let at = start
  while (at < end && bytes[at + 1] !== type) at = attributeEnd(bytes, at)
  return at < end ? at : -1
}

/** Where the value of the attribute at `at` begins. */
export function attributeValue(bytes: Uint8Array, at: number): number {
  return at + ((bytes[at]! & 0x10) !== 0 ? 4 : 3)
}

/** Where the attribute at `at` ends. */
export function attributeEnd(bytes: Uint8Array, at: number): number {
  return (bytes[at]! & 0x10) !== 0 ? at + 4 + ((bytes[at + 2]! << 8) | bytes[at + 3]!) : at + 3 + bytes[at + 2]!
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
