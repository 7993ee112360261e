/**
 * Path attributes on the wire (RFC 4271 §4.3, §5; communities RFC 1997, reflection RFC 4456, multiprotocol RFC 4760,
 * four-octet AS RFC 6793, large communities RFC 8092), with the error handling of RFC 7606.
 *
 *   flags u8 | type u8 | length u8, or u16 with the extended-length flag | value
 *
 * Invariant: decoding never throws and always returns what could be read together with every error found; the
 * worst treatment among them says what to do with the UPDATE.
 */
import { Ip, type Prefix } from '@lodestone/net'
import type { Family } from './address-family.ts'
import { familyOf } from './address-family.ts'
import { type AsPath, decodeAsPath, mergeAs4Path } from './as-path.ts'
import type { AttributeFields, OriginValue, UnknownAttribute } from './attribute-set.ts'
import { type BgpError, ErrorCode, type Treatment, UpdateError } from './bgp-error.ts'
import { ByteReader } from './byte-reader.ts'
import { decodeNlri } from './nlri.ts'

export const AttributeType = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  atomicAggregate: 6,
  aggregator: 7,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  mpReach: 14,
  mpUnreach: 15,
  extendedCommunities: 16,
  as4Path: 17,
  as4Aggregator: 18,
  largeCommunities: 32,
  onlyToCustomer: 35,
} as const

export const AttributeFlag = { optional: 0x80, transitive: 0x40, partial: 0x20, extendedLength: 0x10 } as const

/** The Optional and Transitive flags that each type must have (RFC 7606 §3 c). */
export const EXPECTED_FLAGS: Readonly<Record<number, number>> = {
  [AttributeType.origin]: 0x40,
  [AttributeType.asPath]: 0x40,
  [AttributeType.nextHop]: 0x40,
  [AttributeType.med]: 0x80,
  [AttributeType.localPref]: 0x40,
  [AttributeType.atomicAggregate]: 0x40,
  [AttributeType.aggregator]: 0xc0,
  [AttributeType.communities]: 0xc0,
  [AttributeType.originatorId]: 0x80,
  [AttributeType.clusterList]: 0x80,
  [AttributeType.mpReach]: 0x80,
  [AttributeType.mpUnreach]: 0x80,
  [AttributeType.extendedCommunities]: 0xc0,
  [AttributeType.as4Path]: 0xc0,
  [AttributeType.as4Aggregator]: 0xc0,
  [AttributeType.largeCommunities]: 0xc0,
  [AttributeType.onlyToCustomer]: 0xc0,
}

/** What was negotiated with the peer: how its bytes are to be read. */
export interface DecodeContext {
  readonly isFourOctetAs: boolean
  /** LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST from an external peer are discarded (RFC 7606 §7.5, §7.9, §7.10). */
  readonly isExternal: boolean
  /** Families whose prefixes come with a path identifier (RFC 7911 §3). */
  readonly addPath?: readonly Family[] | undefined
}

export interface MpReach {
  readonly family: Family
  /** One address; for IPv6 the global one. */
  readonly nextHop: Ip
  /** The link-local address that came with a global one (RFC 2545 §3). */
  readonly linkLocalNextHop?: Ip
  readonly prefixes: readonly Prefix[]
  /** RFC 7911: one for each prefix; absent without add-path. */
  readonly pathIds?: readonly number[] | undefined
}

export interface MpUnreach {
  readonly family: Family
  readonly prefixes: readonly Prefix[]
  readonly pathIds?: readonly number[] | undefined
}

export interface DecodedAttributes {
  readonly fields: Partial<AttributeFields>
  readonly nextHop: Ip | undefined
  readonly mpReach: MpReach | undefined
  readonly mpUnreach: MpUnreach | undefined
  /** AFI/SAFI pairs that MP attributes carried and that are not ours; their routes are ignored. */
  readonly otherFamilies: readonly string[]
  readonly disabledFamilies: readonly Family[]
  readonly errors: readonly BgpError[]
}

/** An attribute being decoded. */
interface RawAttribute {
  readonly flags: number
  readonly type: number
  readonly value: Uint8Array
  /** The whole attribute as received: the data of its errors. */
  readonly whole: Uint8Array
}

