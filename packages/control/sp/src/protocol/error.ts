/** What a service processor refuses, in the order of the wire's numbers. Protocol versions 2 to 25. */
import { bool, byteArray, enumeration, option, struct, u16, u32, variants, type ValueOf } from './codec.ts'
import { component, updateId } from './component.ts'

export const badRequestReason = variants({
  WrongVersion: { sp: u32, request: u32 },
  WrongDirection: {},
  UnexpectedTrailingData: {},
  DeserializationError: {},
})
export type BadRequestReason = ValueOf<typeof badRequestReason>

export const ignitionError = variants({
  FpgaError: {},
  InvalidPort: {},
  InvalidValue: {},
  NoTargetPresent: {},
  RequestInProgress: {},
  RequestDiscarded: {},
  Other: { code: u32 },
})

const sprotError = variants({
  InvalidCrc: {},
  FlowError: {},
  UnsupportedProtocol: {},
  BadMessageType: {},
  BadMessageLength: {},
  CannotAssertCSn: {},
  Timeout: {},
  Deserialization: {},
  RotIrqRemainsAsserted: {},
  UnexpectedResponse: {},
  BadUpdateStatus: {},
  TaskRestarted: {},
  Unknown: { code: u32 },
  Desynchronized: {},
})

const spiError = variants({
  BadTransferSize: {},
  TaskRestarted: {},
  NothingToRelease: {},
  BadDevice: {},
  Unknown: { code: u32 },
})

const sprocketsError = variants({ BadEncoding: {}, UnsupportedVersion: {}, Unknown: { code: u32 } })

export const updateError = variants({
  BadLength: {},
  UpdateInProgress: {},
  OutOfBounds: {},
  EccDoubleErr: {},
  EccSingleErr: {},
  SecureErr: {},
  ReadProtErr: {},
  WriteEraseErr: {},
  InconsistencyErr: {},
  StrobeErr: {},
  ProgSeqErr: {},
  WriteProtErr: {},
  BadImageType: {},
  UpdateAlreadyFinished: {},
  UpdateNotStarted: {},
  RunningImage: {},
  FlashError: {},
  FlashIllegalRead: {},
  FlashReadFail: {},
  MissingHeaderBlock: {},
  InvalidHeaderBlock: {},
  ImageBoardMismatch: {},
  ImageBoardUnknown: {},
  TaskRestarted: {},
  NotImplemented: {},
  Unknown: { code: u32 },
  MissingHandoffData: {},
  BlockOutOfOrder: {},
  InvalidComponent: {},
  InvalidSlotIdForOperation: {},
  InvalidArchive: {},
  ImageMismatch: {},
  SignatureNotValidated: {},
  VersionNotSupported: {},
  InvalidPreferredSlotId: {},
})

const watchdogError = variants({
  NoCompletedUpdate: {},
  Rot: { error: variants({ DongleDetected: {}, Other: { code: u32 } }) },
})

export const rotError = variants({
  MessageError: { code: u32 },
  Sprot: { error: sprotError },
  Spi: { error: spiError },
  Sprockets: { error: sprocketsError },
  Update: { error: updateError },
  Watchdog: { error: watchdogError },
})

export const updateStatus = variants({
  None: {},
  Preparing: { id: updateId, progress: option(struct({ current: u32, total: u32 })) },
  SpUpdateAuxFlashChckScan: { id: updateId, foundMatch: bool, totalSize: u32 },
  InProgress: { id: updateId, bytesReceived: u32, totalSize: u32 },
  Complete: { id: updateId },
  Aborted: { id: updateId },
  Failed: { id: updateId, code: u32 },
  RotError: { id: updateId, error: rotError },
})
export type UpdateStatus = ValueOf<typeof updateStatus>

const vpdError = enumeration([
  ...['InvalidDevice', 'NotPresent', 'DeviceError', 'Unavailable', 'DeviceTimeout', 'DeviceOff', 'BadAddress'],
  ...['BadBuffer', 'BadRead', 'BadWrite', 'BadLock', 'NotImplemented', 'IsLocked', 'PartiallyLocked', 'AlreadyLocked'],
  'TaskRestarted',
])

const monorailError = enumeration([
  ...['UnlockAuthFailed', 'UnlockFailed', 'LockFailed', 'ManagementNetworkLocked', 'InvalidVLAN'],
  ...['GetChallengeFailed', 'TimeIsTooLong', 'ChallengeExpired', 'AlreadyTrusted'],
])

export const dumpError = enumeration([
  'BadArea',
  'BadIndex',
  'NoDumpTaskHeader',
  'CorruptTaskHeader',
  'BadKey',
  'ReadFailed',
  'NoLongerValid',
  'SegmentTooLong',
  'BadSequenceNumber',
])

export const hostFlashError = enumeration([
  'NotMuxedToSp',
  'BadAddress',
  'QspiTimeout',
  'QspiTransferError',
  'HashUncalculated',
  'RecalculateHash',
  'HashInProgress',
])

export const spError = variants({
  Busy: {},
  BadRequest: { reason: badRequestReason },
  RequestUnsupportedForSp: {},
  RequestUnsupportedForComponent: {},
  Ignition: { error: ignitionError },
  SerialConsoleNotAttached: {},
  SerialConsoleAlreadyAttached: {},
  OtherComponentUpdateInProgress: { component },
  UpdateNotPrepared: {},
  InvalidUpdateId: { id: updateId },
  UpdateInProgress: { status: updateStatus },
  InvalidUpdateChunk: {},
  UpdateFailed: { code: u32 },
  UpdateSlotBusy: {},
  PowerStateError: { code: u32 },
  ResetTriggerWithoutPrepare: {},
  InvalidSlotForComponent: {},
  ComponentOperationFailed: { code: u32 },
  UpdateIsTooLarge: {},
  SetIpccKeyLookupValueFailed: { error: variants({ InvalidKey: {}, ValueTooLong: { maxLength: u16 } }) },
  NoCaboose: {},
  NoSuchCabooseKey: { key: byteArray(4) },
  CabooseValueOverflow: { length: u32 },
  CabooseReadError: {},
  BadCabooseChecksum: {},
  ImageBoardUnknown: {},
  ImageBoardMismatch: {},
  ResetComponentTriggerWithoutPrepare: {},
  SwitchDefaultImageError: { code: u32 },
  Sprot: { error: sprotError },
  Spi: { error: spiError },
  Sprockets: { error: sprocketsError },
  Update: { error: updateError },
  Sensor: { error: enumeration(['InvalidSensor', 'NoReading']) },
  Vpd: { error: vpdError },
  Watchdog: { error: watchdogError },
  Monorail: { error: monorailError },
  Dump: { error: dumpError },
  Hf: { error: hostFlashError },
})
export type SpError = ValueOf<typeof spError>

/** A sentence for people. */
export function spErrorText(error: SpError): string {
  return describe(error)
}

function describe(value: unknown): string {
  if (typeof value === 'string') return words(value)
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  if (typeof value !== 'object' || value === null) return String(value)
  const { kind, ...fields } = value as Readonly<Record<string, unknown>>
  const details = Object.entries(fields).map(([name, each]) =>
    typeof each === 'number' ? `${name} ${each}` : describe(each),
  )
  const head = typeof kind === 'string' ? [words(kind)] : []
  return [...head, ...details].join(': ')
}

/** `NoTargetPresent` to `no target present`. */
function words(name: string): string {
  return name
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    .replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase())
}
