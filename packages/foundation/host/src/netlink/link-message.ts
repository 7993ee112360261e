/** Links and their addresses as messages of rtnetlink: `RTM_NEWLINK`, `RTM_NEWADDR` and their sisters. */
import { Ip, Prefix } from '@lodestone/net'
import {
  eachAttribute,
  NetlinkFlag,
  type NetlinkMessage,
  type NetlinkWriter,
  textOf,
  viewOf,
} from './netlink-message.ts'

export const LinkMessageType = { add: 16, remove: 17, get: 18 } as const
export const AddressMessageType = { add: 20, remove: 21, get: 22 } as const

const LINK_BYTES = 16
const ADDRESS_BYTES = 8
const FLAG_UP = 0x1
const FLAG_LOOPBACK = 0x8
const FLAG_LOWER_UP = 0x10000
const LinkAttribute = { address: 1, name: 3, mtu: 4 } as const
const AddressAttribute = { address: 1, local: 2, flags: 8 } as const
/** Duplicate address detection has not finished, or found a duplicate: not to be used. */
const ADDRESS_UNUSABLE = 0x40 | 0x08

export interface KernelLink {
  readonly index: number
  readonly name: string
  /** Administratively up and with a carrier. */
  readonly isUp: boolean
  readonly isLoopback: boolean
  readonly mtuBytes: number
  readonly mac: Uint8Array
}

export interface KernelAddress {
  readonly interfaceIndex: number
  readonly address: Prefix
  /** What is reached over the link: around our address, or on a point-to-point link around the other end's. */
  readonly subnet: Prefix
  readonly isUsable: boolean
}

export function writeDumpLinks(out: NetlinkWriter, sequence: number): void {
  out.begin(LinkMessageType.get, NetlinkFlag.request | NetlinkFlag.dump, sequence)
  for (let i = 0; i < LINK_BYTES; i += 4) out.u32(0)
  out.end()
}

/** Both families. */
export function writeDumpAddresses(out: NetlinkWriter, sequence: number): void {
  out.begin(AddressMessageType.get, NetlinkFlag.request | NetlinkFlag.dump, sequence)
  for (let i = 0; i < ADDRESS_BYTES; i += 4) out.u32(0)
  out.end()
}

export function decodeLink({ payload }: NetlinkMessage): KernelLink | undefined {
  if (payload.length < LINK_BYTES) return undefined
  const view = viewOf(payload)
  const flags = view.getUint32(8, true)
  let name: string | undefined
  let mtuBytes = 0
  let mac = new Uint8Array(0)
  eachAttribute(payload, LINK_BYTES, (type, value) => {
    if (type === LinkAttribute.name) name = textOf(value)
    else if (type === LinkAttribute.mtu && value.length === 4) mtuBytes = viewOf(value).getUint32(0, true)
    else if (type === LinkAttribute.address) mac = new Uint8Array(value)
  })
  if (name === undefined) return undefined
  return {
    index: view.getInt32(4, true),
    name,
    isUp: (flags & FLAG_UP) !== 0 && (flags & FLAG_LOWER_UP) !== 0,
    isLoopback: (flags & FLAG_LOOPBACK) !== 0,
    mtuBytes,
    mac,
  }
}

export function decodeAddress({ payload }: NetlinkMessage): KernelAddress | undefined {
  if (payload.length < ADDRESS_BYTES) return undefined
  const length = payload[1]!
  let flags = payload[2]!
  let address: Ip | undefined
  let local: Ip | undefined
  eachAttribute(payload, ADDRESS_BYTES, (type, value) => {
    const ip = value.length === 4 || value.length === 16 ? Ip.fromBytes(value, 0, value.length) : undefined
    if (type === AddressAttribute.address) address = ip
    else if (type === AddressAttribute.local) local = ip
    else if (type === AddressAttribute.flags && value.length === 4) flags = viewOf(value).getUint32(0, true)
  })
  // On a point-to-point link `address` is the other end.
  const own = local ?? address
  if (own === undefined || length > own.bytes.length * 8) return undefined
  return {
    interfaceIndex: viewOf(payload).getUint32(4, true),
    address: new Prefix(own, length),
    subnet: new Prefix(address ?? own, length).masked(),
    isUsable: (flags & ADDRESS_UNUSABLE) === 0,
  }
}
