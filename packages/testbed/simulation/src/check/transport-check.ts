/**
 * The checksums of TCP, UDP, ICMP and ICMPv6 (RFC 9293 §3.1, RFC 768, RFC 8200 §8.1): whoever makes, translates or forwards a packet leaves
 * it with a right one. Inside of a tunnel it is the inner packet's that counts; the tunnel's own may be 0 (RFC 6935).
 *
 * Not looked at: fragments, whose checksum is about the whole, and IPv6 behind extension headers.
 */
import { verifyTransportChecksum } from '@lodestone/packet'
import type { IpHeader, IpView } from './ip-view.ts'

const ETHERNET = 14
const MORE_FRAGMENTS = 0x20
const KNOWN: ReadonlySet<number> = new Set([1, 6, 17, 58])

/** @returns what is wrong, as a sentence. */
export function transportProblem(frame: Uint8Array, { outer, inner }: IpView): string | undefined {
  const header = inner.version === 0 ? outer : inner
  if (header.version === 0 || !KNOWN.has(header.protocol) || header.transport < 0) return undefined
  const end = endOf(frame, header)
  if (end > frame.length) return undefined // what is cut off is for others to say
  if (header.version === 4 && (frame[header.at + 6]! & MORE_FRAGMENTS) !== 0) return undefined
  if (verifyTransportChecksum(frame, header.at, header.transport, end)) return undefined
  return `a message of IP protocol ${header.protocol} with a wrong checksum${header === inner ? ' in a tunnel' : ''}`
}

function endOf(frame: Uint8Array, { version, at }: IpHeader): number {
  const lengthAt = version === 4 ? at + 2 : at + 4
  if (at < ETHERNET || lengthAt + 2 > frame.length) return Infinity
  const length = (frame[lengthAt]! << 8) | frame[lengthAt + 1]!
  return version === 4 ? at + length : at + 40 + length
}
