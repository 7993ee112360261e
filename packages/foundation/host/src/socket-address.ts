/**
 * `struct sockaddr_in` and `sockaddr_in6` of Linux: family in host order (little-endian), port and address in network
 * order.
 */
import { Ip } from '@lodestone/net'

export const AF_INET = 2
export const AF_INET6 = 10

const V4_BYTES = 16
const V6_BYTES = 28
const V6_ADDRESS = 8
const V6_SCOPE = 24

/** @param scope interface index of an IPv6 address that needs one. */
export function socketAddressBytes(ip: Ip, port: number, scope = 0): Uint8Array {
  const bytes = new Uint8Array(ip.family === 4 ? V4_BYTES : V6_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, ip.family === 4 ? AF_INET : AF_INET6, true)
  view.setUint16(2, port)
  bytes.set(ip.bytes, ip.family === 4 ? 4 : V6_ADDRESS)
  if (ip.family === 6) view.setUint32(V6_SCOPE, scope, true)
  return bytes
}

/** The address in a `sockaddr_in6`. */
export function addressOfSocketAddress6(bytes: Uint8Array): Ip {
  return Ip.fromBytes(bytes, V6_ADDRESS, 16)
}

/** `::ffff:a.b.c.d`: how a dual-stack socket names an IPv4 peer. */
export function mappedAddress(ip: Ip): Ip {
  if (ip.family === 6) return ip
  const bytes = new Uint8Array(16)
  bytes[10] = bytes[11] = 0xff
  bytes.set(ip.bytes, 12)
  return Ip.fromBytes(bytes, 0, 16)
}

/** The IPv4 address within a mapped one; others as they are. */
export function unmappedAddress(ip: Ip): Ip {
  if (ip.family === 4) return ip
  const { bytes } = ip
  const isMapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0)
  return isMapped ? Ip.fromBytes(bytes, 12, 4) : ip
}
