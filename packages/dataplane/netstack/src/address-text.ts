/** Addresses as sockets take and show them: `192.0.2.1`, `2001:db8::1`, `fe80::1%nic0` (RFC 4007 §11 zones). */
import { Ip } from '@lodestone/net'

export interface ZonedAddress {
  readonly ip: Ip
  readonly zone: string | undefined
}

export function parseZoned(text: string): ZonedAddress | undefined {
  const percent = text.indexOf('%')
  const ip = Ip.parse(percent < 0 ? text : text.slice(0, percent))
  if (ip === undefined) return undefined
  return { ip, zone: percent < 0 ? undefined : text.slice(percent + 1) }
}

/** Link-local addresses and link-scoped groups say little without their interface, so they carry it. */
export function formatZoned(ip: Ip, interfaceName: string): string {
  return needsZone(ip) ? `${ip}%${interfaceName}` : ip.toString()
}

/** fe80::/10, ff01::/16 and ff02::/16. IPv4 link-local addresses are used without zones. */
export function needsZone(ip: Ip): boolean {
  if (ip.family === 4) return false
  return ip.isLinkLocal || (ip.bytes[0] === 0xff && (ip.bytes[1]! & 0x0f) <= 2)
}
