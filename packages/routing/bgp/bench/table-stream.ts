/**
 * A full routing table as BGP messages, made from a seed: lengths spread as in the default-free table, AS paths of three to seven hops,
 * about 5.2 prefixes to an attribute set, one UPDATE for each set. The same seed gives the same bytes.
 */

const HEADER = 19

/** A generator that needs no state beyond 32 bits. */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}

/** Per mille of the table by length, /8 to /24. */
const LENGTHS: readonly (readonly [number, number])[] = [
  [24, 600],
  [23, 100],
  [22, 110],
  [21, 50],
  [20, 45],
  [19, 25],
  [18, 14],
  [17, 9],
  [16, 40],
  [15, 4],
  [14, 3],
]

export interface TableStream {
  readonly bytes: Uint8Array
  readonly prefixes: number
  readonly updates: number
}

export interface TableOptions {
  readonly prefixes: number
  readonly attributeSets: number
  readonly asn: number
  /** Last byte of the next hop 192.0.2.x. */
  readonly nextHop: number
  readonly seed?: number
}

export function tableStream(options: TableOptions): TableStream {
  const random = generator(options.seed ?? 20_260_101)
  const prefixes = distinctPrefixes(options.prefixes, random)
  const chunks: Uint8Array[] = []
  let updates = 0
  for (let at = 0, set = 0; at < prefixes.length; set++) {
    const setsLeft = Math.max(1, options.attributeSets - set)
    const mean = (prefixes.length - at) / setsLeft
    // One to twice the mean, so that small and large sets occur.
    let count =
      setsLeft === 1
        ? prefixes.length - at
        : Math.max(1, Math.min(600, 1 + Math.floor((random() / 2 ** 32) * (2 * mean - 1))))
    count = Math.min(count, prefixes.length - at, 700)
    chunks.push(update(prefixes.slice(at, at + count), attributes(options, set, random)))
    at += count
    updates++
  }
  return { bytes: concat(chunks), prefixes: prefixes.length, updates }
}

/** Address and length of each. */
function distinctPrefixes(count: number, random: () => number): readonly (readonly [number, number])[] {
  const out: [number, number][] = []
  const seen = new Set<number>()
  while (out.length < count) {
    let pick = random() % 1000
    let length = 24
    for (const [candidate, share] of LENGTHS) {
      if (pick < share) {
        length = candidate
        break
      }
      pick -= share
    }
    // 1.0.0.0 to 223.255.255.255 without 127/8.
    let high = 1 + (random() % 223)
    if (high === 127) high = 128
    const address = ((((high << 24) | (random() & 0xffffff)) >>> 0) & (0xffffffff << (32 - length))) >>> 0
    const key = address * 64 + length
    if (seen.has(key)) continue
    seen.add(key)
    out.push([address, length])
  }
  return out
}

function attributes({ asn, nextHop }: TableOptions, set: number, random: () => number): Uint8Array {
  const hops = 2 + (random() % 5)
  const path = [asn, ...Array.from({ length: hops }, () => 1000 + (random() % 60_000)), 100_000 + set]
  const out: number[] = [0x40, 1, 1, 0, 0x40, 2, 2 + 4 * path.length, 2, path.length]
  for (const hop of path) out.push(hop >>> 24, (hop >>> 16) & 0xff, (hop >>> 8) & 0xff, hop & 0xff)
  out.push(0x40, 3, 4, 192, 0, 2, nextHop)
  if (set % 5 === 0) out.push(0x80, 4, 4, 0, 0, 0, random() & 0xff)
  if (set % 2 === 0) {
    const communities = 1 + (random() % 5)
    out.push(0xc0, 8, 4 * communities)
    for (let i = 0; i < communities; i++) out.push(asn >>> 8, asn & 0xff, random() & 0x7f, random() & 0xff)
  }
  return Uint8Array.from(out)
}

/** An UPDATE; without attributes it withdraws. */
export function update(prefixes: readonly (readonly [number, number])[], attributeBytes: Uint8Array): Uint8Array {
  const nlri: number[] = []
  for (const [address, length] of prefixes) {
    nlri.push(length)
    for (let bits = length, shift = 24; bits > 0; bits -= 8, shift -= 8) nlri.push((address >>> shift) & 0xff)
  }
  const isWithdrawal = attributeBytes.length === 0
  const size = HEADER + 4 + attributeBytes.length + nlri.length
  const bytes = new Uint8Array(size)
  bytes.fill(0xff, 0, 16)
  bytes.set([size >>> 8, size & 0xff, 2], 16)
  if (isWithdrawal) {
    bytes.set([nlri.length >>> 8, nlri.length & 0xff], 19)
    bytes.set(nlri, 21)
  } else {
    bytes.set([0, 0, attributeBytes.length >>> 8, attributeBytes.length & 0xff], 19)
    bytes.set(attributeBytes, 23)
    bytes.set(nlri, 23 + attributeBytes.length)
  }
  return bytes
}

/** OPEN with both families' capabilities of an IPv4 speaker and four-octet AS, hold time 0. */
export function open(asn: number, identifier: number): Uint8Array {
  const capabilities = [1, 4, 0, 1, 0, 1, 2, 0, 65, 4, asn >>> 24, (asn >>> 16) & 0xff, (asn >>> 8) & 0xff, asn & 0xff]
  const size = HEADER + 10 + 2 + capabilities.length
  const bytes = new Uint8Array(size)
  bytes.fill(0xff, 0, 16)
  const short = asn > 0xffff ? 23456 : asn
  bytes.set([size >>> 8, size & 0xff, 1, 4, short >>> 8, short & 0xff, 0, 0], 16)
  bytes.set([identifier >>> 24, (identifier >>> 16) & 0xff, (identifier >>> 8) & 0xff, identifier & 0xff], 24)
  bytes.set([capabilities.length + 2, 2, capabilities.length, ...capabilities], 28)
  return bytes
}

export const KEEPALIVE: Uint8Array = new Uint8Array([...Array<number>(16).fill(0xff), 0, 19, 4])

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}
