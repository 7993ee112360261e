/**
 * Router advertisements (RFC 4861 §4.2) as unnumbered peers use them: who is at the other end of the link, and for how long.
 *
 * ```
 *  0      1      2          4           5       6                  8              12             16
 * ├ 134 ─┼ code ┼ checksum ┼ hop limit ┼ flags ┼ lifetime, s ─────┼ reachable ───┼ retransmit ──┤ options …
 * ```
 */

export const RouterMessage = { solicitation: 133, advertisement: 134 } as const

const FIXED_BYTES = 16
const SOLICITATION_BYTES = 8
const SOURCE_LINK_ADDRESS = 1
const HOP_LIMIT = 64

/**
 * An advertisement that says nothing but that we are here.
 * @param lifetimeS 0: we are about to go.
 * @param mac six bytes; the checksum is left to the socket.
 */
export function encodeAdvertisement(lifetimeS: number, mac: Uint8Array | undefined): Uint8Array {
  const out = new Uint8Array(FIXED_BYTES + (mac === undefined ? 0 : 8))
  out[0] = RouterMessage.advertisement
  out[4] = HOP_LIMIT
  out[6] = lifetimeS >> 8
  out[7] = lifetimeS & 0xff
  if (mac !== undefined) {
    out[FIXED_BYTES] = SOURCE_LINK_ADDRESS
    out[FIXED_BYTES + 1] = 1 // in units of eight bytes
    out.set(mac, FIXED_BYTES + 2)
  }
  return out
}

export function encodeSolicitation(): Uint8Array {
  const out = new Uint8Array(SOLICITATION_BYTES)
  out[0] = RouterMessage.solicitation
  return out
}

/** @returns the lifetime in seconds; undefined for what is no valid advertisement (RFC 4861 §6.1.2). */
export function decodeAdvertisement(message: Uint8Array): number | undefined {
  if (message.length < FIXED_BYTES || message[0] !== RouterMessage.advertisement || message[1] !== 0) return undefined
  for (let at = FIXED_BYTES; at < message.length;) {
    const length = (message[at + 1] ?? 0) * 8
    if (length === 0 || at + length > message.length) return undefined
    at += length
  }
  return message[6]! * 256 + message[7]!
}

export function isSolicitation(message: Uint8Array): boolean {
  return message.length >= SOLICITATION_BYTES && message[0] === RouterMessage.solicitation && message[1] === 0
}
