/** Addresses as they appear in this contract: text, checked by form only. */
import { z } from 'zod'

export const IpAddr = z.union([z.ipv4(), z.ipv6()])
export const IpNet = z.union([z.cidrv4(), z.cidrv6()])
export const Asn = z.int().min(1).max(0xffff_ffff)
/** Unsigned 64 bits as decimal text: a JSON number would be rounded by most readers. */
export const U64 = z.string().regex(/^(0|[1-9]\d{0,19})$/, 'not an unsigned 64-bit number in decimal')
export const Protocol = z.enum(['connected', 'static', 'bgp', 'ddm'])
