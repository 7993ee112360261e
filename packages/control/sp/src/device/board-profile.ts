/**
 * What kinds of boards there are: their rails, parts that get warm, fans, supplies. Figures are plausible for a 1 U sled
 * and a 2 U switch, chosen so that one fan of all keeps every part below critical at full load in air of up to 35 °C.
 */

/** A part that gets warm, and what the thermal loop must know of it. */
export interface ThermalPart {
  readonly name: string
  /** How its sensor is told about. */
  readonly sensor: 'Temperature' | 'CpuTctl'
  /** Watts while the host is off, while it is on and idle, and on top of that at full load. */
  readonly standbyW: number
  readonly idleW: number
  readonly busyW: number
  /** What makes it busy. */
  readonly load: 'processor' | 'network'
  /** Kelvin per watt with all air, and what is added as air gets less. */
  readonly resistance: number
  readonly airResistance: number
  /** Joules per kelvin. */
  readonly capacity: number
  /** Degrees Celsius: kept below, never to be reached, switch off at once, broken. */
  readonly targetC: number
  readonly criticalC: number
  readonly powerDownC: number
  readonly damageC: number
  /** How fast it can warm up at worst, kelvin per second. */
  readonly slewKPerS: number
}

export interface RailPart {
  readonly name: string
  readonly group: 'A' | 'B' | 'C'
  readonly millivolts: number
  readonly rampMs: number
}

export interface BoardProfile {
  readonly kind: 'sled' | 'switch' | 'power'
  readonly model: string
  /** What images for it carry as BORD. */
  readonly board: string
  readonly description: string
  /** How ignition knows it. */
  readonly systemId: number
  readonly rails: readonly RailPart[]
  readonly parts: readonly ThermalPart[]
  readonly fanCount: number
  /** Identity memories: the board's, and the fan tray's where there is one. */
  readonly vpdCount: 1 | 2
  /** The part whose overheating ends the host's power without firmware. */
  readonly processor: number
}

export const SLED: BoardProfile = {
  kind: 'sled',
  model: '913-0000019',
  board: 'gimlet-e',
  description: 'compute sled',
  systemId: 0x11,
  fanCount: 6,
  vpdCount: 2,
  processor: 0,
  rails: [
    { name: 'V12_SYS_A2', group: 'A', millivolts: 12_000, rampMs: 20 },
    { name: 'V5_SYS_A2', group: 'A', millivolts: 5_000, rampMs: 10 },
    { name: 'V3P3_SP3_VDD_33', group: 'B', millivolts: 3_300, rampMs: 15 },
    { name: 'VDD_MEM_ABCD', group: 'B', millivolts: 1_200, rampMs: 25 },
    { name: 'VDD_MEM_EFGH', group: 'B', millivolts: 1_200, rampMs: 25 },
    { name: 'VDD_VCORE', group: 'C', millivolts: 1_050, rampMs: 30 },
    { name: 'VDDCR_SOC', group: 'C', millivolts: 900, rampMs: 20 },
  ],
  parts: [
    {
      name: 'cpu',
      sensor: 'CpuTctl',
      standbyW: 0,
      idleW: 70,
      busyW: 155,
      load: 'processor',
      resistance: 0.1,
      airResistance: 0.025,
      capacity: 320,
      targetC: 80,
      criticalC: 95,
      powerDownC: 100,
      damageC: 115,
      slewKPerS: 1.5,
    },
    {
      name: 'nic',
      sensor: 'Temperature',
      standbyW: 0,
      idleW: 8,
      busyW: 17,
      load: 'network',
      resistance: 0.8,
      airResistance: 0.2,
      capacity: 60,
      targetC: 85,
      criticalC: 95,
      powerDownC: 105,
      damageC: 120,
      slewKPerS: 0.8,
    },
    {
      name: 'dimm-abcd',
      sensor: 'Temperature',
      standbyW: 0,
      idleW: 12,
      busyW: 20,
      load: 'processor',
      resistance: 0.4,
      airResistance: 0.1,
      capacity: 120,
      targetC: 70,
      criticalC: 80,
      powerDownC: 85,
      damageC: 95,
      slewKPerS: 0.5,
    },
    {
      name: 'dimm-efgh',
      sensor: 'Temperature',
      standbyW: 0,
      idleW: 12,
      busyW: 20,
      load: 'processor',
      resistance: 0.4,
      airResistance: 0.1,
      capacity: 120,
      targetC: 70,
      criticalC: 80,
      powerDownC: 85,
      damageC: 95,
      slewKPerS: 0.5,
    },
    {
      name: 'm2-a',
      sensor: 'Temperature',
      standbyW: 0,
      idleW: 3,
      busyW: 6,
      load: 'processor',
      resistance: 1.2,
      airResistance: 0.4,
      capacity: 40,
      targetC: 65,
      criticalC: 75,
      powerDownC: 82,
      damageC: 90,
      slewKPerS: 0.5,
    },
    {
      name: 'u2-n0',
      sensor: 'Temperature',
      standbyW: 0,
      idleW: 6,
      busyW: 12,
      load: 'processor',
      resistance: 0.6,
      airResistance: 0.2,
      capacity: 150,
      targetC: 60,
      criticalC: 70,
      powerDownC: 75,
      damageC: 90,
      slewKPerS: 0.5,
    },
  ],
}

