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
import { roleOf } from './role.ts'

export const CapabilityCode = {
  multiprotocol: 1,
  routeRefresh: 2,
  extendedNextHop: 5,
  role: 9,
  gracefulRestart: 64,
  fourOctetAs: 65,
  addPath: 69,
  enhancedRouteRefresh: 70,
} as const

/** One family of the graceful restart capability. */
export interface RestartFamily {
  readonly family: Family
  /** The F bit: forwarding went on over the restart. */
  readonly isForwardingPreserved: boolean
}

/** One family of the add-path capability. */
export interface AddPathFamily {
  readonly family: Family
  readonly receive: boolean
  readonly send: boolean
}

export type Capability =
  /** RFC 4760 §8. */
  | { readonly kind: 'multiprotocol'; readonly family: Family }
  /** RFC 2918. */
  | { readonly kind: 'route-refresh' }
  /** RFC 8950 §4: IPv4 prefixes may have IPv6 next hops. Only that combination is understood. */
  | { readonly kind: 'extended-next-hop'; readonly ipv4OverIpv6: boolean }
  /** RFC 9234 §4.1: a value of 0 to 4 that `roleOf` names. */
  | { readonly kind: 'role'; readonly value: number }
  /** RFC 4724 §3. Families that are not ours are left out. */
  | {
      readonly kind: 'graceful-restart'
      /** The R bit: the sender has restarted. */
      readonly isRestarting: boolean
      /** The N bit (RFC 8538 §2), kept as it came. */
      readonly hasNotification: boolean
      readonly restartTimeS: number
      readonly families: readonly RestartFamily[]
    }
  /** RFC 7911 §4. Families that are not ours are left out. */
  | { readonly kind: 'add-path'; readonly families: readonly AddPathFamily[] }
  /** RFC 7313. */
  | { readonly kind: 'enhanced-route-refresh' }
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
  if (code === CapabilityCode.role && value.length === 1) return { kind: 'role', value: value[0]! }
  if (code === CapabilityCode.enhancedRouteRefresh && value.length === 0) return { kind: 'enhanced-route-refresh' }
  if (code === CapabilityCode.gracefulRestart && value.length >= 2 && (value.length - 2) % 4 === 0) {
    return decodeGracefulRestart(reader)
  }
  if (code === CapabilityCode.addPath && value.length > 0 && value.length % 4 === 0) return decodeAddPath(reader)
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

function decodeGracefulRestart(reader: ByteReader): Capability {
  const head = reader.u16()
  const families: RestartFamily[] = []
  while (reader.remaining > 0) {
    const family = familyOf(reader.u16(), reader.u8())
    const flags = reader.u8()
    if (family !== undefined) families.push({ family, isForwardingPreserved: (flags & 0x80) !== 0 })
  }
  return {
    kind: 'graceful-restart',
    isRestarting: (head & 0x8000) !== 0,
    hasNotification: (head & 0x4000) !== 0,
    restartTimeS: head & 0xfff,
    families,
  }
}

function decodeAddPath(reader: ByteReader): Capability {
  const families: AddPathFamily[] = []
  while (reader.remaining > 0) {
    const family = familyOf(reader.u16(), reader.u8())
    const mode = reader.u8()
    // RFC 7911 §4: other values than 1, 2 and 3 are ignored.
    if (family === undefined || mode < 1 || mode > 3) continue
    families.push({ family, receive: (mode & 1) !== 0, send: (mode & 2) !== 0 })
  }
  return { kind: 'add-path', families }
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
    case 'role':
      writer.u8(CapabilityCode.role).u8(1).u8(capability.value)
      return
    case 'enhanced-route-refresh':
      writer.u8(CapabilityCode.enhancedRouteRefresh).u8(0)
      return
    case 'graceful-restart': {
      const { isRestarting, hasNotification, restartTimeS, families } = capability
      writer.u8(CapabilityCode.gracefulRestart).u8(2 + 4 * families.length)
      writer.u16((isRestarting ? 0x8000 : 0) | (hasNotification ? 0x4000 : 0) | (restartTimeS & 0xfff))
      for (const { family, isForwardingPreserved } of families) {
        writer.u16(afiOf(family)).u8(Safi.unicast)
        writer.u8(isForwardingPreserved ? 0x80 : 0)
      }
      return
    }
    case 'add-path':
      writer.u8(CapabilityCode.addPath).u8(4 * capability.families.length)
      for (const { family, receive, send } of capability.families) {
        writer.u16(afiOf(family)).u8(Safi.unicast)
        writer.u8((receive ? 1 : 0) | (send ? 2 : 0))
      }
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
    case 'role':
      return `role ${roleOf(capability.value) ?? capability.value}`
    case 'graceful-restart':
      return `graceful-restart ${capability.restartTimeS} s${capability.isRestarting ? ', restarting' : ''}`
    case 'add-path':
      return `add-path ${capability.families
        .map(({ family, receive, send }) => `ipv${family}${receive ? ' receive' : ''}${send ? ' send' : ''}`)
        .join(', ')}`
    case 'route-refresh':
    case 'enhanced-route-refresh':
    case 'extended-next-hop':
      return capability.kind
    default: {
      const never: never = capability
      throw new Error(`unknown capability ${JSON.stringify(never)}`)
    }
  }
}
