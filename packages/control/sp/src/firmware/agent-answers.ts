/** Answers of the agent that are put together from several tasks: state, caboose, root of trust. */
import type { SpResponse, RotBootInfo } from '../protocol/response.ts'
import type { MgsRequest } from '../protocol/request.ts'
import { Component } from '../protocol/component.ts'
import { measurementTlv, portStatusTlv, postCodeTlv, type Tlv } from '../protocol/tlv.ts'
import type { Answer } from './agent.ts'
import type { Firmware } from './firmware.ts'
import { readImage, sha256 } from './image.ts'
import { devicesOf, measurementsOf } from './inventory.ts'

/** Versions of the protocol from which on the newer forms of the state are known. */
const STATE_V2_FROM = 6
const STATE_V3_FROM = 13
const ROT_PAGE_BYTES = 512

export function spState(firmware: Firmware, version: number): SpResponse {
  const { flash, runningSlot } = firmware.options
  const vpd = firmware.identity
  const image = flash.sp.slots[runningSlot]
  const identity = {
    archiveId: sha256(image ?? new Uint8Array(0)).slice(0, 8),
    serialNumber: vpd.serialNumber,
    model: vpd.model,
    revision: vpd.revision,
    baseMac: vpd.baseMac,
  }
  const { powerState } = firmware
  if (version >= STATE_V3_FROM) return { kind: 'SpStateV3', ...identity, powerState }
  if (version >= STATE_V2_FROM) {
    return { kind: 'SpStateV2', ...identity, powerState, rot: { ok: true, value: rotV2(firmware) } }
  }
  const rot = { ok: true, value: rotV1(firmware) } as const
  return { kind: 'SpState', ...identity, version: { epoch: 0, version: 1 }, powerState, rot }
}

/** @returns undefined for a component that is not in the inventory. */
export function componentDetails(firmware: Firmware, component: string): readonly Tlv[] | undefined {
  const { records } = firmware.sensors
  if (!devicesOf(firmware.options.profile, records).some((each) => each.component === component)) return undefined
  if (component === Component.monorail) return firmware.monorail?.ports().map(portStatusTlv)
  if (component === Component.postCodes) return firmware.power.postCodes().map(postCodeTlv)
  return measurementsOf(component, records).map(measurementTlv)
}

/** One byte for each identity memory, 1 when it is locked; or what is wrong with one of them. */
export function vpdLockState(firmware: Firmware): Answer {
  const { vpd } = firmware
  const data = new Uint8Array(vpd.count)
  for (let index = 0; index < vpd.count; index++) {
    const isLocked = vpd.isLocked(index)
    if (typeof isLocked === 'string') {
      return { response: { kind: 'Error', error: { kind: 'Vpd', error: isLocked } } }
    }
    data[index] = isLocked ? 1 : 0
  }
  return { response: { kind: 'VpdLockState' }, data }
}

export function readCaboose(image: Uint8Array | undefined, key: Uint8Array): Answer {
  const read = readImage(image)
  if (!read.ok) {
    const kind = read.problem === 'bad-digest' || read.problem === 'bad-caboose' ? 'BadCabooseChecksum' : 'NoCaboose'
    return { response: { kind: 'Error', error: { kind } } }
  }
  const value = read.caboose.get(new TextDecoder().decode(key))
  if (value === undefined) return { response: { kind: 'Error', error: { kind: 'NoSuchCabooseKey', key } } }
  return { response: { kind: 'CabooseValue' }, data: new TextEncoder().encode(value) }
}

/** The highest version that is asked for and known. */
export function rotBootInfo(firmware: Firmware, version: number): RotBootInfo {
  if (version >= 3) return { kind: 'V3', state: rotV3(firmware) }
  if (version === 2) return { kind: 'V2', state: rotV2(firmware) }
  return { kind: 'V1', state: rotV1(firmware) }
}

/** Pages of the root of trust's configuration; the same for the same board, and otherwise without meaning here. */
export function rotPage(firmware: Firmware, request: Extract<MgsRequest, { kind: 'ReadRot' }>['request']): Uint8Array {
  const label = request.kind === 'ReadCmpa' ? 'cmpa' : `cfpa ${request.page}`
  const seed = sha256(new TextEncoder().encode(`${firmware.identity.serialNumber} ${label}`))
  const page = new Uint8Array(ROT_PAGE_BYTES)
  for (let at = 0; at < page.length; at++) page[at] = seed[at % seed.length]!
  return page
}

const SLOTS = ['A', 'B'] as const

function digests(firmware: Firmware): readonly [Uint8Array | undefined, Uint8Array | undefined] {
  const [a, b] = firmware.options.flash.rot.slots
  return [a === undefined ? undefined : sha256(a), b === undefined ? undefined : sha256(b)]
}

function rotV1(firmware: Firmware) {
  const [a, b] = digests(firmware)
  const version = { epoch: 0, version: 1 }
  return {
    active: SLOTS[firmware.options.flash.rot.active],
    slotA: a === undefined ? undefined : { digest: a, version },
    slotB: b === undefined ? undefined : { digest: b, version },
  }
}

function rotV2(firmware: Firmware) {
  const [a, b] = digests(firmware)
  const active = SLOTS[firmware.options.flash.rot.active]
  return {
    active,
    persistentBootPreference: active,
    pendingPersistentBootPreference: undefined,
    transientBootPreference: undefined,
    slotASha3256Digest: a,
    slotBSha3256Digest: b,
  }
}

function rotV3(firmware: Firmware) {
  const [a, b] = digests(firmware)
  const active = SLOTS[firmware.options.flash.rot.active]
  const fwid = (digest: Uint8Array | undefined) => ({ kind: 'Sha3_256', digest: digest ?? new Uint8Array(32) }) as const
  const status = (slot: 0 | 1) =>
    readImage(firmware.options.flash.rot.slots[slot]).ok
      ? ({ ok: true, value: null } as const)
      : ({ ok: false, error: 'FirstPageErased' } as const)
  return {
    active,
    persistentBootPreference: active,
    pendingPersistentBootPreference: undefined,
    transientBootPreference: undefined,
    slotAFwid: fwid(a),
    slotBFwid: fwid(b),
    stage0Fwid: fwid(a),
    stage0NextFwid: fwid(undefined),
    slotAStatus: status(0),
    slotBStatus: status(1),
    stage0Status: { ok: true, value: null } as const,
    stage0NextStatus: { ok: false, error: 'FirstPageErased' } as const,
  }
}
