/**
 * Capabilities of the OPEN message (RFC 5492): what each side can do beyond RFC 4271.
 *
 * Invariant: a capability that is not known, or that does not parse, is kept as bytes; it is never an error of its own
 * (RFC 5492 §3: a speaker ignores what it does not know).
 */
import type { Family } from './address-family.ts'
import { afiOf, familyOf, Safi } from './address-family.ts'
import { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

export const CapabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  gracefulRestart: 64,
  fourOctetAs: 65,
} as const

export type Capability =
  /** RFC 4760 §8. */
  | { readonly kind: 'multiprotocol'; readonly family: Family }
  /** RFC 2918. */
  | { readonly kind: 'route-refresh' }
  /** RFC 8950 §4: IPv4 prefixes may have IPv6 next hops. Only that combination is understood. */
  | { readonly kind: 'extended-next-hop'; readonly ipv4OverIpv6: boolean }
  /** RFC 6793. */
  | { readonly kind: 'four-octet-as'; readonly asn: number }
  /** Anything else, and what does not parse. */
  | { readonly kind: 'other'; readonly code: number; readonly value: Uint8Array }

/** Reads the value of one optional parameter of type 2. @returns `undefined` when a capability is cut off. */
export function decodeCapabilities(reader: ByteReader): Capability[] | undefined {
  const out: Capability[] = []
  while (reader.remaining > 0) {
    const code = reader.u8()
    const length = reader.u8()
    const value = reader.view(length)
    if (reader.isShort) return undefined
    out.push(decodeCapability(code, value))
  }
  return out
}

function decodeCapability(code: number, value: Uint8Array): Capability {
  const reader = new ByteReader(value)
  if (code === CapabilityCode.multiprotocol && value.length === 4) {
    const afi = reader.u16()
    reader.u8()
    const family = familyOf(afi, reader.u8())
    if (family !== undefined) return { kind: 'multiprotocol', family }
  }
  if (code === CapabilityCode.routeRefresh && value.length === 0) return { kind: 'route-refresh' }
  if (code === CapabilityCode.fourOctetAs && value.length === 4) return { kind: 'four-octet-as', asn: reader.u32() }
  if (code === CapabilityCode.extendedNextHop && value.length % 6 === 0) {
    let ipv4OverIpv6 = false
    let isOnlyThat = true
    while (reader.remaining > 0) {
      const isWanted = familyOf(reader.u16(), reader.u16()) === 4
      const isOverV6 = reader.u16() === 2
      if (isWanted && isOverV6) ipv4OverIpv6 = true
      else isOnlyThat = false
    }
    // What cannot be written back exactly stays bytes, unless it tells us something.
    if (ipv4OverIpv6 || isOnlyThat) return { kind: 'extended-next-hop', ipv4OverIpv6 }
  }
  return { kind: 'other', code, value: value.slice() }
}

export function encodeCapability(writer: ByteWriter, capability: Capability): void {
  switch (capability.kind) {
    case 'multiprotocol':
      writer.u8(CapabilityCode.multiprotocol).u8(4)
      writer.u16(afiOf(capability.family)).u8(0).u8(Safi.unicast)
      return
    case 'route-refresh':
      writer.u8(CapabilityCode.routeRefresh).u8(0)
      return
    case 'extended-next-hop':
      writer.u8(CapabilityCode.extendedNextHop).u8(capability.ipv4OverIpv6 ? 6 : 0)
      if (capability.ipv4OverIpv6) writer.u16(1).u16(Safi.unicast).u16(2)
      return
    case 'four-octet-as':
      writer.u8(CapabilityCode.fourOctetAs).u8(4).u32(capability.asn)
      return
    case 'other':
      writer.u8(capability.code).u8(capability.value.length).bytes(capability.value)
      return
    default: {
      const never: never = capability
      throw new Error(`unknown capability ${JSON.stringify(never)}`)
    }
  }
}

const NAMES: Readonly<Record<number, string>> = {
  6: 'extended-message',
  7: 'bgpsec',
  9: 'role',
  64: 'graceful-restart',
  69: 'add-path',
  70: 'enhanced-route-refresh',
  71: 'long-lived-graceful-restart',
  73: 'fqdn',
}

/** For status pages: `multiprotocol ipv6-unicast`. */
export function describeCapability(capability: Capability): string {
  switch (capability.kind) {
    case 'multiprotocol':
      return `multiprotocol ipv${capability.family}-unicast`
    case 'four-octet-as':
      return `four-octet-as ${capability.asn}`
    case 'other':
      return NAMES[capability.code] ?? `capability ${capability.code}`
    case 'route-refresh':
    case 'extended-next-hop':
      return capability.kind
    default: {
      const never: never = capability
      throw new Error(`unknown capability ${JSON.stringify(never)}`)
    }
  }
}
