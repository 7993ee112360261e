/** What a service processor answers and asks, in the order of the wire's numbers. Protocol versions 2 to 25. */
import {
  bool,
  byteArray,
  type Codec,
  enumeration,
  f32,
  option,
  paddedText,
  result,
  struct,
  u16,
  u32,
  u64,
  u8,
  variants,
  type ValueOf,
} from './codec.ts'
import { component } from './component.ts'
import { rotError, spError, updateStatus } from './error.ts'
import { powerState, slotId, unlockChallenge } from './request.ts'

/** Nothing on the wire. */
const unit: Codec<null> = { write: () => {}, read: () => null }

export const receiverStatus = struct({ aligned: bool, locked: bool, polarityInverted: bool })

export const systemType = variants({ Gimlet: {}, Sidecar: {}, Psc: {}, Unknown: { id: u16 }, Cosmo: {} })

export const targetState = struct({
  systemType,
  powerState: enumeration(['Off', 'On', 'Aborted', 'PoweringOff', 'PoweringOn']),
  powerResetInProgress: bool,
  faults: struct({ powerA3: bool, powerA2: bool, sp: bool, rot: bool }),
  controller0Present: bool,
  controller1Present: bool,
  link0: receiverStatus,
  link1: receiverStatus,
})

export const ignitionState = struct({ receiver: receiverStatus, target: option(targetState) })
export type IgnitionState = ValueOf<typeof ignitionState>

const transceiverEvents = struct({
  encodingError: bool,
  decodingError: bool,
  orderedSetInvalid: bool,
  messageVersionInvalid: bool,
  messageTypeInvalid: bool,
  messageChecksumInvalid: bool,
})
export type TransceiverEvents = ValueOf<typeof transceiverEvents>

export const linkEvents = struct({
  controller: transceiverEvents,
  targetLink0: transceiverEvents,
  targetLink1: transceiverEvents,
})
export type LinkEvents = ValueOf<typeof linkEvents>

const imageVersion = struct({ epoch: u32, version: u32 })
const rotImage = struct({ digest: byteArray(32), version: imageVersion })
const rotStateV1 = struct({ active: slotId, slotA: option(rotImage), slotB: option(rotImage) })
const rotStateV2 = struct({
  active: slotId,
  persistentBootPreference: slotId,
  pendingPersistentBootPreference: option(slotId),
  transientBootPreference: option(slotId),
  slotASha3256Digest: option(byteArray(32)),
  slotBSha3256Digest: option(byteArray(32)),
})

const imageError = enumeration([
  ...['Unchecked', 'FirstPageErased', 'PartiallyProgrammed', 'InvalidLength', 'HeaderNotProgrammed'],
  ...['BootloaderTooSmall', 'BadMagic', 'HeaderImageSize', 'UnalignedLength', 'UnsupportedType'],
  ...['ResetVectorNotThumb2', 'ResetVector', 'Signature'],
])

const fwid = variants({ Sha3_256: { digest: byteArray(32) } })

const rotStateV3 = struct({
  active: slotId,
  persistentBootPreference: slotId,
  pendingPersistentBootPreference: option(slotId),
  transientBootPreference: option(slotId),
  slotAFwid: fwid,
  slotBFwid: fwid,
  stage0Fwid: fwid,
  stage0NextFwid: fwid,
  slotAStatus: result(unit, imageError),
  slotBStatus: result(unit, imageError),
  stage0Status: result(unit, imageError),
  stage0NextStatus: result(unit, imageError),
})

const rotBootInfo = variants({ V1: { state: rotStateV1 }, V2: { state: rotStateV2 }, V3: { state: rotStateV3 } })
export type RotBootInfo = ValueOf<typeof rotBootInfo>

/** What all versions of a state begin with. */
const identity = {
  archiveId: byteArray(8),
  serialNumber: paddedText(32),
  model: paddedText(32),
  revision: u32,
  baseMac: byteArray(6),
}

export const sensorDataMissing = enumeration([
  'DeviceOff',
  'DeviceError',
  'DeviceNotPresent',
  'DeviceUnavailable',
  'DeviceTimeout',
])
export type SensorDataMissing = ValueOf<typeof sensorDataMissing>

export const sensorResponse = variants({
  LastReading: { value: result(f32, sensorDataMissing), timestampMs: u64 },
  LastData: { value: f32, timestampMs: u64 },
  LastError: { error: sensorDataMissing, timestampMs: u64 },
  ErrorCount: { count: u32 },
})
export type SensorResponse = ValueOf<typeof sensorResponse>

const page = { offset: u32, total: u32 }

const dumpResponse = variants({
  TaskDumpCount: { count: u32 },
  TaskDumpReadStarted: { task: u16, timeMs: u64, compression: enumeration(['Lzss']) },
  TaskDumpRead: {
    segment: option(struct({ address: u32, compressedLength: u16, uncompressedLength: u16, sequence: u32 })),
  },
})

const componentActionResponse = variants({
  Ack: {},
  Monorail: { response: variants({ RequestChallenge: { challenge: unlockChallenge } }) },
  Apob: { response: enumeration(['Success', 'NotMuxedToSp', 'NotImplemented', 'InvalidState']) },
})

