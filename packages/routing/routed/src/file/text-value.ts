/** The scalar values of a configuration file: texts that are checked here and converted in `config-from-file.ts`. */
import { Ip, Prefix } from '@lodestone/net'
import { z } from 'zod'

/** Anything with a text form; the parser decides, the message says what would have been right. */
function textOf(id: string, expected: string, isValid: (text: string) => boolean): z.ZodString {
  return z
    .string({ error: `expected ${expected}` })
    .refine(isValid, { error: `expected ${expected}` })
    .meta({ id, description: expected })
}

export const AddressText: z.ZodString = textOf(
  'Address',
  'an IPv4 or IPv6 address',
  (text) => Ip.parse(text) !== undefined,
)

export const Ipv4Text: z.ZodString = textOf(
  'Ipv4Address',
  'an IPv4 address, such as 10.0.0.1',
  (text) => Ip.parse(text)?.family === 4,
)

export const Ipv6Text: z.ZodString = textOf(
  'Ipv6Address',
  'an IPv6 address, such as 2001:db8::1',
  (text) => Ip.parse(text)?.family === 6,
)

export const PrefixText: z.ZodString = textOf(
  'Prefix',
  'a prefix without host bits, such as 198.51.100.0/24 or 2001:db8::/32',
  (text) => {
    const prefix = Prefix.parse(text)
    return prefix !== undefined && prefix.masked().address.equals(prefix.address)
  },
)

export const SocketAddressText: z.ZodString = textOf(
  'SocketAddress',
  'an address with port, such as 10.0.0.1:179 or [2001:db8::1]:179',
  (text) => parseSocketAddress(text) !== undefined,
)

export const AdminPlaceText: z.ZodString = textOf(
  'AdminPlace',
  'an address with port, such as 127.0.0.1:4676, or the absolute path of a Unix socket',
  (text) => isSocketPath(text) || parseSocketAddress(text) !== undefined,
)

/** Paths of Unix sockets are limited to 107 bytes by the system. */
function isSocketPath(text: string): boolean {
  return text.startsWith('/') && text.length <= 107 && !text.includes('\0')
}

export const NameText: z.ZodString = textOf('Name', 'a name of letters, digits, ".", "_" and "-"', (text) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text),
)

export const InterfaceText: z.ZodString = textOf('Interface', 'the name of an interface', (text) =>
  /^[^\s/%]{1,15}$/.test(text),
)

export const Asn: z.ZodInt = z
  .int({ error: 'expected an AS number, 1 to 4294967295' })
  .min(1)
  .max(0xffff_ffff)
  .meta({ id: 'Asn', description: 'AS number' })

/** A secret as it is written: the text itself, or the file that it stands in. */
export const SecretText = z
  .union([z.string().min(1).max(80), z.strictObject({ file: z.string().min(1) })], {
    error: 'expected a text of at most 80 bytes, or { file: PATH }',
  })
  .meta({ id: 'Secret', description: 'A text, or the file that it stands in, relative to the configuration' })
export type SecretText = z.output<typeof SecretText>

export const PolicyUse = z
  .union([NameText, z.array(NameText).min(1)], {
    error: 'expected accept, reject, the name of a policy, or a list of such names',
  })
  .meta({
    id: 'PolicyUse',
    description:
      'accept, reject, a policy, or several that are asked in turn. Without one nothing passes to or from external peers ' +
      '(RFC 8212), and everything to and from internal ones',
  })
export type PolicyUse = z.output<typeof PolicyUse>

export const BfdUse = z
  .union([z.boolean(), NameText], { error: 'expected true, false, or the name of a BFD profile' })
  .meta({ id: 'BfdUse', description: 'Follow the peer with BFD; the name of a profile, or true for its defaults' })
export type BfdUse = z.output<typeof BfdUse>

export interface SocketAddress {
  readonly address: Ip
  /** Interface of a link-local address. */
  readonly zone: string | undefined
  readonly port: number
}

/** `10.0.0.1:179`, `[2001:db8::1]:179`, `[fe80::1%eth0]:179`. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([^\]%]+)(?:%([^\]]+))?\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const address = Ip.parse(match[1] ?? match[3] ?? '')
  const port = Number(match[4])
  if (address === undefined || port > 65_535 || (match[1] !== undefined) !== (address.family === 6)) return undefined
  return { address, zone: match[2], port }
}

export function socketAddressText({ address, zone, port }: SocketAddress): string {
  const host = zone === undefined ? address.toString() : `${address}%${zone}`
  return address.family === 6 ? `[${host}]:${port}` : `${host}:${port}`
}
