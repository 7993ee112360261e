/**
 * DDM discovery datagrams: who is at the other end of this link.
 *
 *   version u8 | flags u8 | kind u8 | hostname length u8 | hostname
 *
 * Sent to ff02::dd (solicitations) and to the soliciting address (advertisements), UDP port 0xddd.
 */

export const DISCOVERY_GROUP = 'ff02::dd'
export const DISCOVERY_PORT = 0xddd

/** Sent by everyone, also by those who exchange in version 3. */
export const DISCOVERY_VERSION = 2
const ACCEPTED_VERSIONS = [2, 3]

const FLAG_SOLICITATION = 1
const FLAG_ADVERTISEMENT = 2

/** A server router has prefixes of its own; a transit router redistributes others' too. */
export type RouterKind = 'server' | 'transit'
const KINDS: readonly RouterKind[] = ['server', 'transit']

export interface DiscoveryPacket {
  readonly version: number
  readonly isSolicitation: boolean
  readonly isAdvertisement: boolean
  readonly kind: RouterKind
  /** UTF-8, at most 255 bytes. */
  readonly hostname: string
}

export type DiscoveryError = 'truncated' | 'bad-version' | 'bad-kind' | 'bad-hostname'

const HEADER_BYTES = 4
const decoder = new TextDecoder('utf-8', { fatal: true })

export function encodeDiscovery(packet: DiscoveryPacket): Uint8Array {
  const hostname = new TextEncoder().encode(packet.hostname)
  if (hostname.length === 0 || hostname.length > 255) throw new Error(`a hostname of ${hostname.length} bytes`)
  const bytes = new Uint8Array(HEADER_BYTES + hostname.length)
  bytes[0] = packet.version
  bytes[1] = (packet.isSolicitation ? FLAG_SOLICITATION : 0) | (packet.isAdvertisement ? FLAG_ADVERTISEMENT : 0)
  bytes[2] = KINDS.indexOf(packet.kind)
  bytes[3] = hostname.length
  bytes.set(hostname, HEADER_BYTES)
  return bytes
}

/** Unknown flags and bytes after the hostname are ignored: later versions may use them. */
export function decodeDiscovery(bytes: Uint8Array): DiscoveryPacket | DiscoveryError {
  if (bytes.length < HEADER_BYTES) return 'truncated'
  const [version, flags, kindNumber, length] = [bytes[0]!, bytes[1]!, bytes[2]!, bytes[3]!]
  if (!ACCEPTED_VERSIONS.includes(version)) return 'bad-version'
  const kind = KINDS[kindNumber]
  if (kind === undefined) return 'bad-kind'
  if (bytes.length < HEADER_BYTES + length) return 'truncated'
  if (length === 0) return 'bad-hostname'
  let hostname: string
  try {
    hostname = decoder.decode(bytes.subarray(HEADER_BYTES, HEADER_BYTES + length))
  } catch (error) {
    if (error instanceof TypeError) return 'bad-hostname'
    throw error
  }
  return {
    version,
    isSolicitation: (flags & FLAG_SOLICITATION) !== 0,
    isAdvertisement: (flags & FLAG_ADVERTISEMENT) !== 0,
    kind,
    hostname,
  }
}
