/**
 * Which addresses exist and which is next: pure functions over prefixes, ranges and sets of what is taken. They look at
 * no more candidates than there are taken addresses plus a handful, whatever the size of the prefix.
 */
import type { Random } from '@lodestone/host'
import { Ip, Mac, Prefix } from '@lodestone/net'

/** Network address, gateway, and three for services to come. */
export const RESERVED_SUBNET_ADDRESSES = 5
/** A power of two, because a switch matches ports by mask: four instances share one address. */
export const SNAT_PORTS = 16_384
export const FIRST_GUEST_VNI = 1024
const VNI_COUNT = 1 << 24

export interface AddressRange {
  readonly first: Ip
  readonly last: Ip
}

export interface PortBlock {
  readonly ip: Ip
  readonly firstPort: number
  readonly lastPort: number
}

/** The lowest address a guest may have that is not in `taken`. */
export function firstFreeInSubnet(subnet: Prefix, taken: ReadonlySet<string>): Ip | undefined {
  const end = subnet.family === 4 ? subnet.last().plus(-1) : subnet.last()
  return firstFree({ first: subnet.nth(RESERVED_SUBNET_ADDRESSES), last: end }, taken)
}

/** Why `ip` cannot be a guest's address in this subnet, if it cannot. */
export function whyNotInSubnet(subnet: Prefix, ip: Ip): string | undefined {
  if (!subnet.contains(ip)) return `${ip} is not in ${subnet}`
  for (let n = 0; n < RESERVED_SUBNET_ADDRESSES; n++) if (subnet.nth(n).equals(ip)) return `${ip} is reserved`
  return subnet.family === 4 && subnet.last().equals(ip) ? `${ip} is the broadcast address` : undefined
}

export function firstFreeInRanges(ranges: readonly AddressRange[], taken: ReadonlySet<string>): Ip | undefined {
  for (const range of ranges) {
    const ip = firstFree(range, taken)
    if (ip !== undefined) return ip
  }
  return undefined
}

/**
 * The lowest free block of ports.
 * @param blocks first ports in use, by address; an address used as a whole has all four.
 */
export function firstFreeSnatBlock(
  ranges: readonly AddressRange[],
  blocks: ReadonlyMap<string, ReadonlySet<number>>,
): PortBlock | undefined {
  for (const { first, last } of ranges) {
    for (let ip = first; ; ip = ip.plus(1)) {
      const used = blocks.get(ip.toString())
      for (let firstPort = 0; firstPort <= 0xffff; firstPort += SNAT_PORTS) {
        if (used?.has(firstPort) !== true) return { ip, firstPort, lastPort: firstPort + SNAT_PORTS - 1 }
      }
      if (ip.equals(last)) break
    }
  }
  return undefined
}

/** The first ports of the blocks that a row of ports takes. */
export function blocksOf(firstPort: number, lastPort: number): number[] {
  const blocks: number[] = []
  for (let port = firstPort - (firstPort % SNAT_PORTS); port <= lastPort; port += SNAT_PORTS) blocks.push(port)
  return blocks
}

export function rangeContains(range: AddressRange, ip: Ip): boolean {
  return ip.family === range.first.family && range.first.compare(ip) <= 0 && ip.compare(range.last) <= 0
}

export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.first.family === b.first.family && a.first.compare(b.last) <= 0 && b.first.compare(a.last) <= 0
}

/** How many addresses a range has; exact to 2^53. */
export function rangeSize(range: AddressRange): number {
  let size = 0
  range.first.bytes.forEach((byte, i) => {
    size = size * 256 + (range.last.bytes[i]! - byte)
  })
  return size + 1
}

export function randomVni(random: Random): number {
  return FIRST_GUEST_VNI + random.below(VNI_COUNT - FIRST_GUEST_VNI)
}

/** A unique local /48: `fd` and 40 random bits (RFC 4193 §3.2). */
export function randomVpcPrefix(random: Random): Prefix {
  const bytes = new Uint8Array(16)
  bytes[0] = 0xfd
  bytes.set(random.bytes(5), 1)
  return new Prefix(Ip.fromBytes(bytes, 0, 16), 48)
}

/** The `n`th /64 of a /48. */
export function subnet64(prefix: Prefix, n: number): Prefix {
  const bytes = prefix.masked().address.bytes.slice()
  bytes[6] = n >> 8
  bytes[7] = n & 0xff
  return new Prefix(Ip.fromBytes(bytes, 0, 16), 64)
}

/** In a8:40:25:f0:00:00 … a8:40:25:fe:ff:ff; what lies above belongs to the system. */
export function randomGuestMac(random: Random): Mac {
  const suffix = random.below(0x0f_0000)
  return Mac.fromNumber(0xa8_40_25_f0_00_00 + suffix)
}

/** RFC 1918: what the IPv4 block of a subnet must lie in. */
const PRIVATE = [Prefix.of('10.0.0.0/8'), Prefix.of('172.16.0.0/12'), Prefix.of('192.168.0.0/16')]

/** Why an IPv4 block cannot be a subnet's, if it cannot. */
export function whyNotSubnetBlock(block: Prefix): string | undefined {
  if (!PRIVATE.some((range) => range.covers(block))) return 'IPv4 block must be from a private address range'
  if (block.length < 8 || block.length > 26) return 'prefix length must be between 8 and 26, inclusive'
  if (!block.equals(block.masked())) return `${block} has host bits set`
  return undefined
}

function firstFree(range: AddressRange, taken: ReadonlySet<string>): Ip | undefined {
  for (let ip = range.first; ; ip = ip.plus(1)) {
    if (ip.compare(range.last) > 0) return undefined
    if (!taken.has(ip.toString())) return ip
    if (ip.equals(range.last)) return undefined // the next one may have wrapped to zero
  }
}
