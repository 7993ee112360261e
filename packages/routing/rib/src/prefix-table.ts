/**
 * An exact-match table from prefix to value. IPv4 prefixes are keyed by one number (address × 64 + length, below
 * 2^38), IPv6 prefixes by a 9-character string of 16-bit units: neither formats text. Longest match probes one key per
 * length that is present, so its cost is the number of distinct lengths, not the number of routes.
 *
 * Invariant: host bits of a key are ignored; `203.0.113.9/24` and `203.0.113.0/24` are the same entry.
 */
import type { Prefix } from '@lodestone/net'
import { type Ip } from '@lodestone/net'

export class PrefixTable<Value> {
  readonly #v4 = new Map<number, Value>()
  readonly #v6 = new Map<string, Value>()
  /** How many entries have each length, so that longest match skips the lengths that nobody uses. */
  readonly #lengths4 = new Int32Array(33)
  readonly #lengths6 = new Int32Array(129)

  get size(): number {
    return this.#v4.size + this.#v6.size
  }

  get(prefix: Prefix): Value | undefined {
    return this.#get(prefix.address, prefix.length)
  }

  set(prefix: Prefix, value: Value): void {
    if (prefix.family === 4) {
      const key = keyV4(prefix.address, prefix.length)
      if (!this.#v4.has(key)) this.#lengths4[prefix.length]!++
      this.#v4.set(key, value)
    } else {
      const key = keyV6(prefix.address.bytes, prefix.length)
      if (!this.#v6.has(key)) this.#lengths6[prefix.length]!++
      this.#v6.set(key, value)
    }
  }

  delete(prefix: Prefix): boolean {
    if (prefix.family === 4) {
      if (!this.#v4.delete(keyV4(prefix.address, prefix.length))) return false
      this.#lengths4[prefix.length]!--
    } else {
      if (!this.#v6.delete(keyV6(prefix.address.bytes, prefix.length))) return false
      this.#lengths6[prefix.length]!--
    }
    return true
  }

  clear(): void {
    this.#v4.clear()
    this.#v6.clear()
    this.#lengths4.fill(0)
    this.#lengths6.fill(0)
  }

  /** Insertion order, IPv4 first. */
  *values(): IterableIterator<Value> {
    yield* this.#v4.values()
    yield* this.#v6.values()
  }

  /** The value of the longest prefix that contains `ip` and passes `accept`. */
  longestMatch(ip: Ip, accept: (value: Value) => boolean = () => true): Value | undefined {
    const lengths = ip.family === 4 ? this.#lengths4 : this.#lengths6
    for (let length = lengths.length - 1; length >= 0; length--) {
      if (lengths[length] === 0) continue
      const value = this.#get(ip, length)
      if (value !== undefined && accept(value)) return value
    }
    return undefined
  }

  #get(address: Ip, length: number): Value | undefined {
    return address.family === 4 ? this.#v4.get(keyV4(address, length)) : this.#v6.get(keyV6(address.bytes, length))
  }
}

function keyV4(address: Ip, length: number): number {
  const masked = length === 0 ? 0 : (address.word(0) & (0xffffffff << (32 - length))) >>> 0
  return masked * 64 + length
}

function keyV6(bytes: Uint8Array, length: number): string {
  const unit = (i: number): number => {
    const bits = length - i * 16
    if (bits <= 0) return 0
    const value = (bytes[2 * i]! << 8) | bytes[2 * i + 1]!
    return bits >= 16 ? value : value & (0xffff << (16 - bits)) & 0xffff
  }
  return String.fromCharCode(unit(0), unit(1), unit(2), unit(3), unit(4), unit(5), unit(6), unit(7), length)
}

/** `prefix` itself when its host bits are zero already, which is the usual case and saves an allocation. */
export function maskedPrefix(prefix: Prefix): Prefix {
  const bytes = prefix.address.bytes
  const whole = prefix.length >> 3
  const partial = prefix.length & 7
  if (partial !== 0 && (bytes[whole]! & (0xff >> partial)) !== 0) return prefix.masked()
  for (let i = partial === 0 ? whole : whole + 1; i < bytes.length; i++) if (bytes[i] !== 0) return prefix.masked()
  return prefix
}
