/** DHCPv4 options: RFC 2132 framing, long options split over several (RFC 3396). */
import { DhcpOptionCode } from './constants.ts'

const LONGEST_OPTION = 255

/**
 * The options from `start` (after the cookie) to `end`, by code; parts of a split option are joined. Ends at the end
 * option, or at `end` when there is none.
 * @returns undefined when an option runs past the end.
 * NOT IMPLEMENTED: options in `sname` and `file` (option 52, overload).
 */
export function readDhcpOptions(bytes: Uint8Array, start: number, end: number): Map<number, Uint8Array> | undefined {
  const options = new Map<number, Uint8Array>()
  for (let at = start; at < end;) {
    const code = bytes[at]!
    if (code === DhcpOptionCode.end) break
    if (code === DhcpOptionCode.pad) {
      at++
      continue
    }
    if (at + 1 >= end) return undefined
    const length = bytes[at + 1]!
    if (at + 2 + length > end) return undefined
    const data = new Uint8Array(bytes.subarray(at + 2, at + 2 + length))
    const before = options.get(code)
    options.set(code, before === undefined ? data : join(before, data))
    at += 2 + length
  }
  return options
}

/** Writes options in the map's order, and the end option. @returns bytes written. Throws a RangeError when they do not fit. */
export function writeDhcpOptions(bytes: Uint8Array, offset: number, options: ReadonlyMap<number, Uint8Array>): number {
  if (offset + dhcpOptionsWireLength(options) > bytes.length) throw new RangeError('DHCP options do not fit')
  let at = offset
  for (const [code, data] of options) {
    let from = 0
    do {
      const length = Math.min(LONGEST_OPTION, data.length - from)
      bytes[at] = code
      bytes[at + 1] = length
      bytes.set(data.subarray(from, from + length), at + 2)
      at += 2 + length
      from += length
    } while (from < data.length)
  }
  bytes[at] = DhcpOptionCode.end
  return at + 1 - offset
}

/** Bytes that `writeDhcpOptions` writes, the end option included. */
export function dhcpOptionsWireLength(options: ReadonlyMap<number, Uint8Array>): number {
  let length = 1
  for (const data of options.values()) length += data.length + 2 * Math.max(1, Math.ceil(data.length / LONGEST_OPTION))
  return length
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length)
  joined.set(first)
  joined.set(second, first.length)
  return joined
}
