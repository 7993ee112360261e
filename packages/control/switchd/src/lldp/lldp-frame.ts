/**
 * LLDP frames (IEEE 802.1AB-2016 §8): a list of type-length-value elements, each with a header of seven bits of type and nine
 * of length. Chassis, port and time to live come first, in this order, once each; the end closes the list.
 *
 *     01:80:c2:00:00:0e | source MAC | 0x88cc | chassis | port | time to live | … | end
 *
 * Malformed frames are an error value with a reason; nothing is read outside of the frame.
 */
import { Ip, type Mac } from '@lodestone/net'

export const LLDP_ETHER_TYPE = 0x88cc
/** The nearest bridge: no bridge passes frames to this address on. */
const DESTINATION = [0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e]
const HEADER_BYTES = 14
/** Ethernet's least frame without its checksum. */
const MIN_FRAME_BYTES = 60
const MAX_TLV_BYTES = 511
const MAX_TEXT_BYTES = 255

const TLV = { end: 0, chassis: 1, port: 2, timeToLive: 3, portDescription: 4, name: 5, description: 6, management: 8 }
const CHASSIS_MAC = 4
const CHASSIS_NETWORK_ADDRESS = 5
const CHASSIS_LOCAL = 7
const PORT_MAC = 3
const PORT_NETWORK_ADDRESS = 4
const PORT_INTERFACE_NAME = 5
/** Address families of RFC 1700, and whatever else. */
const FAMILY_IPV4 = 1
const FAMILY_IPV6 = 2
const FAMILY_802 = 6
/** Management addresses count interfaces in their own way: unknown. */
const INTERFACE_NUMBERING_UNKNOWN = 1

export interface ManagementAddress {
  /** An IP address, or the octets of another kind of address. */
  readonly address: Ip | readonly number[]
  readonly interfaceNumbering: 'unknown' | 'if-index' | 'port-number'
  readonly interfaceNumber: number
}

/** What one system says of itself on one of its ports. */
export interface LldpMessage {
  readonly chassisId: string
  /** The port's name; its MAC address where it has none. */
  readonly portId: string
  /** Seconds that this is true without being repeated; 0 takes it back. */
  readonly timeToLiveS: number
  readonly portDescription?: string | undefined
  readonly systemName?: string | undefined
  readonly systemDescription?: string | undefined
  readonly managementAddresses: readonly ManagementAddress[]
}

export type LldpProblem =
  | 'not-lldp'
  | 'truncated'
  | 'wrong-order'
  | 'repeated'
  | 'bad-chassis'
  | 'bad-port'
  | 'bad-time-to-live'
  | 'bad-management-address'

export type LldpResult =
  | { readonly ok: true; readonly message: LldpMessage }
  | { readonly ok: false; readonly error: LldpProblem }

/** A whole Ethernet frame. Texts beyond 255 bytes are cut. */
export function encodeLldp(message: LldpMessage, source: Mac): Uint8Array {
  const out: number[] = [...DESTINATION, ...source.bytes, LLDP_ETHER_TYPE >>> 8, LLDP_ETHER_TYPE & 0xff]
  const tlv = (type: number, value: readonly number[]): void => {
    out.push((type << 1) | (value.length >>> 8), value.length & 0xff, ...value)
  }
  tlv(TLV.chassis, [CHASSIS_LOCAL, ...textBytes(message.chassisId)])
  tlv(TLV.port, [PORT_INTERFACE_NAME, ...textBytes(message.portId)])
  tlv(TLV.timeToLive, [message.timeToLiveS >>> 8, message.timeToLiveS & 0xff])
  for (const [type, text] of [
    [TLV.portDescription, message.portDescription],
    [TLV.name, message.systemName],
    [TLV.description, message.systemDescription],
  ] as const) {
    if (text !== undefined) tlv(type, textBytes(text))
  }
  for (const { address, interfaceNumber } of message.managementAddresses) {
    const octets = address instanceof Ip ? [...address.bytes] : address
    const family = !(address instanceof Ip) ? FAMILY_802 : address.family === 4 ? FAMILY_IPV4 : FAMILY_IPV6
    const number = [24, 16, 8, 0].map((shift) => (interfaceNumber >>> shift) & 0xff)
    tlv(TLV.management, [octets.length + 1, family, ...octets, INTERFACE_NUMBERING_UNKNOWN, ...number, 0])
  }
  tlv(TLV.end, [])
  while (out.length < MIN_FRAME_BYTES) out.push(0)
  return Uint8Array.from(out)
}

