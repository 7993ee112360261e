/**
 * Addresses of packets as values, the ones that came lately kept: making an `Ip` and its text costs more than all else
 * that is done to a small datagram. Direct-mapped, so that it needs no eviction and never grows.
 */
import { Ip } from '@lodestone/net'

const ENTRIES = 64

export class AddressCache {
  readonly #known: (Ip | undefined)[] = Array.from({ length: ENTRIES }, () => undefined)

  /** The address of 4 or 16 bytes at `offset`; its text is made once. */
  at(bytes: Uint8Array, offset: number, length: 4 | 16): Ip {
    const last = offset + length - 1
    const entry = (bytes[last]! ^ bytes[last - 1]! ^ (bytes[last - 2]! << 3)) & (ENTRIES - 1)
    const known = this.#known[entry]
    if (known !== undefined && isThere(known.bytes, bytes, offset, length)) return known
    const ip = Ip.fromBytes(bytes, offset, length)
    this.#known[entry] = ip
    return ip
  }
}

function isThere(ip: Uint8Array, bytes: Uint8Array, offset: number, length: number): boolean {
  if (ip.length !== length) return false
  for (let i = length - 1; i >= 0; i--) if (ip[i] !== bytes[offset + i]) return false
  return true
}
