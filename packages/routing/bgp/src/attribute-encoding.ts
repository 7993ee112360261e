/**
 * Writes path attributes (RFC 4271 §4.3): ascending by type, except that the multiprotocol attributes come first
 * (RFC 7606 §5.1), so that a receiver finds the prefixes even when something after them is broken.
 */
import type { Ip } from '@lodestone/net'
import { encodeAsPath, needsFourOctets } from './as-path.ts'
import type { AttributeValues } from './attribute-set.ts'
import { ByteWriter } from './byte-writer.ts'
import { AS_TRANS } from './open-message.ts'
import { AttributeFlag, AttributeType } from './path-attribute.ts'

export interface EncodeContext {
  readonly isFourOctetAs: boolean
}

const { optional: O, transitive: T } = AttributeFlag

/**
 * The Path Attributes field without the multiprotocol attributes.
 * @param nextHop NEXT_HOP for IPv4 prefixes in the NLRI field; absent when an MP_REACH_NLRI carries the next hop.
 */
export function encodeAttributes(set: AttributeValues, nextHop: Ip | undefined, context: EncodeContext): Uint8Array {
  const writer = new ByteWriter(128)
  const asnBytes = context.isFourOctetAs ? 4 : 2
  attribute(writer, T, AttributeType.origin, (w) => w.u8(set.origin))
  attribute(writer, T, AttributeType.asPath, (w) => encodeAsPath(w, set.asPath, asnBytes))
  if (nextHop !== undefined) attribute(writer, T, AttributeType.nextHop, (w) => w.bytes(nextHop.bytes))
  if (set.med !== undefined) attribute(writer, O, AttributeType.med, (w) => w.u32(set.med!))
  if (set.localPref !== undefined) attribute(writer, T, AttributeType.localPref, (w) => w.u32(set.localPref!))
  if (set.isAtomicAggregate) attribute(writer, T, AttributeType.atomicAggregate, () => {})
  const { aggregator } = set
  if (aggregator !== undefined) {
    attribute(writer, O | T, AttributeType.aggregator, (w) => {
      if (asnBytes === 4) w.u32(aggregator.asn)
      else w.u16(aggregator.asn > 0xffff ? AS_TRANS : aggregator.asn)
      w.bytes(aggregator.address.bytes)
    })
  }
  if (set.communities.length > 0) {
    attribute(writer, O | T, AttributeType.communities, (w) => set.communities.forEach((word) => w.u32(word)))
  }
  if (set.originatorId !== undefined) attribute(writer, O, AttributeType.originatorId, (w) => w.u32(set.originatorId!))
  if (set.clusterList.length > 0) {
    attribute(writer, O, AttributeType.clusterList, (w) => set.clusterList.forEach((word) => w.u32(word)))
  }
  if (set.extendedCommunities !== undefined) {
    attribute(writer, O | T, AttributeType.extendedCommunities, (w) => w.bytes(set.extendedCommunities!))
  }
  // RFC 6793 §4.2.2: to a two-octet speaker, what did not fit goes along in the AS4 attributes.
  if (asnBytes === 2 && needsFourOctets(set.asPath)) {
    attribute(writer, O | T, AttributeType.as4Path, (w) => encodeAsPath(w, set.asPath, 4))
  }
  if (asnBytes === 2 && aggregator !== undefined && aggregator.asn > 0xffff) {
    attribute(writer, O | T, AttributeType.as4Aggregator, (w) => {
      w.u32(aggregator.asn).bytes(aggregator.address.bytes)
    })
  }
  if (set.largeCommunities !== undefined) {
    attribute(writer, O | T, AttributeType.largeCommunities, (w) => w.bytes(set.largeCommunities!))
  }
  if (set.otc !== undefined) attribute(writer, O | T, AttributeType.onlyToCustomer, (w) => w.u32(set.otc!))
  // RFC 4271 §5: whoever passes on what it does not understand says so with the Partial bit.
  for (const { type, value } of set.unknown) {
    attribute(writer, O | T | AttributeFlag.partial, type, (w) => w.bytes(value))
  }
  return writer.finish()
}

/** Writes one attribute; the extended-length flag is set when the value needs it. */
export function attribute(
  writer: ByteWriter,
  flags: number,
  type: number,
  writeValue: (writer: ByteWriter) => unknown,
): void {
  const inner = new ByteWriter(64)
  writeValue(inner)
  const value = inner.finish()
  if (value.length > 255)
    writer
      .u8(flags | AttributeFlag.extendedLength)
      .u8(type)
      .u16(value.length)
  else writer.u8(flags).u8(type).u8(value.length)
  writer.bytes(value)
}

/** Next Hop field of an MP_REACH_NLRI: one address, or a global and a link-local one (RFC 2545 §3). */
export function encodeMpNextHop(writer: ByteWriter, nextHop: Ip, linkLocal: Ip | undefined): void {
  writer.u8(nextHop.bytes.length + (linkLocal?.bytes.length ?? 0)).bytes(nextHop.bytes)
  if (linkLocal !== undefined) writer.bytes(linkLocal.bytes)
}
