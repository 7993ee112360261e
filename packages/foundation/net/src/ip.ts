/**
 * IP addresses as immutable values over their wire bytes (network order).
 * Text form: RFC 4291 §2.2 parsing, RFC 5952 canonical output; IPv4 is strict dotted decimal (no octal, no short forms).
 * A zone (`fe80::1%if0`) is not part of an address: callers keep the interface beside it.
 */
export class Ip {
  /** 4 or 16 bytes, network order. Never written after construction. */
  readonly bytes: Uint8Array
  #text: string | undefined

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get family(): 4 | 6 {
    return this.bytes.length === 4 ? 4 : 6
  }

  /** Copies 4 or 16 bytes starting at `offset`. */
  static fromBytes(source: Uint8Array, offset: number, length: 4 | 16): Ip {
    // Not `slice`: a Node Buffer would share its memory.
    return new Ip(new Uint8Array(source.subarray(offset, offset + length)))
  }

  /** An IPv4 address from its unsigned 32-bit value. */
  static v4(value: number): Ip {
    // Written one by one: building it from a list costs several times as much, and routers make many.
    const bytes = new Uint8Array(4)
    bytes[0] = value >>> 24
    bytes[1] = value >>> 16
    bytes[2] = value >>> 8
    bytes[3] = value
    return new Ip(bytes)
  }

  /** Parses either family; `undefined` when the text is not an address. */
  static parse(text: string): Ip | undefined {
    const bytes = text.includes(':') ? parseV6(text) : parseV4(text)
    return bytes === undefined ? undefined : new Ip(bytes)
  }

  /** For literals in source code: throws on bad text. */
  static of(text: string): Ip {
    const ip = Ip.parse(text)
    if (ip === undefined) throw new Error(`not an IP address: ${JSON.stringify(text)}`)
    return ip
  }

  /** Unsigned 32-bit word `index` (0 is the most significant). An IPv4 address has only word 0. */
  word(index: number): number {
    const b = this.bytes
    const at = index * 4
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0
  }

  /** Bit `index` counted from the most significant. */
  bit(index: number): 0 | 1 {
    return ((this.bytes[index >> 3]! >> (7 - (index & 7))) & 1) as 0 | 1
  }

  toString(): string {
    this.#text ??= this.bytes.length === 4 ? this.bytes.join('.') : formatV6(this.bytes)
    return this.#text
  }

  toJSON(): string {
    return this.toString()
  }

  equals(other: Ip): boolean {
    return this.compare(other) === 0
  }

  /** IPv4 sorts before IPv6, then by value. */
  compare(other: Ip): number {
    if (this.bytes.length !== other.bytes.length) return this.bytes.length - other.bytes.length
    for (let i = 0; i < this.bytes.length; i++) {
      const difference = this.bytes[i]! - other.bytes[i]!
      if (difference !== 0) return difference
    }
    return 0
  }

  /** This address plus `count` (may be negative), modulo the size of the family. */
  plus(count: number): Ip {
    const bytes = this.bytes.slice()
    let carry = count
    for (let i = bytes.length - 1; i >= 0 && carry !== 0; i--) {
      const sum = bytes[i]! + carry
      bytes[i] = sum & 0xff
      carry = Math.floor(sum / 256)
    }
    return new Ip(bytes)
  }

  get isUnspecified(): boolean {
    const { bytes } = this
    for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false
    return true
  }

  get isLoopback(): boolean {
    return this.family === 4
      ? this.bytes[0] === 127
      : this.bytes[15] === 1 && this.bytes.subarray(0, 15).every((byte) => byte === 0)
  }

  /** 224.0.0.0/4 or ff00::/8. */
  get isMulticast(): boolean {
    return this.family === 4 ? (this.bytes[0]! & 0xf0) === 0xe0 : this.bytes[0] === 0xff
  }

  /** 169.254.0.0/16 or fe80::/10. */
  get isLinkLocal(): boolean {
    return this.family === 4
      ? this.bytes[0] === 169 && this.bytes[1] === 254
      : this.bytes[0] === 0xfe && (this.bytes[1]! & 0xc0) === 0x80
  }
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (let i = 0; i < 4; i++) {
    const part = parts[i]!
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return undefined
    const value = Number(part)
    if (value > 255) return undefined
    bytes[i] = value
  }
  return bytes
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? groups(halves[1]!, true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const all = [...head, ...Array<number>(missing).fill(0), ...tail]
  const bytes = new Uint8Array(16)
  all.forEach((group, i) => {
    bytes[2 * i] = group >> 8
    bytes[2 * i + 1] = group & 0xff
  })
  return bytes
}

/** The 16-bit groups of one side of `::`; a dotted-decimal tail is allowed where `mayEndInV4`. */
function groups(text: string, mayEndInV4: boolean): number[] | undefined {
  if (text === '') return []
  const out: number[] = []
  const parts = text.split(':')
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    if (mayEndInV4 && i === parts.length - 1 && part.includes('.')) {
      const v4 = parseV4(part)
      if (v4 === undefined) return undefined
      out.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      out.push(parseInt(part, 16))
    } else {
      return undefined
    }
  }
  return out
}

/** RFC 5952: lower case, longest run of two or more zero groups compressed, the first of equal runs. */
function formatV6(bytes: Uint8Array): string {
  const words: number[] = []
  for (let i = 0; i < 16; i += 2) words.push((bytes[i]! << 8) | bytes[i + 1]!)
  let runStart = -1
  let runLength = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && words[end] === 0) end++
    if (end - i > runLength) {
      runStart = i
      runLength = end - i
    }
    if (end > i) i = end
  }
  const hex = words.map((word) => word.toString(16))
  // RFC 5952 §5: IPv4-mapped addresses are shown in mixed notation.
  if (runStart === 0 && runLength === 5 && words[5] === 0xffff) {
    return `::ffff:${bytes.subarray(12).join('.')}`
  }
  if (runStart < 0) return hex.join(':')
  return `${hex.slice(0, runStart).join(':')}::${hex.slice(runStart + runLength).join(':')}`
}
