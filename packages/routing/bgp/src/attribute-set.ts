/**
 * What a route carries besides its prefix and next hop, as one immutable value that thousands of routes share. It is a view of
 * encoded attributes, which are read when somebody looks.
 *
 * Next hops are not part of it: they change at every hop. (A NEXT_HOP among the encoded attributes is ignored.)
 * Invariant: sets made by `of` and `with` are interned, equality among them is identity. Sets of received UPDATEs are the same
 * object for the same bytes of one session.
 */
import type { Ip } from '@lodestone/net'
import { type BgpAttributes, InternTable } from '@lodestone/rib'
import { type AsPath, formatAsPath } from './as-path.ts'
import { encodeAttributes } from './attribute-encoding.ts'
import { attributeEnd, attributeValue, findAttribute, scan, scanAttributes, SetFlag } from './attribute-scan.ts'
import { AttributeType, decodeAttributes } from './path-attribute.ts'

/** ORIGIN values (RFC 4271 §5.1.1). */
export const Origin = { igp: 0, egp: 1, incomplete: 2 } as const
export type OriginValue = (typeof Origin)[keyof typeof Origin]

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
  /** RFC 4360: a multiple of 8 bytes. */
  readonly extendedCommunities?: Uint8Array | undefined
  /** RFC 8092: a multiple of 12 bytes. */
  readonly largeCommunities?: Uint8Array | undefined
  /** RFC 4456 §8, unsigned 32 bits. */
  readonly originatorId?: number | undefined
  readonly clusterList?: readonly number[]
  /** Only to Customer (RFC 9234 §5): the AS that attached it. */
  readonly otc?: number | undefined
  /** Ascending by type. */
  readonly unknown?: readonly UnknownAttribute[]
}

/** The same with everything said. */
export type AttributeValues = Required<AttributeFields>

/** RFC 4271 leaves the value to the operator; every implementation uses this one. */
export const DEFAULT_LOCAL_PREF = 100

const table = new InternTable<AttributeSet>()
const AS_SEQUENCE = 2
const DECODE_OWN = { isFourOctetAs: true, isExternal: false } as const

/** Made when somebody looks. */
interface Decoded {
  readonly values: AttributeValues
  asPathText: string | undefined
}

export class AttributeSet implements BgpAttributes {
  /** The attributes as encoded with four-octet AS numbers: `length` bytes of `page` from `offset`, never written again. */
  readonly page: Uint8Array
  readonly offset: number
  /** What is looked at most, in two numbers, as a full table has hundreds of thousands of sets: `length`, from bit 16 `clusterListLength`. */
  readonly #lengths: number
  /** `origin`, from bit 2 `flags`, and from bit 12 `asPathLength`. */
  readonly #shape: number
  #decoded: Decoded | undefined = undefined

  private constructor(page: Uint8Array, offset: number, length: number) {
    this.page = page
    this.offset = offset
    // All fit: a field of attributes has less than 64 KiB, so that no list in it has more than 2^14 members.
    this.#lengths = length | (scan.clusterListLength << 16)
    this.#shape = scan.origin | (scan.flags << 2) | (scan.asPathLength << 12)
  }

  /** The attributes that `scanAttributes` has just found in order; the bytes are in `page` for good. */
  static scanned(page: Uint8Array, offset: number, length: number): AttributeSet {
    return new AttributeSet(page, offset, length)
  }

  /** The one object with these attributes. */
  static of(fields: AttributeFields): AttributeSet {
    const values: AttributeValues = {
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
      otc: fields.otc,
      unknown: (fields.unknown ?? []).toSorted((a, b) => a.type - b.type),
    }
    const bytes = encodeAttributes(values, undefined, { isFourOctetAs: true })
    return table.intern(latin1(bytes), () => {
      const isClean = scanAttributes(bytes, 0, bytes.length, false)
      // Several unknown attributes are not for the quick scan, which then stops: what it needs stands before them.
      if (!isClean && values.unknown.length < 2) throw new Error('attributes of our own making do not parse')
      if (!isClean) scan.flags |= SetFlag.hasUnknown | SetFlag.unordered
      const set = new AttributeSet(bytes, 0, bytes.length)
      set.#decoded = { values, asPathText: undefined }
      return set
    })
  }

  /** This set with some fields changed, interned. */
  with(changes: Partial<AttributeFields>): AttributeSet {
    return AttributeSet.of({ ...this.fields(), ...changes })
  }

