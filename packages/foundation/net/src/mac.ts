/** IEEE 802 MAC addresses as immutable values over their 6 wire bytes. */
import { Ip } from './ip.ts'

export class Mac {
  readonly bytes: Uint8Array

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  static fromBytes(source: Uint8Array, offset = 0): Mac {
    // Not `slice`: a Node Buffer would share its memory.
    return new Mac(new Uint8Array(source.subarray(offset, offset + 6)))
  }

  /** From an integer below 2^48. */
  static fromNumber(value: number): Mac {
    const bytes = new Uint8Array(6)
    let rest = value
    for (let i = 5; i >= 0; i--) {
      bytes[i] = rest % 256
      rest = Math.floor(rest / 256)
    }
    return new Mac(bytes)
  }

  /** Accepts `a8:40:25:ff:77:77`, with `-` as well, and one-digit octets as some tools print them. */
  static parse(text: string): Mac | undefined {
    const parts = text.split(/[:-]/)
    if (parts.length !== 6 || !parts.every((part) => /^[0-9a-fA-F]{1,2}$/.test(part))) return undefined
    return new Mac(Uint8Array.from(parts, (part) => parseInt(part, 16)))
  }

  /** For literals in source code: throws on bad text. */
  static of(text: string): Mac {
    const mac = Mac.parse(text)
    if (mac === undefined) throw new Error(`not a MAC address: ${JSON.stringify(text)}`)
    return mac
  }

  static readonly broadcast: Mac = new Mac(new Uint8Array(6).fill(0xff))

  /** The group address of an IP multicast group (RFC 1112 §6.4, RFC 2464 §7). */
  static forMulticast(group: Ip): Mac {
    const b = group.bytes
    return group.family === 4
      ? new Mac(new Uint8Array([0x01, 0x00, 0x5e, b[1]! & 0x7f, b[2]!, b[3]!]))
      : new Mac(new Uint8Array([0x33, 0x33, b[12]!, b[13]!, b[14]!, b[15]!]))
  }

  /** The IPv6 link-local address with the modified EUI-64 of this MAC (RFC 4291 appendix A). */
  linkLocal(): Ip {
    const m = this.bytes
    const bytes = new Uint8Array(16)
    bytes[0] = 0xfe
    bytes[1] = 0x80
    bytes.set([m[0]! ^ 0x02, m[1]!, m[2]!, 0xff, 0xfe, m[3]!, m[4]!, m[5]!], 8)
    return Ip.fromBytes(bytes, 0, 16)
  }

  /** As an integer below 2^48. */
  toNumber(): number {
    return this.bytes.reduce((value, byte) => value * 256 + byte, 0)
  }

  equals(other: Mac): boolean {
    return this.bytes.every((byte, i) => byte === other.bytes[i])
  }

  toString(): string {
    return Array.from(this.bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')
  }

  toJSON(): string {
    return this.toString()
  }
}