class AttributeDecoder {
  readonly context: DecodeContext
  readonly errors: BgpError[] = []
  readonly otherFamilies: string[] = []
  readonly disabledFamilies: Family[] = []
  readonly unknown: UnknownAttribute[] = []
  fields: { -readonly [K in keyof AttributeFields]?: AttributeFields[K] } = {}
  nextHop: Ip | undefined
  mpReach: MpReach | undefined
  mpUnreach: MpUnreach | undefined
  as4Path: AsPath | undefined
  as4Aggregator: { asn: number; address: Ip } | undefined

  constructor(context: DecodeContext) {
    this.context = context
  }

  error(raw: RawAttribute, subcode: number, treatment: Treatment, sentence: string): void {
    this.errors.push({ code: ErrorCode.update, subcode, data: raw.whole.slice(), treatment, sentence })
  }

  badLength(raw: RawAttribute, treatment: Treatment): void {
    this.error(raw, UpdateError.attributeLength, treatment, `attribute ${raw.type} has length ${raw.value.length}`)
  }

  /** The value as one unsigned 32-bit number, or `undefined` after recording the error. */
  u32(raw: RawAttribute): number | undefined {
    if (raw.value.length === 4) return new ByteReader(raw.value).u32()
    this.badLength(raw, 'treat-as-withdraw')
    return undefined
  }

  /** The value if it is a non-empty multiple of `unit` bytes. */
  multiple(raw: RawAttribute, unit: number): Uint8Array | undefined {
    if (raw.value.length > 0 && raw.value.length % unit === 0) return raw.value.slice()
    this.badLength(raw, 'treat-as-withdraw')
    return undefined
  }
}

/** Decodes the Path Attributes field of an UPDATE. */
export function decodeAttributes(bytes: Uint8Array, context: DecodeContext): DecodedAttributes {
  const decoder = new AttributeDecoder(context)
  const seen = new Set<number>()
  const reader = new ByteReader(bytes)
  while (reader.remaining > 0) {
    const start = reader.offset
    const flags = reader.u8()
    const type = reader.u8()
    const length = (flags & AttributeFlag.extendedLength) !== 0 ? reader.u16() : reader.u8()
    const value = reader.view(length)
    const raw = { flags, type, value, whole: bytes.subarray(start, reader.offset) }
    if (reader.isShort) {
      // RFC 7606 §4: the attribute runs over the field. What was read before it still counts.
      decoder.error(raw, UpdateError.malformedAttributeList, 'treat-as-withdraw', 'an attribute is cut off')
      break
    }
    if (seen.has(type)) {
      // RFC 7606 §3 g: repeated MP attributes cannot be repaired, of others the first one counts.
      const isMultiprotocol = type === AttributeType.mpReach || type === AttributeType.mpUnreach
      decoder.error(
        raw,
        UpdateError.malformedAttributeList,
        isMultiprotocol ? 'session-reset' : 'attribute-discard',
        `attribute ${type} appears twice`,
      )
      continue
    }
    seen.add(type)
    decodeOne(decoder, raw)
  }
  finishAs4(decoder)
  return {
    fields: { ...decoder.fields, unknown: decoder.unknown },
    nextHop: decoder.nextHop,
    mpReach: decoder.mpReach,
    mpUnreach: decoder.mpUnreach,
    otherFamilies: decoder.otherFamilies,
    disabledFamilies: decoder.disabledFamilies,
    errors: decoder.errors,
  }
}

