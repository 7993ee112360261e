/** Packets to try a program with: those of its tests and of everyday protocols, cut, damaged and filled with its own constants. */
import type { Draw } from '../../../packages/dataplane/npu/src/testing/draw.ts'

export interface TestPacket {
  readonly port: number
  readonly bytes: Uint8Array
}

/** Ethernet, VLAN, IPv4 with TCP and UDP, IPv6. */
const EVERYDAY: readonly Uint8Array[] = [
  '001122334455 66778899aabb 0800 4500002e00010000 4006f96a 0a000001 0a000002 00500051 00000001 00000002 5002 2000 7b7a 0000 0001020304',
  '001122334455 66778899aabb 0800 4500002600010000 4011f967 0a000001 0a000102 04d20035 0012 0000 00010203040506070809',
  '001122334455 66778899aabb 8100 0005 0800 4500001c00010000 4001f980 0a000001 0a000002 0800f7ff 0000 0000',
  '001122334455 66778899aabb 86dd 60000000 000c 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 04d20035 000c 0000 01020304',
].map((text) => bytesOf(text.replaceAll(' ', '')))

const LONGEST = 160

export class PacketSource {
  readonly #draw: Draw
  readonly #seeds: readonly TestPacket[]
  readonly #ports: readonly number[]
  readonly #constants: readonly Uint8Array[]

  /** @param seeds packets that the program is known to understand. @param source its text, for the numbers in it. */
  constructor(draw: Draw, seeds: readonly TestPacket[], source: string) {
    this.#draw = draw
    this.#seeds = seeds.length > 0 ? seeds : EVERYDAY.map((bytes) => ({ port: 0, bytes }))
    this.#ports = [...new Set([...seeds.map(({ port }) => port), 0, 1, 2, 3, 7])]
    this.#constants = constantsIn(source)
  }

  /** The seeds, cut at every length; then random ones. */
  packets(count: number): TestPacket[] {
    const cuts = this.#seeds.flatMap(({ port, bytes }) =>
      Array.from({ length: Math.min(bytes.length, LONGEST) }, (_, length) => ({ port, bytes: bytes.slice(0, length) })),
    )
    const kept = cuts.length <= count / 3 ? cuts : this.#some(cuts, Math.floor(count / 3))
    const first = [...this.#seeds.slice(0, Math.floor(count / 4)), ...kept]
    return [...first, ...Array.from({ length: Math.max(0, count - first.length) }, () => this.#packet())]
  }

  #some(list: readonly TestPacket[], count: number): TestPacket[] {
    const left = [...list]
    return Array.from({ length: count }, () => left.splice(this.#draw.below(left.length), 1)[0]!)
  }

  #packet(): TestPacket {
    const draw = this.#draw
    const seed = draw.pick(this.#seeds)
    const port = draw.chance(3) ? draw.pick(this.#ports) : seed.port
    let bytes = this.#start(seed.bytes)
    for (let k = 1 + draw.below(4); k > 0; k--) bytes = this.#change(bytes)
    return { port, bytes: bytes.slice(0, LONGEST) }
  }

  #start(seed: Uint8Array): Uint8Array {
    const draw = this.#draw
    switch (draw.below(8)) {
      case 0:
        return Uint8Array.from({ length: draw.below(100) }, () => draw.below(256))
      case 1:
        return draw.pick(EVERYDAY)
      case 2:
        return Uint8Array.from([...seed, ...draw.pick(this.#seeds).bytes])
      default:
        return seed
    }
  }

  #change(old: Uint8Array): Uint8Array {
    const draw = this.#draw
    const bytes = old.slice()
    if (bytes.length === 0) return Uint8Array.from({ length: draw.below(40) }, () => draw.below(256))
    const at = draw.below(bytes.length)
    switch (draw.below(9)) {
      case 0:
        bytes[at] = bytes[at]! ^ (1 << draw.below(8))
        return bytes
      case 1:
        bytes[at] = draw.below(256)
        return bytes
      case 2:
        bytes[at] = draw.pick([0, 1, 0x7f, 0x80, 0xff])
        return bytes
      case 3:
        return bytes.fill(draw.pick([0, 0xff]), at, at + 1 + draw.below(8))
      case 4:
        return bytes.subarray(0, at)
      case 5:
        return Uint8Array.from([...bytes, ...Uint8Array.from({ length: 1 + draw.below(20) }, () => draw.below(256))])
      case 6:
        bytes.copyWithin(at, draw.below(bytes.length), bytes.length)
        return bytes
      default: {
        if (this.#constants.length === 0) return bytes
        const constant = draw.pick(this.#constants)
        bytes.set(constant.subarray(0, bytes.length - at), at)
        return bytes
      }
    }
  }
}

/** Numbers of a program, each in as many bytes as it may have in a header. */
function constantsIn(source: string): Uint8Array[] {
  const found = new Map<string, Uint8Array>()
  for (const [, text] of source.matchAll(/\b(?:\d+[ws])?(0[xX][\da-fA-F_]+|0[bB][01_]+|\d[\d_]*)\b/g)) {
    const value = BigInt(text!.replaceAll('_', ''))
    if (value >= 1n << 128n) continue
    for (const length of [1, 2, 4, 6, 16]) {
      if (value >= 1n << BigInt(8 * length)) continue
      const hex = value.toString(16).padStart(2 * length, '0')
      found.set(hex, bytesOf(hex))
      if (length >= 4) break
    }
  }
  return [...found.values()]
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