  get length(): number {
    return this.#lengths & 0xffff
  }

  get clusterListLength(): number {
    return this.#lengths >>> 16
  }

  get origin(): OriginValue {
    return (this.#shape & 3) as OriginValue // because the scan allows 0, 1 and 2 only
  }

  /** `SetFlag` bits. */
  get flags(): number {
    return (this.#shape >>> 2) & 0x3ff
  }

  get asPathLength(): number {
    return this.#shape >>> 12
  }

  get effectiveLocalPref(): number {
    return this.localPref ?? DEFAULT_LOCAL_PREF
  }

  get effectiveMed(): number {
    return this.med ?? 0
  }

  get neighbourAsn(): number {
    if (this.asPathLength === 0) return 0
    const at = attributeValue(this.page, this.#find(AttributeType.asPath))
    return this.page[at] === AS_SEQUENCE ? u32(this.page, at + 2) : 0
  }

  get originatorId(): number | undefined {
    return (this.flags & SetFlag.hasOriginatorId) === 0 ? undefined : this.#number(AttributeType.originatorId)
  }

  fields(): AttributeValues {
    return this.#read().values
  }

  get asPath(): AsPath {
    return this.fields().asPath
  }

  get asPathText(): string {
    const decoded = this.#read()
    return (decoded.asPathText ??= formatAsPath(decoded.values.asPath))
  }

  get med(): number | undefined {
    return this.isMedAbsent ? undefined : this.#number(AttributeType.med)
  }

  get isMedAbsent(): boolean {
    return (this.flags & SetFlag.medAbsent) !== 0
  }

  get localPref(): number | undefined {
    if ((this.flags & SetFlag.localPrefAbsent) !== 0) return undefined
    return this.#number(AttributeType.localPref)
  }

  get isAtomicAggregate(): boolean {
    return this.fields().isAtomicAggregate
  }

  get aggregator(): { readonly asn: number; readonly address: Ip } | undefined {
    return this.fields().aggregator
  }

  get communities(): readonly number[] {
    return this.fields().communities
  }

  get extendedCommunities(): Uint8Array | undefined {
    return this.fields().extendedCommunities
  }

  get largeCommunities(): Uint8Array | undefined {
    return this.fields().largeCommunities
  }

  get clusterList(): readonly number[] {
    return this.fields().clusterList
  }

  get otc(): number | undefined {
    return (this.flags & SetFlag.hasOtc) === 0 ? undefined : this.fields().otc
  }

  get unknown(): readonly UnknownAttribute[] {
    return this.fields().unknown
  }

  hasCommunity(community: number): boolean {
    return this.communities.includes(community)
  }

  /** How often an AS stands in the path. */
  countOf(asn: number): number {
    const { page } = this
    const at = this.#find(AttributeType.asPath)
    const end = attributeEnd(page, at)
    let count = 0
    for (let segment = attributeValue(page, at); segment < end;) {
      const next = segment + 2 + 4 * page[segment + 1]!
      for (let k = segment + 2; k < next; k += 4) if (u32(page, k) === asn) count++
      segment = next
    }
    return count
  }

  /** Where an attribute begins that is there. */
  #find(type: number): number {
    return findAttribute(this.page, this.offset, this.offset + this.length, type)
  }

  /** The value of an attribute that is there and has four bytes. */
  #number(type: number): number {
    return u32(this.page, attributeValue(this.page, this.#find(type)))
  }

  #read(): Decoded {
    return (this.#decoded ??= { values: this.#decode(), asPathText: undefined })
  }

  #decode(): AttributeValues {
    const bytes = this.page.subarray(this.offset, this.offset + this.length)
    const { fields } = decodeAttributes(bytes, DECODE_OWN)
    return {
      // because the scan found both
      origin: fields.origin!,
      asPath: fields.asPath!,
      med: fields.med,
      localPref: fields.localPref,
      isAtomicAggregate: fields.isAtomicAggregate ?? false,
      aggregator: fields.aggregator,
      communities: [...new Set(fields.communities ?? [])].toSorted((a, b) => a - b),
      extendedCommunities: fields.extendedCommunities,
      largeCommunities: fields.largeCommunities,
      originatorId: fields.originatorId,
      clusterList: fields.clusterList ?? [],
      otc: fields.otc,
      unknown: (fields.unknown ?? []).toSorted((a, b) => a.type - b.type),
    }
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096))
  return text
}