function decodeOne(decoder: AttributeDecoder, raw: RawAttribute): void {
  const expected = EXPECTED_FLAGS[raw.type]
  if (expected === undefined) {
    decodeUnknown(decoder, raw)
    return
  }
  if ((raw.flags & 0xc0) !== expected) {
    decoder.error(
      raw,
      UpdateError.attributeFlags,
      'treat-as-withdraw',
      `attribute ${raw.type} has flags 0x${raw.flags.toString(16)}`,
    )
    // RFC 7606 §3 c: a wrong flag makes routes withdrawn, so the prefixes must still be found.
    if (raw.type !== AttributeType.mpReach && raw.type !== AttributeType.mpUnreach) return
  }
  const { fields } = decoder
  switch (raw.type) {
    case AttributeType.origin: {
      const value = raw.value[0]
      if (raw.value.length !== 1) decoder.badLength(raw, 'treat-as-withdraw')
      else if (value! > 2) {
        decoder.error(raw, UpdateError.invalidOrigin, 'treat-as-withdraw', `ORIGIN ${value} is not defined`)
      } else fields.origin = value as OriginValue // because it is 0, 1 or 2
      return
    }
    case AttributeType.asPath: {
      const path = decodeAsPath(new ByteReader(raw.value), decoder.context.isFourOctetAs ? 4 : 2)
      if (path === undefined) {
        decoder.error(raw, UpdateError.malformedAsPath, 'treat-as-withdraw', 'the AS_PATH does not parse')
      } else fields.asPath = path
      return
    }
    case AttributeType.nextHop:
      if (raw.value.length !== 4) decoder.badLength(raw, 'treat-as-withdraw')
      else decoder.nextHop = Ip.fromBytes(raw.value, 0, 4)
      return
    case AttributeType.med:
      fields.med = decoder.u32(raw)
      return
    case AttributeType.localPref:
      if (!discardsExternal(decoder, raw)) fields.localPref = decoder.u32(raw)
      return
    case AttributeType.atomicAggregate:
      if (raw.value.length !== 0) decoder.badLength(raw, 'attribute-discard')
      else fields.isAtomicAggregate = true
      return
    case AttributeType.aggregator:
      fields.aggregator = decodeAggregator(decoder, raw, decoder.context.isFourOctetAs ? 4 : 2)
      return
    case AttributeType.communities: {
      const value = decoder.multiple(raw, 4)
      if (value !== undefined) fields.communities = wordsOf(value)
      return
    }
    case AttributeType.originatorId:
      if (!discardsExternal(decoder, raw)) fields.originatorId = decoder.u32(raw)
      return
    case AttributeType.clusterList: {
      if (discardsExternal(decoder, raw)) return
      const value = decoder.multiple(raw, 4)
      if (value !== undefined) fields.clusterList = wordsOf(value)
      return
    }
    case AttributeType.extendedCommunities:
      fields.extendedCommunities = decoder.multiple(raw, 8)
      return
    case AttributeType.largeCommunities:
      fields.largeCommunities = decoder.multiple(raw, 12)
      return
    case AttributeType.onlyToCustomer:
      // RFC 9234 §6: malformed, it makes the routes withdrawn.
      fields.otc = decoder.u32(raw)
      return
    case AttributeType.mpReach:
      decodeMpReach(decoder, raw)
      return
    case AttributeType.mpUnreach:
      decodeMpUnreach(decoder, raw)
      return
    case AttributeType.as4Path: {
      // RFC 6793 §6: meaningless from a four-octet speaker, and discarded when malformed.
      if (decoder.context.isFourOctetAs) return
      const path = decodeAsPath(new ByteReader(raw.value), 4)
      if (path !== undefined) decoder.as4Path = path
      else decoder.error(raw, UpdateError.malformedAsPath, 'attribute-discard', 'the AS4_PATH does not parse')
      return
    }
    case AttributeType.as4Aggregator:
      if (!decoder.context.isFourOctetAs) decoder.as4Aggregator = decodeAggregator(decoder, raw, 4)
      return
    default:
      throw new Error(`attribute ${raw.type} has expected flags but no decoder`)
  }
}

function decodeUnknown(decoder: AttributeDecoder, raw: RawAttribute): void {
  if ((raw.flags & AttributeFlag.optional) === 0) {
    decoder.error(
      raw,
      UpdateError.unrecognizedWellKnown,
      'session-reset',
      `well-known attribute ${raw.type} is not known`,
    )
  } else if ((raw.flags & AttributeFlag.transitive) !== 0) {
    decoder.unknown.push({ type: raw.type, value: raw.value.slice() })
  }
  // RFC 4271 §5: unknown optional non-transitive attributes are quietly ignored.
}

function discardsExternal(decoder: AttributeDecoder, raw: RawAttribute): boolean {
  if (!decoder.context.isExternal) return false
  decoder.error(
    raw,
    UpdateError.optionalAttribute,
    'attribute-discard',
    `attribute ${raw.type} means nothing from an external peer`,
  )
  return true
}

