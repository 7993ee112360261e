/**
 * BGP roles (RFC 9234): what we are to the peer, checked against what the peer says it is to us, and the OTC attribute
 * that keeps routes from leaking upwards.
 */

/** Wire values of the role capability (RFC 9234 §4.1). */
export const ROLE_VALUES = { provider: 0, 'route-server': 1, 'route-server-client': 2, customer: 3, peer: 4 } as const
export type Role = keyof typeof ROLE_VALUES

export function roleOf(value: number): Role | undefined {
  return (Object.keys(ROLE_VALUES) as Role[]).find((role) => ROLE_VALUES[role] === value)
}

/** What the other side of a session must be (RFC 9234 §4.2, table 2). */
export const COUNTERPART: Readonly<Record<Role, Role>> = {
  provider: 'customer',
  customer: 'provider',
  'route-server': 'route-server-client',
  'route-server-client': 'route-server',
  peer: 'peer',
}

/**
 * RFC 9234 §5, ingress: whether a route with `otc` (undefined: without the attribute) from a peer in whose session our role is
 * `role` is a leak.
 */
export function isLeak(role: Role, otc: number | undefined, peerAsn: number): boolean {
  if (otc === undefined) return false
  if (role === 'provider' || role === 'route-server') return true
  return role === 'peer' && otc !== peerAsn
}

/** Ingress: the value that a route without OTC gets; undefined: none. */
export function otcOnImport(role: Role, peerAsn: number): number | undefined {
  return role === 'customer' || role === 'peer' || role === 'route-server-client' ? peerAsn : undefined
}

/** Egress: whether a route that carries OTC must not be told to a peer in whose session our role is `role`. */
export function isBlockedByOtc(role: Role): boolean {
  return role === 'customer' || role === 'peer' || role === 'route-server-client'
}

/** Egress: whether a route without OTC gets ours. */
export function addsOtcOnExport(role: Role): boolean {
  return role === 'provider' || role === 'peer' || role === 'route-server'
}
