/**
 * The IP headers of a frame, as far as checks of forwarding need them: the outer one, and the one in a Geneve tunnel (RFC 8926) under it.
 * One object is filled again and again, so that looking at a frame allocates nothing.
 *
 * Not looked into: VLAN tags of more than one level, extension headers of IPv6.
 */

const ETHERNET = 14
const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd
const ETHERTYPE_VLAN = 0x8100
const UDP = 17
const GENEVE_PORT = 6081
const UDP_BYTES = 8
const GENEVE_BYTES = 8

export class IpHeader {
  /** 4 or 6; 0 when there is none. */
  version = 0
  /** Where it begins in the frame. */
  at = 0
  hopLimit = 0
  protocol = 0
  /** Where the transport header begins; -1 in a fragment that is not the first. */
  transport = -1
  /** Of source and destination: what is the same end to end, unless somebody translates. */
  addresses = 0

  read(frame: Uint8Array, at: number, etherType: number): void {
    this.version = 0
    this.at = at
    if (etherType === ETHERTYPE_IPV4 && at + 20 <= frame.length) {
      this.version = 4
      this.hopLimit = frame[at + 8]!
      this.protocol = frame[at + 9]!
      const isLater = (((frame[at + 6]! & 0x1f) << 8) | frame[at + 7]!) !== 0
      this.transport = isLater ? -1 : at + (frame[at]! & 15) * 4
      this.addresses = hash(frame, at + 12, 8)
    } else if (etherType === ETHERTYPE_IPV6 && at + 40 <= frame.length) {
      this.version = 6
      this.hopLimit = frame[at + 7]!
      this.protocol = frame[at + 6]!
      this.transport = at + 40
      this.addresses = hash(frame, at + 8, 32)
    }
  }
}

export class IpView {
  readonly outer = new IpHeader()
  /** `version` 0 outside of tunnels. */
  readonly inner = new IpHeader()

  read(frame: Uint8Array): void {
    const { outer, inner } = this
    inner.version = 0
    outer.version = 0
    if (frame.length < ETHERNET) return
    let at = ETHERNET
    let etherType = (frame[12]! << 8) | frame[13]!
    if (etherType === ETHERTYPE_VLAN && frame.length >= ETHERNET + 4) {
      etherType = (frame[16]! << 8) | frame[17]!
      at += 4
    }
    outer.read(frame, at, etherType)
    if (outer.version !== 6 || outer.protocol !== UDP) return
    const geneve = outer.transport + UDP_BYTES
    if (geneve + GENEVE_BYTES > frame.length) return
    if (((frame[outer.transport + 2]! << 8) | frame[outer.transport + 3]!) !== GENEVE_PORT) return
    const ethernet = geneve + GENEVE_BYTES + (frame[geneve]! & 0x3f) * 4
    if (ethernet + ETHERNET > frame.length) return
    inner.read(frame, ethernet + ETHERNET, (frame[ethernet + 12]! << 8) | frame[ethernet + 13]!)
  }
}

/** FNV-1a: wrong equality of two packets with the same number is what it must make unlikely, not impossible. */
function hash(bytes: Uint8Array, at: number, length: number): number {
  let value = 0x811c9dc5
  for (let i = at; i < at + length; i++) value = Math.imul(value ^ bytes[i]!, 0x01000193)
  return value
}
