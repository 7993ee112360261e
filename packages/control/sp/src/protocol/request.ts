/** What the management gateway asks, in the order of the wire's numbers. Protocol versions 2 to 25. */
import { bool, byteArray, enumeration, option, u16, u32, u64, u8, variants, type ValueOf } from './codec.ts'
import { component, updateId } from './component.ts'
import { badRequestReason } from './error.ts'

export const powerState = enumeration(['A0', 'A1', 'A2'])
export type PowerState = ValueOf<typeof powerState>

export const ignitionCommand = variants({
  PowerOn: {},
  PowerOff: {},
  PowerReset: {},
  AlwaysTransmit: { enabled: bool },
})
export type IgnitionCommand = ValueOf<typeof ignitionCommand>

export const transceiver = enumeration(['Controller', 'TargetLink0', 'TargetLink1'])
export type Transceiver = ValueOf<typeof transceiver>

export const unlockChallenge = variants({
  Trivial: { timestamp: u64 },
  EcdsaSha2Nistp256: { hardwareId: byteArray(32), softwareId: byteArray(4), time: byteArray(8), nonce: byteArray(32) },
})

export const unlockResponse = variants({
  Trivial: { timestamp: u64 },
  EcdsaSha2Nistp256: { key: byteArray(65), signerNonce: byteArray(8), signature: byteArray(64) },
})

const componentAction = variants({
  Led: { action: enumeration(['TurnOn', 'TurnOff', 'Blink']) },
  Monorail: {
    action: variants({
      RequestChallenge: {},
      Unlock: { challenge: unlockChallenge, response: unlockResponse, timeS: u32 },
      Lock: {},
    }),
  },
  Apob: { action: enumeration(['Clear']) },
})

export const sensorRequestKind = enumeration(['LastReading', 'LastData', 'LastError', 'ErrorCount'])

const dumpRequest = variants({
  TaskDumpCount: {},
  TaskDumpReadStart: { index: u32, key: byteArray(16) },
  TaskDumpReadContinue: { sequence: u32, key: byteArray(16) },
})

export const slotId = enumeration(['A', 'B'])

export const mgsRequest = variants({
  Discover: {},
  IgnitionState: { target: u8 },
  BulkIgnitionState: { offset: u32 },
  IgnitionCommand: { target: u8, command: ignitionCommand },
  SpState: {},
  SerialConsoleAttach: { component },
  SerialConsoleWrite: { offset: u64 },
  SerialConsoleDetach: {},
  SpUpdatePrepare: { id: updateId, auxFlashSize: u32, auxFlashCheck: byteArray(32), spImageSize: u32 },
  ComponentUpdatePrepare: { component, id: updateId, slot: u16, totalSize: u32 },
  UpdateChunk: { component, id: updateId, offset: u32 },
  UpdateStatus: { component },
  UpdateAbort: { component, id: updateId },
  GetPowerState: {},
  SetPowerState: { state: powerState },
  ResetPrepare: {},
  ResetTrigger: {},
  Inventory: { deviceIndex: u32 },
  GetStartupOptions: {},
  SetStartupOptions: { options: u64 },
  ComponentDetails: { component, offset: u32 },
  IgnitionLinkEvents: { target: u8 },
  BulkIgnitionLinkEvents: { offset: u32 },
  ClearIgnitionLinkEvents: { target: option(u8), transceiver: option(transceiver) },
  ComponentClearStatus: { component },
  ComponentGetActiveSlot: { component },
  ComponentSetActiveSlot: { component, slot: u16 },
  SerialConsoleBreak: {},
  SendHostNmi: {},
  SetIpccKeyLookupValue: { key: u8 },
  ComponentSetAndPersistActiveSlot: { component, slot: u16 },
  ReadCaboose: { key: byteArray(4) },
  SerialConsoleKeepAlive: {},
  ResetComponentPrepare: { component },
  ResetComponentTrigger: { component },
  SwitchDefaultImage: { component, slot: slotId, duration: enumeration(['Once', 'Forever']) },
  ComponentAction: { component, action: componentAction },
  ReadComponentCaboose: { component, slot: u16, key: byteArray(4) },
  ReadSensor: { request: sensorRequestKind, id: u32 },
  CurrentTime: {},
  ReadRot: { request: variants({ ReadCmpa: {}, ReadCfpa: { page: enumeration(['Active', 'Inactive', 'Scratch']) } }) },
  VpdLockState: {},
  ResetComponentTriggerWithWatchdog: { component, timeMs: u32 },
  DisableComponentWatchdog: { component },
  ComponentWatchdogSupported: { component },
  VersionedRotBootInfo: { version: u8 },
  Dump: { request: dumpRequest },
  ReadHostFlash: { slot: u16, address: u32 },
  StartHostFlashHash: { slot: u16 },
  GetHostFlashHash: { slot: u16 },
  ComponentGetPersistentSlot: { component },
})
export type MgsRequest = ValueOf<typeof mgsRequest>

/** Requests that carry data after the message; with others trailing data is an error. */
export function takesData(request: MgsRequest): boolean {
  return (
    request.kind === 'SerialConsoleWrite' || request.kind === 'UpdateChunk' || request.kind === 'SetIpccKeyLookupValue'
  )
}

export const mgsResponse = variants({
  Error: {
    error: variants({
      BadRequest: { reason: badRequestReason },
      HostPhase2Unavailable: { hash: byteArray(32) },
      HostPhase2ImageBadOffset: { hash: byteArray(32), offset: u64 },
    }),
  },
  HostPhase2Data: { hash: byteArray(32), offset: u64 },
})
export type MgsResponse = ValueOf<typeof mgsResponse>
