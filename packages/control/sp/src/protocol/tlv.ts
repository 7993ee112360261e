/** Tag, length, value: how lists travel in the data of paged answers. The tag is four letters, the length u32 little-endian. */
import { type Codec, encode, decode, Writer } from './codec.ts'
import { u32 } from './codec.ts'
import {
  deviceDescription,
  ignitionState,
  linkEvents,
  measurement,
  type PortStatus,
  portStatusResult,
} from './response.ts'
import type { ValueOf } from './codec.ts'

export interface Tlv {
  readonly tag: string
  readonly value: Uint8Array
}

const HEADER_BYTES = 8

/** As many of `items` as fit whole into `room` bytes. */
export function encodeTlvs(
  items: readonly Tlv[],
  room: number,
): { readonly bytes: Uint8Array; readonly count: number } {
  const out = new Writer(room)
  let count = 0
  for (const { tag, value } of items) {
    if (out.room < HEADER_BYTES + value.length) break
    for (let i = 0; i < 4; i++) out.u8(tag.charCodeAt(i))
    out.u32(value.length)
    out.bytes(value)
    count++
  }
  return { bytes: out.written, count }
}

/** @returns undefined when the data is cut in the middle of an item. */
export function decodeTlvs(bytes: Uint8Array): readonly Tlv[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const items: Tlv[] = []
  let at = 0
  while (at < bytes.length) {
    if (at + HEADER_BYTES > bytes.length) return undefined
    const length = view.getUint32(at + 4, true)
    if (at + HEADER_BYTES + length > bytes.length) return undefined
    items.push({
      tag: String.fromCharCode(...bytes.subarray(at, at + 4)),
      value: bytes.slice(at + HEADER_BYTES, at + HEADER_BYTES + length),
    })
    at += HEADER_BYTES + length
  }
  return items
}

/** Bits of a device's capabilities. */
export const Capability = {
  updateable: 1,
  measurements: 2,
  serialConsole: 4,
  led: 8,
  vpd: 16,
  pmbus: 32,
} as const

type Description = ValueOf<typeof deviceDescription>

export interface Device {
  readonly component: string
  readonly device: string
  readonly description: string
  readonly capabilities: number
  readonly presence: Description['presence']
}

export interface Measurement {
  readonly name: string
  readonly kind: ValueOf<typeof measurement>['kind']
  readonly value: ValueOf<typeof measurement>['value']
}

export function deviceTlv(each: Device): Tlv {
  const device = new TextEncoder().encode(each.device)
  const description = new TextEncoder().encode(each.description)
  const head = encode(deviceDescription, {
    component: each.component,
    deviceLength: device.length,
    descriptionLength: description.length,
    capabilities: each.capabilities,
    presence: each.presence,
  })
  return { tag: 'DSC0', value: joined(head, device, description) }
}

export function measurementTlv(each: Measurement): Tlv {
  const name = new TextEncoder().encode(each.name)
  const head = encode(measurement, { nameLength: name.length, kind: each.kind, value: each.value })
  return { tag: 'MEA0', value: joined(head, name) }
}

/** @returns undefined for another tag or a value that is not what the tag says. */
export function deviceOf({ tag, value }: Tlv): Device | undefined {
  if (tag !== 'DSC0') return undefined
  const head = decode(deviceDescription, value)
  if (!head.ok) return undefined
  const { component, deviceLength, descriptionLength, capabilities, presence } = head.value
  if (deviceLength + descriptionLength !== head.rest.length) return undefined
  const utf8 = new TextDecoder()
  return {
    component,
    device: utf8.decode(head.rest.subarray(0, deviceLength)),
    description: utf8.decode(head.rest.subarray(deviceLength)),
    capabilities,
    presence,
  }
}

export function measurementOf({ tag, value }: Tlv): Measurement | undefined {
  if (tag !== 'MEA0') return undefined
  const head = decode(measurement, value)
  if (!head.ok || head.value.nameLength !== head.rest.length) return undefined
  return { name: new TextDecoder().decode(head.rest), kind: head.value.kind, value: head.value.value }
}

export const ignitionTlv = (state: ValueOf<typeof ignitionState>): Tlv => ({
  tag: 'IGN0',
  value: encode(ignitionState, state),
})
export const linkEventsTlv = (events: ValueOf<typeof linkEvents>): Tlv => ({
  tag: 'ILE0',
  value: encode(linkEvents, events),
})

export const portStatusTlv = (value: PortStatus): Tlv => ({
  tag: 'VSC0',
  value: encode(portStatusResult, { ok: true, value }),
})
export const postCodeTlv = (code: number): Tlv => ({ tag: 'POST', value: encode(u32, code) })

/** @returns undefined for another tag or a value that is not what the tag says. */
export function portStatusOf({ tag, value }: Tlv): ValueOf<typeof portStatusResult> | undefined {
  if (tag !== 'VSC0') return undefined
  const read = decode(portStatusResult, value)
  return read.ok ? read.value : undefined
}

/** As `portStatusOf`. */
export function postCodeOf({ tag, value }: Tlv): number | undefined {
  if (tag !== 'POST') return undefined
  const read = decode(u32, value)
  return read.ok ? read.value : undefined
}

/** The values of all items of one tag; undefined when one of them cannot be read. */
export function valuesOf<T>(items: readonly Tlv[], tag: string, codec: Codec<T>): readonly T[] | undefined {
  const values: T[] = []
  for (const item of items) {
    if (item.tag !== tag) continue
    const decoded = decode(codec, item.value)
    if (!decoded.ok) return undefined
    values.push(decoded.value)
  }
  return values
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
