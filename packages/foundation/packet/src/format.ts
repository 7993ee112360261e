/** Text for what packets carry. Slow path only: these allocate. IPv6 follows RFC 5952, MACs are lower-case with colons. */
import { TcpFlag } from './constants.ts'

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Six bytes at `offset` as `a8:40:25:ff:77:77`. */
export function formatMac(bytes: Uint8Array, offset: number): string {
  let text = HEX[bytes[offset]!]!
  for (let i = 1; i < 6; i++) text += ':' + HEX[bytes[offset + i]!]!
  return text
}

/** An unsigned 32-bit address in dotted decimal. */
export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 0xff}.${(address >>> 8) & 0xff}.${address & 0xff}`
}

/** Sixteen bytes at `offset` in RFC 5952 form. */
export function formatIpv6(bytes: Uint8Array, offset: number): string {
  const groups: number[] = []
  for (let i = 0; i < 16; i += 2) groups.push((bytes[offset + i]! << 8) | bytes[offset + i + 1]!)
  let bestStart = -1
  let bestLength = 1
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > bestLength) {
      bestStart = start
      bestLength = length
    }
  }
  // RFC 5952 §5: an IPv4-mapped address ends in dotted decimal.
  if (bestStart === 0 && bestLength === 5 && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(((groups[6]! << 16) | groups[7]!) >>> 0)}`
  }
  const text = groups.map((group) => group.toString(16))
  if (bestStart < 0) return text.join(':')
  return `${text.slice(0, bestStart).join(':')}::${text.slice(bestStart + bestLength).join(':')}`
}

/** `0x` and at least `digits` hexadecimal digits. */
export function formatHex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}

/** `length` bytes as hexadecimal digits without separators. */
export function formatBytes(bytes: Uint8Array, offset: number, length: number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += HEX[bytes[offset + i]!]!
  return text
}

/** Printable ASCII up to the first zero byte; other bytes as `\xNN`. */
export function formatText(bytes: Uint8Array, offset: number, length: number): string {
  let text = ''
  for (let i = 0; i < length && bytes[offset + i] !== 0; i++) {
    const byte = bytes[offset + i]!
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${HEX[byte]!}`
  }
  return text
}

/** `SYN,ACK`; `none` when no flag is set. */
export function formatTcpFlags(flags: number): string {
  const names: string[] = []
  for (const [name, bit] of Object.entries(TcpFlag)) if ((flags & bit) !== 0) names.push(name.toUpperCase())
  return names.length === 0 ? 'none' : names.join(',')
}