function decodeAggregator(
  decoder: AttributeDecoder,
  raw: RawAttribute,
  asnBytes: 2 | 4,
): { asn: number; address: Ip } | undefined {
  if (raw.value.length !== asnBytes + 4) {
    decoder.badLength(raw, 'attribute-discard')
    return undefined
  }
  const reader = new ByteReader(raw.value)
  const asn = asnBytes === 4 ? reader.u32() : reader.u16()
  return { asn, address: Ip.fromBytes(raw.value, asnBytes, 4) }
}

/** AFI/SAFI of an MP attribute; the routes of families that are not ours are counted and ignored. */
function mpFamily(decoder: AttributeDecoder, raw: RawAttribute, reader: ByteReader): Family | undefined {
  const afi = reader.u16()
  const safi = reader.u8()
  if (reader.isShort) {
    decoder.error(raw, UpdateError.optionalAttribute, 'session-reset', `attribute ${raw.type} is cut off`)
    return undefined
  }
  const family = familyOf(afi, safi)
  if (family === undefined) decoder.otherFamilies.push(`${afi}/${safi}`)
  return family
}

function disable(decoder: AttributeDecoder, raw: RawAttribute, family: Family, sentence: string): void {
  decoder.disabledFamilies.push(family)
  decoder.error(raw, UpdateError.optionalAttribute, 'afi-safi-disable', sentence)
}

function decodeMpReach(decoder: AttributeDecoder, raw: RawAttribute): void {
  const reader = new ByteReader(raw.value)
  const family = mpFamily(decoder, raw, reader)
  if (family === undefined) return
  const nextHopLength = reader.u8()
  const nextHop = reader.view(nextHopLength)
  reader.u8() // reserved, ignored on receipt (RFC 4760 §3)
  // RFC 8950 §4: IPv4 routes may have IPv6 next hops; IPv6 routes never have IPv4 ones.
  const isAddress = nextHopLength === 16 || nextHopLength === 32 || (family === 4 && nextHopLength === 4)
  if (reader.isShort || !isAddress) {
    // RFC 7606 §7.11: without a next hop of known length the prefixes cannot be found.
    disable(decoder, raw, family, `an MP_REACH_NLRI for IPv${family} has a next hop of ${nextHopLength} bytes`)
    return
  }
  const nlri = decodeNlri(reader, family, hasPathIds(decoder.context, family))
  if (nlri === undefined) {
    disable(decoder, raw, family, `the prefixes of an MP_REACH_NLRI for IPv${family} do not parse`)
    return
  }
  decoder.mpReach = {
    family,
    nextHop: Ip.fromBytes(nextHop, 0, nextHopLength === 4 ? 4 : 16),
    ...(nextHopLength === 32 ? { linkLocalNextHop: Ip.fromBytes(nextHop, 16, 16) } : {}),
    ...nlri,
  }
}

function decodeMpUnreach(decoder: AttributeDecoder, raw: RawAttribute): void {
  const reader = new ByteReader(raw.value)
  const family = mpFamily(decoder, raw, reader)
  if (family === undefined) return
  const nlri = decodeNlri(reader, family, hasPathIds(decoder.context, family))
  if (nlri === undefined) {
    disable(decoder, raw, family, `the prefixes of an MP_UNREACH_NLRI for IPv${family} do not parse`)
    return
  }
  decoder.mpUnreach = { family, ...nlri }
}

export function hasPathIds(context: DecodeContext, family: Family): boolean {
  return context.addPath?.includes(family) ?? false
}

/** RFC 6793 §4.2.3: AS4 attributes repair what a two-octet speaker could not say. */
function finishAs4(decoder: AttributeDecoder): void {
  const { fields, as4Path, as4Aggregator } = decoder
  const isTranslated = fields.aggregator === undefined || fields.aggregator.asn === 23456
  if (as4Aggregator !== undefined && fields.aggregator !== undefined && isTranslated) fields.aggregator = as4Aggregator
  // An AGGREGATOR with a real AS says that the AS4 attributes are older than it: both are ignored.
  if (as4Path !== undefined && fields.asPath !== undefined && isTranslated) {
    fields.asPath = mergeAs4Path(fields.asPath, as4Path)
  }
}

function wordsOf(value: Uint8Array): number[] {
  const reader = new ByteReader(value)
  const words: number[] = []
  while (reader.remaining > 0) words.push(reader.u32())
  return words
}
