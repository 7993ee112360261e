/**
 * What a route carries besides its prefix and next hop, as one immutable, interned value: two routes with equal
 * attributes share the object. It answers the decision process directly (`BgpAttributes`).
 *
 * Next hops are not part of it: they change at every hop while the rest is shared by thousands of routes.
 */
import type { Ip } from '@lodestone/net'
import { type BgpAttributes, InternTable } from '@lodestone/rib'
import { type AsPath, asPathLength, encodeAsPath, formatAsPath, leftmostAsn } from './as-path.ts'
import { ByteWriter } from './byte-writer.ts'

/** ORIGIN values (RFC 4271 §5.1.1). */
export const Origin = { igp: 0, egp: 1, incomplete: 2 } as const
export type OriginValue = (typeof Origin)[keyof typeof Origin]

/** RFC 1997, RFC 3765, RFC 8326. */
export const Community = {
  gracefulShutdown: 0xffff0000,
  noExport: 0xffffff01,
  noAdvertise: 0xffffff02,
  noExportSubconfed: 0xffffff03,
  noPeer: 0xffffff04,
} as const

/** An optional transitive attribute that we do not understand and pass on (RFC 4271 §5). */
export interface UnknownAttribute {
  readonly type: number
  readonly value: Uint8Array
}

export interface AttributeFields {
  readonly origin: OriginValue
  readonly asPath: AsPath
  /** MULTI_EXIT_DISC, unsigned 32 bits. */
  readonly med?: number | undefined
  readonly localPref?: number | undefined
  readonly isAtomicAggregate?: boolean
  readonly aggregator?: { readonly asn: number; readonly address: Ip } | undefined
  /** Each `asn << 16 | value`, unsigned; sorted and unique. */
  readonly communities?: readonly number[]
  /** RFC 4360: multiples of 8 bytes, passed through. */
  readonly extendedCommunities?: Uint8Array | undefined
  /** RFC 8092: multiples of 12 bytes, passed through. */
  readonly largeCommunities?: Uint8Array | undefined
  /** RFC 4456 §8, unsigned 32 bits. */
  readonly originatorId?: number | undefined
  readonly clusterList?: readonly number[]
  /** Ascending by type. */
  readonly unknown?: readonly UnknownAttribute[]
}

/** RFC 4271 leaves the value to the operator; every implementation uses this one. */
export const DEFAULT_LOCAL_PREF = 100

const table = new InternTable<AttributeSet>()

export class AttributeSet implements BgpAttributes {
  readonly origin: OriginValue
  readonly asPath: AsPath
  readonly med: number | undefined
  readonly localPref: number | undefined
  readonly isAtomicAggregate: boolean
  readonly aggregator: { readonly asn: number; readonly address: Ip } | undefined
  readonly communities: readonly number[]
  readonly extendedCommunities: Uint8Array | undefined
  readonly largeCommunities: Uint8Array | undefined
  readonly originatorId: number | undefined
  readonly clusterList: readonly number[]
  readonly unknown: readonly UnknownAttribute[]
  readonly effectiveLocalPref: number
  readonly effectiveMed: number
  readonly asPathLength: number
  readonly neighbourAsn: number
  readonly asPathText: string

  private constructor(fields: Required<AttributeFields>) {
    this.origin = fields.origin
    this.asPath = fields.asPath
    this.med = fields.med
    this.localPref = fields.localPref
    this.isAtomicAggregate = fields.isAtomicAggregate
    this.aggregator = fields.aggregator
    this.communities = fields.communities
    this.extendedCommunities = fields.extendedCommunities
    this.largeCommunities = fields.largeCommunities
    this.originatorId = fields.originatorId
    this.clusterList = fields.clusterList
    this.unknown = fields.unknown
    this.effectiveLocalPref = fields.localPref ?? DEFAULT_LOCAL_PREF
    this.effectiveMed = fields.med ?? 0
    this.asPathLength = asPathLength(fields.asPath)
    this.neighbourAsn = leftmostAsn(fields.asPath)
    this.asPathText = formatAsPath(fields.asPath)
  }

  /** The one object with these attributes. */
  static of(fields: AttributeFields): AttributeSet {
    const full: Required<AttributeFields> = {
      origin: fields.origin,
      asPath: fields.asPath,
      med: fields.med,
      localPref: fields.localPref,
      isAtomicAggregate: fields.isAtomicAggregate ?? false,
      aggregator: fields.aggregator,
      communities: [...new Set(fields.communities ?? [])].toSorted((a, b) => a - b),
      extendedCommunities: fields.extendedCommunities,
      largeCommunities: fields.largeCommunities,
      originatorId: fields.originatorId,
      clusterList: fields.clusterList ?? [],
      unknown: (fields.unknown ?? []).toSorted((a, b) => a.type - b.type),
    }
    return table.intern(internKey(full), () => new AttributeSet(full))
  }

  /** This set with some fields changed, interned. */
  with(changes: Partial<AttributeFields>): AttributeSet {
    return AttributeSet.of({ ...this.fields(), ...changes })
  }

  fields(): AttributeFields {
    return {
      origin: this.origin,
      asPath: this.asPath,
      med: this.med,
      localPref: this.localPref,
      isAtomicAggregate: this.isAtomicAggregate,
      aggregator: this.aggregator,
      communities: this.communities,
      extendedCommunities: this.extendedCommunities,
      largeCommunities: this.largeCommunities,
      originatorId: this.originatorId,
      clusterList: this.clusterList,
      unknown: this.unknown,
    }
  }

  get clusterListLength(): number {
    return this.clusterList.length
  }

  hasCommunity(community: number): boolean {
    return this.communities.includes(community)
  }
}

/** Every field in one byte string, with presence and length of each, so that different sets have different keys. */
function internKey(fields: Required<AttributeFields>): string {
  const writer = new ByteWriter(64)
  const optionalU32 = (value: number | undefined): void => {
    writer.u8(value === undefined ? 0 : 1).u32(value ?? 0)
  }
  const optionalBytes = (value: Uint8Array | undefined): void => {
    writer.u8(value === undefined ? 0 : 1).u16(value?.length ?? 0)
    if (value !== undefined) writer.bytes(value)
  }
  writer
    .u8(fields.origin)
    .u8(fields.isAtomicAggregate ? 1 : 0)
    .u8(fields.asPath.length)
  encodeAsPath(writer, fields.asPath, 4)
  optionalU32(fields.med)
  optionalU32(fields.localPref)
  optionalU32(fields.originatorId)
  optionalU32(fields.aggregator?.asn)
  if (fields.aggregator !== undefined) writer.bytes(fields.aggregator.address.bytes)
  writer.u16(fields.communities.length)
  for (const community of fields.communities) writer.u32(community)
  writer.u16(fields.clusterList.length)
  for (const cluster of fields.clusterList) writer.u32(cluster)
  optionalBytes(fields.extendedCommunities)
  optionalBytes(fields.largeCommunities)
  for (const { type, value } of fields.unknown) {
    writer.u8(type)
    optionalBytes(value)
  }
  return latin1(writer.finish())
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096))
  return text
}

/** `65001:100`, or the registered name. */
export function formatCommunity(community: number): string {
  const known = (Object.keys(Community) as (keyof typeof Community)[]).find((name) => Community[name] === community)
  return known ?? `${community >>> 16}:${community & 0xffff}`
}
