/**
 * What RFCs forbid a machine to send, as far as a frame by itself can tell: IPv4 with a wrong header checksum (RFC 1071), a lifetime of 0
 * (RFC 1812 §5.3.1, RFC 8200 §3), lengths that do not fit the frame. Allocates only when something is wrong.
 */

const ETHERNET = 14
const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd

/** @param frame from the Ethernet header on. @returns what is wrong, as a sentence. */
export function headerProblem(frame: Uint8Array): string | undefined {
  if (frame.length < ETHERNET) return `a frame of ${frame.length} bytes`
  const etherType = (frame[12]! << 8) | frame[13]!
  if (etherType === ETHERTYPE_IPV4) return ipv4Problem(frame)
  if (etherType === ETHERTYPE_IPV6) return ipv6Problem(frame)
  return undefined
}

function ipv4Problem(frame: Uint8Array): string | undefined {
  const headerBytes = (frame[ETHERNET]! & 15) * 4
  if (headerBytes < 20 || ETHERNET + headerBytes > frame.length) return 'an IPv4 header that is cut off'
  if (frame[ETHERNET + 8] === 0) return 'an IPv4 packet whose time to live is 0'
  const totalBytes = (frame[ETHERNET + 2]! << 8) | frame[ETHERNET + 3]!
  if (totalBytes < headerBytes || ETHERNET + totalBytes > frame.length) return 'an IPv4 packet longer than its frame'
  let sum = 0
  for (let at = ETHERNET; at < ETHERNET + headerBytes; at += 2) sum += (frame[at]! << 8) | frame[at + 1]!
  sum = (sum & 0xffff) + (sum >>> 16)
  sum = (sum & 0xffff) + (sum >>> 16)
  return sum === 0xffff ? undefined : 'an IPv4 header with a wrong checksum'
}

function ipv6Problem(frame: Uint8Array): string | undefined {
  if (frame.length < ETHERNET + 40) return 'an IPv6 header that is cut off'
  if (frame[ETHERNET + 7] === 0) return 'an IPv6 packet whose hop limit is 0'
  const payloadBytes = (frame[ETHERNET + 4]! << 8) | frame[ETHERNET + 5]!
  return ETHERNET + 40 + payloadBytes > frame.length ? 'an IPv6 packet longer than its frame' : undefined
}
