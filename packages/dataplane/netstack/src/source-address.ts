/** Which of a host's addresses a packet to some destination carries: RFC 6724 §5 for IPv6, the shared subnet for IPv4. */
import { type Ip, Prefix } from '@lodestone/net'

/** RFC 6724 §2.1: prefixes with their labels, longest first. */
const LABELS: readonly (readonly [Prefix, number])[] = [
  [Prefix.of('::1/128'), 0],
  [Prefix.of('::ffff:0:0/96'), 4],
  [Prefix.of('::/96'), 3],
  [Prefix.of('2001::/32'), 5],
  [Prefix.of('2002::/16'), 2],
  [Prefix.of('3ffe::/16'), 12],
  [Prefix.of('fec0::/10'), 11],
  [Prefix.of('fc00::/7'), 13],
]
const DEFAULT_LABEL = 1
const LINK_SCOPE = 2
const GLOBAL_SCOPE = 14

/**
 * @param deprecated addresses (as text) whose preferred lifetime is over.
 * @returns undefined when none of `prefixes` has an address of the family that reaches further than the link.
 */
export function chooseSource(
  prefixes: readonly Prefix[],
  deprecated: ReadonlySet<string>,
  destination: Ip,
): Ip | undefined {
  return destination.family === 4 ? chooseV4(prefixes, destination) : chooseV6(prefixes, deprecated, destination)
}

/** The address that shares the destination's subnet, else the first. */
function chooseV4(prefixes: readonly Prefix[], destination: Ip): Ip | undefined {
  let first: Ip | undefined
  for (const prefix of prefixes) {
    const ip = prefix.address
    if (ip.family !== 4 || (ip.isLoopback && !destination.isLoopback)) continue
    if (prefix.contains(destination)) return ip
    first ??= ip
  }
  return first
}

function chooseV6(prefixes: readonly Prefix[], deprecated: ReadonlySet<string>, destination: Ip): Ip | undefined {
  let best: Ip | undefined
  for (const { address } of prefixes) {
    if (address.family !== 6 || address.isLinkLocal || (address.isLoopback && !destination.isLoopback)) continue
    if (best === undefined || isBetter(address, best, deprecated, destination)) best = address
  }
  return best
}

/** Rules 1, 2, 3, 6 and 8; the others are about what emulated hosts do not have. */
function isBetter(a: Ip, b: Ip, deprecated: ReadonlySet<string>, to: Ip): boolean {
  if (a.equals(to) !== b.equals(to)) return a.equals(to)
  const [scopeA, scopeB, scope] = [scopeOf(a), scopeOf(b), scopeOf(to)]
  if (scopeA !== scopeB) return scopeA < scopeB ? scopeA >= scope : scopeB < scope
  const isOldA = deprecated.has(a.toString())
  if (isOldA !== deprecated.has(b.toString())) return !isOldA
  const label = labelOf(to)
  const isLabelA = labelOf(a) === label
  if (isLabelA !== (labelOf(b) === label)) return isLabelA
  return commonBits(a, to) > commonBits(b, to)
}

function scopeOf(ip: Ip): number {
  if (ip.isMulticast) return ip.bytes[1]! & 15
  return ip.isLinkLocal || ip.isLoopback ? LINK_SCOPE : GLOBAL_SCOPE
}

function labelOf(ip: Ip): number {
  for (const [prefix, label] of LABELS) if (prefix.contains(ip)) return label
  return DEFAULT_LABEL
}

/** Of the first 64 bits, which are the subnet's. */
function commonBits(a: Ip, b: Ip): number {
  const first = Math.clz32(a.word(0) ^ b.word(0))
  return first < 32 ? first : 32 + Math.clz32(a.word(1) ^ b.word(1))
}
