/**
 * The tag (IEEE 802.1Q) that says which port of which board a datagram on the management network belongs to. The simulated
 * network carries datagrams and not frames, so the tag's four bytes travel before the payload.
 *
 *    0        2              4
 *   +--------+--------------+---------
 *   | 0x8100 | VLAN, 12 bit | payload …
 *   +--------+--------------+---------
 */

const TAG_BYTES = 4
const ETHER_TYPE = 0x8100
const MAX_VLAN = 0xfff

/** The VLAN of a board's port: its own for each of the two ports, by the place of the board at the management switch. */
export function vlanOf(half: number, port: number): number {
  return 0x100 * (half + 1) + port
}

export function tagged(vlan: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(TAG_BYTES + payload.length)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, ETHER_TYPE)
  view.setUint16(2, vlan & MAX_VLAN)
  bytes.set(payload, TAG_BYTES)
  return bytes
}

/** The payload, when the tag is this VLAN's; undefined without a tag and with another. */
export function untagged(vlan: number, bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < TAG_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint16(0) !== ETHER_TYPE || (view.getUint16(2) & MAX_VLAN) !== vlan) return undefined
  return bytes.subarray(TAG_BYTES)
}
