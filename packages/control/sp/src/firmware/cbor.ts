/** CBOR (RFC 8949) as ereports need it: integers, text, bytes, arrays, maps, booleans, null, doubles, indefinite lengths. */

export type Cbor =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly Cbor[]
  | { readonly [key: string]: Cbor }

const BREAK = 0xff
const MAX_DEPTH = 16

export function encodeCbor(value: Cbor): Uint8Array {
  const out: number[] = []
  write(out, value)
  return Uint8Array.from(out)
}

/** @returns the value and how many bytes it took; undefined when the bytes are no CBOR of ours. */
export function decodeCbor(bytes: Uint8Array, at = 0): { readonly value: Cbor; readonly end: number } | undefined {
  const reader = new CborReader(bytes, at)
  const value = reader.value(0)
  return value === undefined || reader.failed ? undefined : { value, end: reader.at }
}

function write(out: number[], value: Cbor): void {
  if (value === null) out.push(0xf6)
  else if (typeof value === 'boolean') out.push(value ? 0xf5 : 0xf4)
  else if (typeof value === 'bigint') head(out, value < 0n ? 1 : 0, value < 0n ? -1n - value : value)
  else if (typeof value === 'number') writeNumber(out, value)
  else if (typeof value === 'string') writeBytes(out, 3, new TextEncoder().encode(value))
  else if (value instanceof Uint8Array) writeBytes(out, 2, value)
  else if (Array.isArray(value)) {
    head(out, 4, BigInt(value.length))
    // because isArray does not narrow readonly arrays
    for (const each of value as readonly Cbor[]) write(out, each)
  } else {
    const entries = Object.entries(value)
    head(out, 5, BigInt(entries.length))
    for (const [key, each] of entries) {
      write(out, key)
      write(out, each)
    }
  }
}

function writeNumber(out: number[], value: number): void {
  if (Number.isSafeInteger(value)) return write(out, BigInt(value))
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  out.push(0xfb, ...new Uint8Array(view.buffer))
}

function writeBytes(out: number[], major: number, bytes: Uint8Array): void {
  head(out, major, BigInt(bytes.length))
  for (const byte of bytes) out.push(byte)
}

function head(out: number[], major: number, argument: bigint): void {
  const top = major << 5
  if (argument < 24n) out.push(top | Number(argument))
  else {
    const size = argument < 0x100n ? 1 : argument < 0x1_0000n ? 2 : argument < 0x1_0000_0000n ? 4 : 8
    out.push(top | (24 + Math.log2(size)))
    for (let i = size - 1; i >= 0; i--) out.push(Number((argument >> BigInt(8 * i)) & 0xffn))
  }
}

class CborReader {
  at: number
  failed = false
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  value(depth: number): Cbor | undefined {
    if (depth > MAX_DEPTH) return this.#fail()
    const first = this.#byte()
    if (first === undefined) return this.#fail()
    const major = first >> 5
    const low = first & 0x1f
    if (major === 7) return this.#simple(low)
    const isOpen = low === 31
    const argument = isOpen ? 0n : this.#argument(low)
    if (argument === undefined || (isOpen && major !== 4 && major !== 5)) return this.#fail()
    switch (major) {
      case 0:
        return narrow(argument)
      case 1:
        return narrow(-1n - argument)
      case 2:
        return this.#take(argument)
      case 3: {
        const bytes = this.#take(argument)
        return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
      }
      case 4:
        return this.#array(isOpen, argument, depth)
      case 5:
        return this.#map(isOpen, argument, depth)
      default:
        return this.#fail()
    }
  }

  #array(isOpen: boolean, length: bigint, depth: number): Cbor | undefined {
    const items: Cbor[] = []
    for (let index = 0n; isOpen || index < length; index++) {
      if (isOpen && this.#isBreak()) return items
      const item = this.value(depth + 1)
      if (item === undefined || this.failed) return this.#fail()
      items.push(item)
    }
    return items
  }

  #map(isOpen: boolean, length: bigint, depth: number): Cbor | undefined {
    const entries: [string, Cbor][] = []
    for (let index = 0n; isOpen || index < length; index++) {
      if (isOpen && this.#isBreak()) break
      const key = this.value(depth + 1)
      const item = this.value(depth + 1)
      if (typeof key !== 'string' || item === undefined || this.failed) return this.#fail()
      entries.push([key, item])
    }
    return Object.fromEntries(entries)
  }

  #simple(low: number): Cbor | undefined {
    if (low === 20 || low === 21) return low === 21
    if (low === 22) return null
    if (low !== 27) return this.#fail()
    const bytes = this.#take(8n)
    return bytes === undefined ? undefined : new DataView(bytes.buffer).getFloat64(0)
  }

  #argument(low: number): bigint | undefined {
    if (low < 24) return BigInt(low)
    if (low > 27) return undefined
    const bytes = this.#take(BigInt(1 << (low - 24)))
    return bytes?.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  }

  #isBreak(): boolean {
    if (this.#bytes[this.at] !== BREAK) return false
    this.at += 1
    return true
  }

  #byte(): number | undefined {
    return this.#bytes[this.at++]
  }

  #take(length: bigint): Uint8Array | undefined {
    if (length > BigInt(this.#bytes.length - this.at)) return this.#fail()
    const start = this.at
    this.at += Number(length)
    return this.#bytes.slice(start, this.at)
  }

  #fail(): undefined {
    this.failed = true
    return undefined
  }
}

function narrow(value: bigint): number | bigint {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value
}
