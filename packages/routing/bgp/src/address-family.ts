/** The address families that routes are exchanged for (RFC 4760 §6): unicast IPv4 and IPv6. */

export const Afi = { ipv4: 1, ipv6: 2 } as const
export const Safi = { unicast: 1 } as const

/** `4` is IPv4 unicast, `6` is IPv6 unicast. */
export type Family = 4 | 6

export const FAMILIES: readonly Family[] = [4, 6]

export function familyOf(afi: number, safi: number): Family | undefined {
  if (safi !== Safi.unicast) return undefined
  return afi === Afi.ipv4 ? 4 : afi === Afi.ipv6 ? 6 : undefined
}

export function afiOf(family: Family): number {
  return family === 4 ? Afi.ipv4 : Afi.ipv6
}
