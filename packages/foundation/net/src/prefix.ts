/**
 * IP prefixes. The address keeps its host bits (`192.168.1.7/24` is legal and prints so, as interface
 * addresses need); `masked()` clears them, and a routing table keeps masked prefixes only.
 */
import { Ip } from './ip.ts'

export class Prefix {
  readonly address: Ip
  /** Prefix length in bits: 0..32 or 0..128. */
  readonly length: number

  constructor(address: Ip, length: number) {
    if (!Number.isInteger(length) || length < 0 || length > address.bytes.length * 8) {
      throw new Error(`prefix length ${length} is out of range for ${address}`)
    }
    this.address = address
    this.length = length
  }

  static parse(text: string): Prefix | undefined {
    const slash = text.indexOf('/')
    if (slash < 0) return undefined
    const address = Ip.parse(text.slice(0, slash))
    const digits = text.slice(slash + 1)
    if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined
    const length = Number(digits)
    return length > address.bytes.length * 8 ? undefined : new Prefix(address, length)
  }

  /** For literals in source code: throws on bad text. */
  static of(text: string): Prefix {
    const prefix = Prefix.parse(text)
    if (prefix === undefined) throw new Error(`not a prefix: ${JSON.stringify(text)}`)
    return prefix
  }

  /** The /32 or /128 of one address. */
  static host(address: Ip): Prefix {
    return new Prefix(address, address.bytes.length * 8)
  }

  get family(): 4 | 6 {
    return this.address.family
  }

  /** Itself when it has no host bits. */
  masked(): Prefix {
    if (this.#isMasked()) return this
    const bytes = this.address.bytes.slice()
    for (let i = 0; i < bytes.length; i++) bytes[i] = bytes[i]! & maskByte(this.length, i)
    return new Prefix(Ip.fromBytes(bytes, 0, bytes.length as 4 | 16), this.length)
  }

  #isMasked(): boolean {
    const { bytes } = this.address
    for (let i = this.length >> 3; i < bytes.length; i++) {
      if ((bytes[i]! & ~maskByte(this.length, i)) !== 0) return false
    }
    return true
  }

  contains(ip: Ip): boolean {
    if (ip.bytes.length !== this.address.bytes.length) return false
    const full = this.length >> 3
    for (let i = 0; i < full; i++) if (ip.bytes[i] !== this.address.bytes[i]) return false
    const mask = maskByte(this.length, full)
    return mask === 0 || (ip.bytes[full]! & mask) === (this.address.bytes[full]! & mask)
  }

  /** Whether every address of `other` lies in this prefix. */
  covers(other: Prefix): boolean {
    return other.length >= this.length && this.contains(other.address)
  }

  overlaps(other: Prefix): boolean {
    return this.covers(other) || other.covers(this)
  }

  /** The `n`th address, counted from the network address (0 is the network address itself). */
  nth(n: number): Ip {
    return this.masked().address.plus(n)
  }

  /** The highest address (the broadcast address of an IPv4 subnet). */
  last(): Ip {
    const bytes = this.address.bytes.slice()
    for (let i = 0; i < bytes.length; i++) bytes[i] = bytes[i]! | (~maskByte(this.length, i) & 0xff)
    return Ip.fromBytes(bytes, 0, bytes.length as 4 | 16)
  }

  equals(other: Prefix): boolean {
    return this.length === other.length && this.address.equals(other.address)
  }

  /** By family, address, then length. */
  compare(other: Prefix): number {
    return this.address.compare(other.address) || this.length - other.length
  }

  toString(): string {
    return `${this.address}/${this.length}`
  }

  toJSON(): string {
    return this.toString()
  }
}

function maskByte(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - index * 8))
  return (0xff << (8 - bits)) & 0xff
}