/** @param frame from its destination address on. */
export function decodeLldp(frame: Uint8Array): LldpResult {
  if (frame.length < HEADER_BYTES || ((frame[12]! << 8) | frame[13]!) !== LLDP_ETHER_TYPE) return problem('not-lldp')
  const found = new Map<number, Uint8Array>()
  const management: ManagementAddress[] = []
  let at = HEADER_BYTES
  for (let index = 0; ; index++) {
    if (at + 2 > frame.length) return problem('truncated')
    const type = frame[at]! >>> 1
    const length = ((frame[at]! & 1) << 8) | frame[at + 1]!
    at += 2
    if (at + length > frame.length) return problem('truncated')
    const value = frame.subarray(at, at + length)
    at += length
    // IEEE 802.1AB §9.2.7.7.1: the first three are mandatory and in their places.
    if (index < 3 ? type !== index + 1 : type >= TLV.chassis && type <= TLV.timeToLive) {
      return problem(index < 3 ? 'wrong-order' : 'repeated')
    }
    if (type === TLV.end) break
    if (type === TLV.management) {
      const address = managementAddress(value)
      if (address === undefined) return problem('bad-management-address')
      management.push(address)
    } else if (!found.has(type)) found.set(type, value) // of optional ones the first counts
  }
  // because the loop does not end before these three
  const chassisId = identifier(found.get(TLV.chassis)!, CHASSIS_MAC, CHASSIS_NETWORK_ADDRESS)
  const portId = identifier(found.get(TLV.port)!, PORT_MAC, PORT_NETWORK_ADDRESS)
  const timeToLive = found.get(TLV.timeToLive)!
  if (chassisId === undefined) return problem('bad-chassis')
  if (portId === undefined) return problem('bad-port')
  if (timeToLive.length < 2) return problem('bad-time-to-live')
  const text = (type: number): string | undefined => {
    const bytes = found.get(type)
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
  }
  return {
    ok: true,
    message: {
      chassisId,
      portId,
      timeToLiveS: (timeToLive[0]! << 8) | timeToLive[1]!,
      portDescription: text(TLV.portDescription),
      systemName: text(TLV.name),
      systemDescription: text(TLV.description),
      managementAddresses: management,
    },
  }
}

function problem(error: LldpProblem): LldpResult {
  return { ok: false, error }
}

/** The text of a chassis or port identifier; both have their own numbers for MAC and network addresses. */
function identifier(value: Uint8Array, macKind: number, networkKind: number): string | undefined {
  if (value.length < 2 || value.length > MAX_TEXT_BYTES + 1) return undefined
  const [kind] = value
  const rest = value.subarray(1)
  if (kind === macKind) return rest.length === 6 ? hex(rest, ':') : undefined
  if (kind === networkKind) {
    const ip = rest[0] === FAMILY_IPV4 || rest[0] === FAMILY_IPV6 ? ipOf(rest[0], rest.subarray(1)) : undefined
    return ip?.toString() ?? hex(rest, '')
  }
  return new TextDecoder().decode(rest)
}

function managementAddress(value: Uint8Array): ManagementAddress | undefined {
  const addressBytes = value[0] ?? 0
  // IEEE 802.1AB §8.5.9: a family and at least one octet of address, then numbering, number, length of the object id.
  if (addressBytes < 2 || value.length < addressBytes + 7 || value.length > MAX_TLV_BYTES) return undefined
  const family = value[1]!
  const octets = value.subarray(2, 1 + addressBytes)
  const numbering = value[1 + addressBytes]!
  const at = 2 + addressBytes
  return {
    address: ipOf(family, octets) ?? [...octets],
    interfaceNumbering: numbering === 2 ? 'if-index' : numbering === 3 ? 'port-number' : 'unknown',
    interfaceNumber: ((value[at]! << 24) | (value[at + 1]! << 16) | (value[at + 2]! << 8) | value[at + 3]!) >>> 0,
  }
}

function ipOf(family: number, octets: Uint8Array): Ip | undefined {
  if (family === FAMILY_IPV4 && octets.length === 4) return Ip.fromBytes(octets, 0, 4)
  return family === FAMILY_IPV6 && octets.length === 16 ? Ip.fromBytes(octets, 0, 16) : undefined
}

function hex(bytes: Uint8Array, separator: string): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(separator)
}

function textBytes(text: string): number[] {
  return [...new TextEncoder().encode(text)].slice(0, MAX_TEXT_BYTES)
}
