/** Addresses as they appear in this contract: text, checked by form only. */
import { z } from 'zod'

export const IpAddr = z.union([z.ipv4(), z.ipv6()])
export const IpNet = z.union([z.cidrv4(), z.cidrv6()])
export const MacAddr = z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i, 'not a MAC address, as in a8:40:25:00:00:01')
/** 24 bits. */
export const Vni = z.int().min(0).max(0xff_ffff)
export const Port16 = z.int().min(0).max(0xffff)
/** Grows with every change of what it describes; an older one than the receiver has is refused with 409. */
export const Generation = z.int().min(0)
/**
 * Ids of the requests to the control plane's public API that something is due to, for people who ask why it is there. Nothing is decided
 * by them, and what differs in nothing else is not written anew.
 */
export const Causes = z.array(z.string().max(128)).max(16).meta({ id: 'Causes' })
