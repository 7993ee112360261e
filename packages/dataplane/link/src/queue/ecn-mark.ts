/** Congestion experienced (RFC 3168): set in the IP header of a frame whose sender said that it understands. */

const NOT_CAPABLE = 0
const CONGESTION_EXPERIENCED = 3

/**
 * Marks a packet; IPv4's header checksum is brought up to date (RFC 1624).
 * @param at first byte of the Ethernet frame. @returns false for what is no ECN-capable IP packet, which stays as it is.
 */
export function markCongestion(bytes: Uint8Array, at: number, length: number): boolean {
  let ip = at + 14
  let type = (bytes[at + 12]! << 8) | bytes[at + 13]!
  if (type === 0x8100 && length >= 18) {
    type = (bytes[at + 16]! << 8) | bytes[at + 17]!
    ip += 4
  }
  const end = at + length
  if (type === 0x0800 && ip + 20 <= end) return markIpv4(bytes, ip)
  if (type === 0x86dd && ip + 40 <= end) return markIpv6(bytes, ip)
  return false
}

function markIpv4(bytes: Uint8Array, ip: number): boolean {
  const before = bytes[ip + 1]!
  if ((before & 3) === NOT_CAPABLE) return false
  const after = before | CONGESTION_EXPERIENCED
  bytes[ip + 1] = after
  // ~(~checksum + ~old + new) in ones' complement; only the low byte of the first word changes.
  let sum = (~((bytes[ip + 10]! << 8) | bytes[ip + 11]!) & 0xffff) + (~before & 0xffff) + after
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  const checksum = ~sum & 0xffff
  bytes[ip + 10] = checksum >>> 8
  bytes[ip + 11] = checksum & 0xff
  return true
}

/** The traffic class lies across the first two bytes; its low two bits are bits 4 and 5 of the second. */
function markIpv6(bytes: Uint8Array, ip: number): boolean {
  if ((bytes[ip + 1]! & 0x30) === 0) return false
  bytes[ip + 1]! |= 0x30
  return true
}
