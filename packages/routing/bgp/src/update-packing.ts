/**
 * Packs route changes into as few UPDATE messages as fit (RFC 4271 §4.3): prefixes with the same attributes and next
 * hop share a message, and no message exceeds 4096 bytes.
 */
import type { Ip, Prefix } from '@lodestone/net'
import type { Family } from './address-family.ts'
import { encodeAttributes, type EncodeContext } from './attribute-encoding.ts'
import type { AttributeSet } from './attribute-set.ts'
import { HEADER_BYTES, MAX_MESSAGE_BYTES } from './message.ts'
import { nlriSize } from './nlri.ts'
import type { UpdateMessage } from './update-message.ts'

/** Routes of one family that can share messages. */
export interface AnnouncementGroup {
  readonly attributes: AttributeSet
  readonly family: Family
  readonly nextHop: Ip
  readonly linkLocalNextHop?: Ip | undefined
  readonly prefixes: readonly Prefix[]
}

/** Header and the two length fields. */
const FIXED_BYTES = HEADER_BYTES + 4
/** MP attribute: flags, type, two-byte length, AFI, SAFI; and for MP_REACH next hop length and reserved byte. */
const MP_UNREACH_BYTES = 4 + 3
const MP_REACH_BYTES = MP_UNREACH_BYTES + 2

/**
 * @returns the messages, or `undefined` when the attributes alone leave no room for a prefix: such a route cannot be
 * announced without the extended message capability.
 */
export function packAnnouncements(group: AnnouncementGroup, context: EncodeContext): UpdateMessage[] | undefined {
  const isMultiprotocol = group.family === 6 || group.nextHop.family === 6
  const attributeBytes = encodeAttributes(group.attributes, isMultiprotocol ? undefined : group.nextHop, context).length
  const nextHopBytes = group.nextHop.bytes.length + (group.linkLocalNextHop?.bytes.length ?? 0)
  const room = MAX_MESSAGE_BYTES - FIXED_BYTES - attributeBytes - (isMultiprotocol ? MP_REACH_BYTES + nextHopBytes : 0)
  const chunks = split(group.prefixes, room)
  return chunks?.map((prefixes) => {
    const reach = {
      family: group.family,
      nextHop: group.nextHop,
      ...(group.linkLocalNextHop === undefined ? {} : { linkLocalNextHop: group.linkLocalNextHop }),
      prefixes,
    }
    return {
      kind: 'update',
      attributes: group.attributes,
      ipv4: isMultiprotocol ? undefined : reach,
      mpReach: isMultiprotocol ? reach : undefined,
      withdrawnIpv4: [],
      mpUnreach: undefined,
    }
  })
}

/** IPv4 withdrawals use the Withdrawn Routes field, IPv6 ones MP_UNREACH_NLRI. */
export function packWithdrawals(family: Family, prefixes: readonly Prefix[]): UpdateMessage[] {
  const room = MAX_MESSAGE_BYTES - FIXED_BYTES - (family === 6 ? MP_UNREACH_BYTES : 0)
  const chunks = split(prefixes, room) ?? []
  return chunks.map((chunk) => ({
    kind: 'update',
    attributes: undefined,
    ipv4: undefined,
    mpReach: undefined,
    withdrawnIpv4: family === 4 ? chunk : [],
    mpUnreach: family === 6 ? { family, prefixes: chunk } : undefined,
  }))
}

/** RFC 4724 §2. */
export function endOfRib(family: Family): UpdateMessage {
  return {
    kind: 'update',
    attributes: undefined,
    ipv4: undefined,
    mpReach: undefined,
    withdrawnIpv4: [],
    mpUnreach: family === 6 ? { family, prefixes: [] } : undefined,
  }
}

/** Runs of prefixes of at most `room` bytes; `undefined` when one prefix alone is larger. */
function split(prefixes: readonly Prefix[], room: number): Prefix[][] | undefined {
  const chunks: Prefix[][] = []
  let chunk: Prefix[] = []
  let used = 0
  for (const prefix of prefixes) {
    const size = nlriSize(prefix)
    if (size > room) return undefined
    if (used + size > room) {
      chunks.push(chunk)
      chunk = []
      used = 0
    }
    chunk.push(prefix)
    used += size
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}