export const spResponse = variants({
  Discover: { port: enumeration(['One', 'Two'], 1) },
  IgnitionState: { state: ignitionState },
  BulkIgnitionState: page,
  IgnitionCommandAck: {},
  SpState: {
    ...identity,
    version: imageVersion,
    powerState,
    rot: result(rotStateV1, rotError),
  },
  SpUpdatePrepareAck: {},
  ComponentUpdatePrepareAck: {},
  UpdateChunkAck: {},
  UpdateStatus: { status: updateStatus },
  UpdateAbortAck: {},
  SerialConsoleAttachAck: {},
  SerialConsoleWriteAck: { furthestIngestedOffset: u64 },
  SerialConsoleDetachAck: {},
  PowerState: { state: powerState },
  PowerStateSet: {},
  ResetPrepareAck: {},
  Inventory: page,
  Error: { error: spError },
  StartupOptions: { options: u64 },
  SetStartupOptionsAck: {},
  ComponentDetails: page,
  IgnitionLinkEvents: { events: linkEvents },
  BulkIgnitionLinkEvents: page,
  ClearIgnitionLinkEventsAck: {},
  ComponentClearStatusAck: {},
  ComponentActiveSlot: { slot: u16 },
  ComponentSetActiveSlotAck: {},
  SerialConsoleBreakAck: {},
  SendHostNmiAck: {},
  SetIpccKeyLookupValueAck: {},
  ComponentSetAndPersistActiveSlotAck: {},
  CabooseValue: {},
  SerialConsoleKeepAliveAck: {},
  ResetComponentPrepareAck: {},
  ResetComponentTriggerAck: {},
  SwitchDefaultImageAck: {},
  ComponentActionAck: {},
  SpStateV2: { ...identity, powerState, rot: result(rotStateV2, rotError) },
  ReadSensor: { response: sensorResponse },
  CurrentTime: { timeMs: u64 },
  ReadRot: { response: enumeration(['Ok']) },
  VpdLockState: {},
  DisableComponentWatchdogAck: {},
  ComponentWatchdogSupportedAck: {},
  SpStateV3: { ...identity, powerState },
  RotBootInfo: { info: rotBootInfo },
  ComponentAction: { response: componentActionResponse },
  Dump: { response: dumpResponse },
  PowerStateUnchanged: {},
  ReadHostFlash: {},
  StartHostFlashHashAck: {},
  HostFlashHash: { hash: byteArray(32) },
  ComponentPersistentSlot: { slot: u16 },
})
export type SpResponse = ValueOf<typeof spResponse>

export const spRequest = variants({
  SerialConsole: { component, offset: u64 },
  HostPhase2Data: { hash: byteArray(32), offset: u64 },
})
export type SpRequest = ValueOf<typeof spRequest>

const lineStatus = enumeration(['Error', 'Down', 'Up'])
const speed = enumeration(['Speed100M', 'Speed1G', 'Speed10G'])
const packetCount = { multicast: u32, unicast: u32, broadcast: u32 }

/** Of one port of the management network's switch. */
export const portStatus = struct({
  port: u32,
  config: struct({
    mode: variants({ Sfi: {}, BaseKr: {}, Sgmii: { speed }, Qsgmii: { speed } }),
    device: enumeration(['Dev1g', 'Dev2g5', 'Dev10g']),
    deviceIndex: u8,
    serdes: enumeration(['Serdes1g', 'Serdes6g', 'Serdes10g']),
    serdesIndex: u8,
  }),
  link: lineStatus,
  phy: option(
    struct({
      type: enumeration(['Vsc8504', 'Vsc8522', 'Vsc8552', 'Vsc8562']),
      mac: lineStatus,
      media: lineStatus,
    }),
  ),
  counters: struct({
    rx: struct(packetCount),
    tx: struct(packetCount),
    linkDownSticky: bool,
    phyLinkDownSticky: bool,
  }),
})
export type PortStatus = ValueOf<typeof portStatus>

export const portStatusResult = result(
  portStatus,
  struct({ port: u32, code: variants({ Unconfigured: {}, Other: { code: u32 } }) }),
)

export const deviceDescription = struct({
  component,
  deviceLength: u32,
  descriptionLength: u32,
  capabilities: u32,
  presence: enumeration(['Present', 'NotPresent', 'Failed', 'Unavailable', 'Timeout', 'Error']),
})

export const measurementKind = enumeration([
  'Temperature',
  'Power',
  'Current',
  'Voltage',
  'InputCurrent',
  'InputVoltage',
  'Speed',
  'CpuTctl',
  'Pwm',
  'InputPower',
  'OutputEnergy',
  'InputEnergy',
])
export type MeasurementKind = ValueOf<typeof measurementKind>

export const measurement = struct({
  nameLength: u32,
  kind: measurementKind,
  value: result(
    f32,
    enumeration([
      'InvalidSensor',
      'NoReading',
      'NotPresent',
      'DeviceError',
      'DeviceUnavailable',
      'DeviceTimeout',
      'DeviceOff',
    ]),
  ),
})