export const SWITCH: BoardProfile = {
  kind: 'switch',
  model: '913-0000006',
  board: 'sidecar-d',
  description: 'rack switch',
  systemId: 0x12,
  fanCount: 8,
  vpdCount: 2,
  processor: 0,
  rails: [
    { name: 'V12P0_SYS', group: 'A', millivolts: 12_000, rampMs: 20 },
    { name: 'V5P0_SYS', group: 'A', millivolts: 5_000, rampMs: 10 },
    { name: 'VDD1P8_TF2', group: 'B', millivolts: 1_800, rampMs: 10 },
    { name: 'VDDT_TF2', group: 'B', millivolts: 1_500, rampMs: 10 },
    { name: 'VDDA_TF2', group: 'B', millivolts: 900, rampMs: 15 },
    { name: 'VDD_CORE_TF2', group: 'C', millivolts: 825, rampMs: 30 },
  ],
  parts: [
    {
      name: 'tofino',
      sensor: 'Temperature',
      standbyW: 0,
      idleW: 130,
      busyW: 120,
      load: 'network',
      resistance: 0.09,
      airResistance: 0.02,
      capacity: 400,
      targetC: 75,
      criticalC: 90,
      powerDownC: 100,
      damageC: 115,
      slewKPerS: 1.5,
    },
    {
      name: 'vsc7448',
      sensor: 'Temperature',
      standbyW: 3,
      idleW: 7,
      busyW: 6,
      load: 'network',
      resistance: 1,
      airResistance: 0.3,
      capacity: 60,
      targetC: 85,
      criticalC: 100,
      powerDownC: 110,
      damageC: 125,
      slewKPerS: 0.5,
    },
    {
      name: 'optics-front',
      sensor: 'Temperature',
      standbyW: 0,
      idleW: 20,
      busyW: 20,
      load: 'network',
      resistance: 0.3,
      airResistance: 0.06,
      capacity: 150,
      targetC: 60,
      criticalC: 70,
      powerDownC: 80,
      damageC: 90,
      slewKPerS: 0.5,
    },
  ],
}

/** A power shelf's controller: no host, no fans of its own (each rectifier has one inside), six rectifiers that get warm. */
export const POWER_SHELF: BoardProfile = {
  kind: 'power',
  model: '913-0000003',
  board: 'psc-c',
  description: 'power shelf controller',
  systemId: 0x13,
  fanCount: 0,
  vpdCount: 1,
  processor: 0,
  rails: [],
  parts: Array.from({ length: 6 }, (_, index) => ({
    name: `psu-${index}`,
    sensor: 'Temperature' as const,
    standbyW: 60,
    idleW: 0,
    busyW: 0,
    load: 'network' as const,
    resistance: 0.3,
    airResistance: 0.05,
    capacity: 600,
    targetC: 70,
    criticalC: 85,
    powerDownC: 95,
    damageC: 110,
    slewKPerS: 0.3,
  })),
}

export function profileOf(kind: BoardProfile['kind']): BoardProfile {
  return kind === 'sled' ? SLED : kind === 'switch' ? SWITCH : POWER_SHELF
}
