/** Neighbor discovery options: RFC 4861 §4.6, and the recursive DNS server option (RFC 8106 §5.1). */
import { NdpOptionType } from './constants.ts'
import { checkNdpOption, NDP_OPTION_MIN, ndpOptionType } from './generated/ndp-option.ts'

/** Addresses are 6 or 16 bytes in network order. */
export type NdpOption =
  | { readonly kind: 'sourceLinkLayer'; readonly mac: Uint8Array }
  | { readonly kind: 'targetLinkLayer'; readonly mac: Uint8Array }
  | {
      readonly kind: 'prefix'
      readonly prefix: Uint8Array
      /** In bits. */
      readonly prefixLength: number
      readonly isOnLink: boolean
      readonly isAutonomous: boolean
      /** 0xffffffff is for ever. */
      readonly validLifetimeS: number
      readonly preferredLifetimeS: number
    }
  | { readonly kind: 'mtu'; readonly mtu: number }
  | { readonly kind: 'rdnss'; readonly lifetimeS: number; readonly servers: readonly Uint8Array[] }
  | { readonly kind: 'other'; readonly type: number; readonly data: Uint8Array }

/**
 * The options from `start` to `end`, which are those after the fixed part of a neighbor discovery message.
 * @returns undefined when an option has length 0 or runs past the end: RFC 4861 §6.1 wants the message discarded.
 */
export function readNdpOptions(bytes: Uint8Array, start: number, end: number): NdpOption[] | undefined {
  const options: NdpOption[] = []
  for (let at = start; at < end;) {
    const length = checkNdpOption(bytes, at, end)
    if (length < 0) return undefined
    options.push(readOption(bytes, at, length))
    at += length
  }
  return options
}

function readOption(bytes: Uint8Array, at: number, length: number): NdpOption {
  const type = ndpOptionType(bytes, at)
  if (type === NdpOptionType.sourceLinkLayer)
    return { kind: 'sourceLinkLayer', mac: new Uint8Array(bytes.subarray(at + 2, at + 8)) }
  if (type === NdpOptionType.targetLinkLayer)
    return { kind: 'targetLinkLayer', mac: new Uint8Array(bytes.subarray(at + 2, at + 8)) }
  if (type === NdpOptionType.mtu) return { kind: 'mtu', mtu: word(bytes, at + 4) }
  if (type === NdpOptionType.prefix && length === 32) {
    return {
      kind: 'prefix',
      prefix: new Uint8Array(bytes.subarray(at + 16, at + 32)),
      prefixLength: bytes[at + 2]!,
      isOnLink: (bytes[at + 3]! & 0x80) !== 0,
      isAutonomous: (bytes[at + 3]! & 0x40) !== 0,
      validLifetimeS: word(bytes, at + 4),
      preferredLifetimeS: word(bytes, at + 8),
    }
  }
  if (type === NdpOptionType.rdnss && length >= 24 && length % 16 === 8) {
    const servers: Uint8Array[] = []
    for (let from = at + 8; from < at + length; from += 16)
      servers.push(new Uint8Array(bytes.subarray(from, from + 16)))
    return { kind: 'rdnss', lifetimeS: word(bytes, at + 4), servers }
  }
  return { kind: 'other', type, data: new Uint8Array(bytes.subarray(at + NDP_OPTION_MIN, at + length)) }
}

/** Writes options one after the other. @returns bytes written. Throws a RangeError when they do not fit. */
export function writeNdpOptions(bytes: Uint8Array, offset: number, options: readonly NdpOption[]): number {
  let at = offset
  for (const option of options) {
    const length = wireLength(option)
    if (at + length > bytes.length) throw new RangeError('NDP options do not fit')
    bytes.fill(0, at, at + length)
    bytes[at + 1] = length / 8
    writeOption(bytes, at, option)
    at += length
  }
  return at - offset
}

/** Bytes that `writeNdpOptions` writes. */
export function ndpOptionsWireLength(options: readonly NdpOption[]): number {
  return options.reduce((sum, option) => sum + wireLength(option), 0)
}

function wireLength(option: NdpOption): number {
  switch (option.kind) {
    case 'sourceLinkLayer':
    case 'targetLinkLayer':
    case 'mtu':
      return 8
    case 'prefix':
      return 32
    case 'rdnss':
      return 8 + option.servers.length * 16
    case 'other':
      return Math.max(1, Math.ceil((NDP_OPTION_MIN + option.data.length) / 8)) * 8
  }
}

function writeOption(bytes: Uint8Array, at: number, option: NdpOption): void {
  switch (option.kind) {
    case 'sourceLinkLayer':
      bytes[at] = NdpOptionType.sourceLinkLayer
      bytes.set(option.mac, at + 2)
      return
    case 'targetLinkLayer':
      bytes[at] = NdpOptionType.targetLinkLayer
      bytes.set(option.mac, at + 2)
      return
    case 'mtu':
      bytes[at] = NdpOptionType.mtu
      setWord(bytes, at + 4, option.mtu)
      return
    case 'prefix':
      bytes[at] = NdpOptionType.prefix
      bytes[at + 2] = option.prefixLength
      bytes[at + 3] = (option.isOnLink ? 0x80 : 0) | (option.isAutonomous ? 0x40 : 0)
      setWord(bytes, at + 4, option.validLifetimeS)
      setWord(bytes, at + 8, option.preferredLifetimeS)
      bytes.set(option.prefix, at + 16)
      return
    case 'rdnss':
      bytes[at] = NdpOptionType.rdnss
      setWord(bytes, at + 4, option.lifetimeS)
      option.servers.forEach((server, i) => bytes.set(server, at + 8 + i * 16))
      return
    case 'other':
      bytes[at] = option.type
      bytes.set(option.data, at + NDP_OPTION_MIN)
      return
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function setWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
