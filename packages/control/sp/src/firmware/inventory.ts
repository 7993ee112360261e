/** What is on a board: the devices that the inventory lists, and the measurements of each. */
import type { BoardProfile } from '../device/board-profile.ts'
import { Component } from '../protocol/component.ts'
import { Capability, type Device, type Measurement } from '../protocol/tlv.ts'
import type { SensorRecord } from './sensor-task.ts'

/** The identity memories, in the order of their registers. */
export const VPD_DEVICES = ['vpd', 'fan-vpd'] as const

export function devicesOf(profile: BoardProfile, records: readonly SensorRecord[]): readonly Device[] {
  const present = 'Present'
  const own: Device[] = [
    device(Component.sp, 'stm32h753', 'service processor', Capability.updateable),
    device(Component.rot, 'lpc55s69', 'root of trust', Capability.updateable),
    device(Component.systemLed, 'led', 'system attention light', Capability.led),
    device('supply', 'adm1272', 'input supply', Capability.measurements | Capability.pmbus),
    ...VPD_DEVICES.slice(0, profile.vpdCount).map((name, index) =>
      device(name, 'at24csw080', index === 0 ? 'board identity' : 'fan tray identity', Capability.vpd),
    ),
  ]
  if (profile.fanCount > 0) {
    own.splice(3, 0, device(Component.fanControl, 'max31790', 'fan controller', Capability.measurements))
  }
  if (profile.kind === 'sled') {
    own.push(device(Component.hostCpu, 'sp3', 'host processor console', Capability.serialConsole))
    own.push(device(Component.postCodes, 'fpga', 'codes of the host while it starts', 0))
    own.push(device(Component.hostBootFlash, 'mt25qu256', 'host boot flash', Capability.updateable))
  } else if (profile.kind === 'switch') {
    own.push(device(Component.monorail, 'vsc7448-mgmt', 'management network switch', 0))
  }
  return [...own, ...records.filter(isTemperature).map(temperature)]

  function device(component: string, name: string, description: string, capabilities: number): Device {
    return { component, device: name, description, capabilities, presence: present }
  }
}

export function measurementsOf(component: string, records: readonly SensorRecord[]): readonly Measurement[] {
  return records.filter((record) => record.spec.component === component).map(measurementOf)
}

function isTemperature({ spec }: SensorRecord): boolean {
  return spec.kind === 'Temperature' || spec.kind === 'CpuTctl'
}

function temperature(record: SensorRecord): Device {
  const error = record.isLastError ? record.lastError?.error : undefined
  return {
    component: record.spec.component,
    device: record.spec.kind === 'CpuTctl' ? 'sbtsi' : 'tmp117',
    description: `${record.spec.name} temperature`,
    capabilities: Capability.measurements,
    presence: error === undefined || error === 'DeviceOff' ? 'Present' : PRESENCE[error],
  }
}

const PRESENCE = {
  DeviceError: 'Error',
  DeviceNotPresent: 'NotPresent',
  DeviceUnavailable: 'Unavailable',
  DeviceTimeout: 'Timeout',
} as const

const ERRORS = {
  DeviceOff: 'DeviceOff',
  DeviceError: 'DeviceError',
  DeviceNotPresent: 'NotPresent',
  DeviceUnavailable: 'DeviceUnavailable',
  DeviceTimeout: 'DeviceTimeout',
} as const

function measurementOf({ spec, isLastError, lastError, lastData }: SensorRecord): Measurement {
  const head = { name: spec.name, kind: spec.kind }
  if (isLastError && lastError !== undefined) return { ...head, value: { ok: false, error: ERRORS[lastError.error] } }
  if (lastData === undefined) return { ...head, value: { ok: false, error: 'NoReading' } }
  return { ...head, value: { ok: true, value: lastData.value } }
}
