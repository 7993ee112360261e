/**
 * Where documents are fetched from that somebody else gives the URL of: outside. An admin of a silo shall not be able to make the control plane
 * ask its own machine, the underlay, or what is on its links. Private IPv4 networks count as outside: identity providers of companies are there.
 */
import { Ip, Prefix } from '@lodestone/net'

const INSIDE = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/8', // unspecified, loopback, and IPv4 addresses in the clothes of IPv6
  'fc00::/7', // the underlay, above all
  'fe80::/10',
  'ff00::/8',
].map((text) => Prefix.of(text))

/** @param except what the operator of the rack allows all the same. */
export function isOutside(address: string, except: readonly Prefix[] = []): boolean {
  const ip = Ip.parse(address.split('%')[0]!)
  if (ip === undefined) return false
  const contains = (prefix: Prefix): boolean => prefix.family === ip.family && prefix.contains(ip)
  return except.some(contains) || !INSIDE.some(contains)
}
