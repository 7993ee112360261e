/** Which family an UPDATE is about, without decoding it (RFC 4271 §4.3, RFC 4760 §3). */

const FIRST_FIELD = 19
const MP_REACH = 14
const MP_UNREACH = 15
const EXTENDED_LENGTH = 0x10

/** @param message a whole UPDATE that was accepted before. @returns undefined for other messages and families. */
export function updateFamily(message: Uint8Array): 4 | 6 | undefined {
  if (message[18] !== 2) return undefined
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  const withdrawnBytes = view.getUint16(FIRST_FIELD)
  const attributesAt = FIRST_FIELD + 2 + withdrawnBytes
  const end = attributesAt + 2 + view.getUint16(attributesAt)
  if (withdrawnBytes > 0 || end < message.length) return 4
  for (let at = attributesAt + 2; at + 4 < end;) {
    const isLong = (message[at]! & EXTENDED_LENGTH) !== 0
    const type = message[at + 1]!
    const length = isLong ? view.getUint16(at + 2) : message[at + 2]!
    at += isLong ? 4 : 3
    if (type === MP_REACH || type === MP_UNREACH) {
      const afi = view.getUint16(at)
      return afi === 1 ? 4 : afi === 2 ? 6 : undefined
    }
    at += length
  }
  return 4 // nothing in it: the end-of-RIB marker of IPv4
}
