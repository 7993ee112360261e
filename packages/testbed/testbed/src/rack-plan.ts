/**
 * The numbers of the rack: addresses, MACs, ASNs. One availability zone /48, rack /56, sled /64 (the sled is ::1, the switch zone
 * of a scrimlet ::2); the sidecar and guest OUI is a8:40:25. External numbers are documentation ranges (RFC 5737, RFC 3849).
 */
import { Ip, Mac, Prefix } from '@lodestone/net'

export const RACK_PREFIX: Prefix = Prefix.of('fd00:1122:3344:100::/56')

/** The underlay /64 of sled `index` (0-based): `fd00:1122:3344:101::/64` and up. */
export function sledPrefix(index: number): Prefix {
  const bytes = RACK_PREFIX.address.bytes.slice()
  bytes[7] = 1 + index
  return new Prefix(Ip.fromBytes(bytes, 0, 16), 64)
}

export function sledAddress(index: number): Ip {
  return sledPrefix(index).nth(1)
}

/** The switch zone's address: ::2 of the sled that hosts the switch, and ::3 where one sled hosts both. */
export function switchZoneAddress(switchIndex: number, sledCount: number): Ip {
  return switchIndex < sledCount ? sledPrefix(switchIndex).nth(2) : sledPrefix(0).nth(2 + switchIndex)
}

/** How many name servers the rack has for itself. */
export const INTERNAL_NAME_SERVERS = 3

/** Where anybody on the underlay asks for the rack's own services, wherever the server runs: `fd00:1122:3344:1::1` and up. */
export function internalDnsAddress(index: number): Ip {
  return Ip.of(`fd00:1122:3344:${(index + 1).toString(16)}::1`)
}

/** Tunnel endpoint of a switch: ::1 of a unique local /64 of its own, never routed outside. */
export function tunnelEndpoint(switchIndex: number): Ip {
  return Ip.of(`fdb1:a844:2ecd:${(switchIndex + 1).toString(16)}::1`)
}

/** MACs of switch `switchIndex`: 256 each; rear ports from 0x64, front ports from 0x84. */
export function switchPortMac(switchIndex: number, port: string): Mac {
  const index = Number(port.replace(/\D/g, ''))
  const base = port.startsWith('rear') ? 0x64 + index : 0x84 + index
  return Mac.fromNumber(0xa84025_050000 + switchIndex * 0x10000 + base)
}

export function sledNicMac(sledIndex: number, nic: number): Mac {
  return Mac.fromNumber(0xa84025_040000 + sledIndex * 0x100 + 0x70 + nic)
}

export const RACK_ASN = 65547
export const UPSTREAM_ASN: readonly number[] = [64500, 64501]
export const CLIENT_ASN = 64999

/** External addresses of instances; announced to the upstream routers. */
export const DEFAULT_POOL: { readonly prefix: Prefix; readonly first: Ip; readonly last: Ip } = {
  prefix: Prefix.of('198.51.100.0/24'),
  first: Ip.of('198.51.100.10'),
  last: Ip.of('198.51.100.250'),
}

/** The same of IPv6, where the outside has it. */
export const DEFAULT_POOL6: typeof DEFAULT_POOL = {
  prefix: Prefix.of('2001:db8:2::/64'),
  first: Ip.of('2001:db8:2::10'),
  last: Ip.of('2001:db8:2::ffff'),
}

export const CLIENT_ADDRESS: Ip = Ip.of('203.0.113.9')
export const CLIENT_PREFIX: Prefix = Prefix.of('203.0.113.0/24')
export const CLIENT_ADDRESS6: Ip = Ip.of('2001:db8:1::9')
export const CLIENT_PREFIX6: Prefix = Prefix.of('2001:db8:1::/64')

/** The /30 between upstream router `router` and switch `index`: router .1, switch .2. */
export function uplinkPrefix(router: number, switchIndex: number): Prefix {
  return new Prefix(Ip.of('192.0.2.0').plus((router * 2 + switchIndex) * 4), 30)
}

/** The /64 of the same link: router ::1, switch ::2. */
export function uplinkPrefix6(router: number, switchIndex: number): Prefix {
  return Prefix.of(`2001:db8:0:${router * 2 + switchIndex}::/64`)
}

/** The /64 between upstream router `router` and the client: router ::1, client ::2. */
export function clientLinkPrefix6(router: number): Prefix {
  return Prefix.of(`2001:db8:0:${8 + router}::/64`)
}

/** The /30 between upstream router `router` and the client: router .1, client .2. */
export function clientLinkPrefix(router: number): Prefix {
  return new Prefix(Ip.of('192.0.2.128').plus(router * 4), 30)
}
