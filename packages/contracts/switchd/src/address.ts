/** Addresses as they appear in this contract: text, checked by form only. */
import { z } from 'zod'

export const IpAddr = z.union([z.ipv4(), z.ipv6()])
export const Ipv4Net = z.cidrv4()
export const Ipv6Net = z.cidrv6()
export const MacAddr = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'not a MAC address, as in a8:40:25:00:00:01')
/** 24 bits. */
export const Vni = z.int().min(0).max(0xff_ffff)
export const Port16 = z.int().min(0).max(0xffff)
