/** The wire format, byte for byte: the vectors are those of the protocol's own versions 2 to 25. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Codec, decode, encode } from './codec.ts'
import { spError, type SpError } from './error.ts'
import { CURRENT_VERSION, decodeDatagram, encodeDatagram, MAX_DATAGRAM_BYTES, type Message } from './message.ts'
import { mgsRequest, type MgsRequest, mgsResponse, type MgsResponse } from './request.ts'
import { measurementKind, spRequest, type SpRequest, spResponse, type SpResponse, systemType } from './response.ts'

const SP = [0x73, 0x70, ...Array.from({ length: 14 }, () => 0)]
const ROT = [114, 111, 116, ...Array.from({ length: 13 }, () => 0)]
const ID = Uint8Array.from({ length: 16 }, (_, index) => index + 1)
const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index)
const check = Uint8Array.from(range(101, 32))

/** Both ways, and refused at every length that is too short. */
function exactly<T>(codec: Codec<T>, value: T, bytes: readonly number[]): void {
  assert.deepEqual([...encode(codec, value)], bytes)
  const decoded = decode(codec, Uint8Array.from(bytes))
  assert.ok(decoded.ok)
  assert.deepEqual(decoded.value, value)
  assert.equal(decoded.rest.length, 0)
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decode(codec, Uint8Array.from(bytes.slice(0, length))).ok, false)
  }
}

test('messages begin with version, number and kind', () => {
  const vectors: readonly (readonly [Message, readonly number[]])[] = [
    [{ kind: 'MgsRequest', message: { kind: 'Discover' } }, [0, 0]],
    [
      {
        kind: 'MgsResponse',
        message: { kind: 'Error', error: { kind: 'BadRequest', reason: { kind: 'WrongDirection' } } },
      },
      [1, 0, 0, 1],
    ],
    [
      { kind: 'SpRequest', message: { kind: 'SerialConsole', component: 'a', offset: 0x0102_0304_0506_0708n } },
      [2, 0, 0x61, ...Array.from({ length: 15 }, () => 0), 8, 7, 6, 5, 4, 3, 2, 1],
    ],
    [{ kind: 'SpResponse', message: { kind: 'SpUpdatePrepareAck' } }, [3, 5]],
  ]
  for (const [body, bytes] of vectors) {
    const whole = [2, 0, 0, 0, 4, 3, 2, 1, ...bytes]
    assert.deepEqual([...encodeDatagram(0x01020304, body, undefined, 2).bytes], whole)
    const decoded = decodeDatagram(Uint8Array.from(whole))
    assert.ok(decoded.ok)
    assert.deepEqual(decoded.datagram, { version: 2, messageId: 0x01020304, body, data: new Uint8Array(0) })
  }
})

test('requests have their numbers and layouts', () => {
  const vectors: readonly (readonly [MgsRequest, readonly number[]])[] = [
    [{ kind: 'Discover' }, [0]],
    [{ kind: 'IgnitionState', target: 7 }, [1, 7]],
    [{ kind: 'BulkIgnitionState', offset: 0x01020304 }, [2, 4, 3, 2, 1]],
    [{ kind: 'IgnitionCommand', target: 7, command: { kind: 'PowerOn' } }, [3, 7, 0]],
    [{ kind: 'IgnitionCommand', target: 7, command: { kind: 'PowerReset' } }, [3, 7, 2]],
    [{ kind: 'IgnitionCommand', target: 7, command: { kind: 'AlwaysTransmit', enabled: true } }, [3, 7, 3, 1]],
    [{ kind: 'SpState' }, [4]],
    [{ kind: 'SerialConsoleAttach', component: 'sp' }, [5, ...SP]],
    [{ kind: 'SerialConsoleWrite', offset: 0x0102_0304_0506_0708n }, [6, 8, 7, 6, 5, 4, 3, 2, 1]],
    [{ kind: 'SerialConsoleDetach' }, [7]],
    [
      {
        kind: 'SpUpdatePrepare',
        id: ID,
        auxFlashSize: 0x0a0b0c0d,
        auxFlashCheck: check,
        spImageSize: 0xf0f1f2f3,
      },
      [8, ...ID, 0xd, 0xc, 0xb, 0xa, ...check, 0xf3, 0xf2, 0xf1, 0xf0],
    ],
    [
      { kind: 'ComponentUpdatePrepare', component: 'sp', id: ID, slot: 0x0102, totalSize: 0x03040506 },
      [9, ...SP, ...ID, 2, 1, 6, 5, 4, 3],
    ],
    [{ kind: 'UpdateChunk', component: 'sp', id: ID, offset: 0x03040506 }, [10, ...SP, ...ID, 6, 5, 4, 3]],
    [{ kind: 'UpdateStatus', component: 'sp' }, [11, ...SP]],
    [{ kind: 'UpdateAbort', component: 'sp', id: ID }, [12, ...SP, ...ID]],
    [{ kind: 'GetPowerState' }, [13]],
    [{ kind: 'SetPowerState', state: 'A0' }, [14, 0]],
    [{ kind: 'SetPowerState', state: 'A2' }, [14, 2]],
    [{ kind: 'ResetPrepare' }, [15]],
    [{ kind: 'ResetTrigger' }, [16]],
    [{ kind: 'Inventory', deviceIndex: 0x01020304 }, [17, 4, 3, 2, 1]],
    [{ kind: 'GetStartupOptions' }, [18]],
    [{ kind: 'SetStartupOptions', options: 0x153n }, [19, 0x53, 1, 0, 0, 0, 0, 0, 0]],
    [{ kind: 'ComponentDetails', component: 'sp', offset: 0x03040506 }, [20, ...SP, 6, 5, 4, 3]],
    [{ kind: 'IgnitionLinkEvents', target: 7 }, [21, 7]],
    [{ kind: 'BulkIgnitionLinkEvents', offset: 0x01020304 }, [22, 4, 3, 2, 1]],
    [{ kind: 'ClearIgnitionLinkEvents', target: undefined, transceiver: undefined }, [23, 0, 0]],
    [{ kind: 'ClearIgnitionLinkEvents', target: 9, transceiver: 'TargetLink1' }, [23, 1, 9, 1, 2]],
    [{ kind: 'ComponentClearStatus', component: 'sp' }, [24, ...SP]],
    [{ kind: 'ComponentGetActiveSlot', component: 'sp' }, [25, ...SP]],
    [{ kind: 'ComponentSetActiveSlot', component: 'sp', slot: 0x0102 }, [26, ...SP, 2, 1]],
    [{ kind: 'SerialConsoleBreak' }, [27]],
    [{ kind: 'SendHostNmi' }, [28]],
    [{ kind: 'SetIpccKeyLookupValue', key: 7 }, [29, 7]],
    [{ kind: 'ComponentSetAndPersistActiveSlot', component: 'sp', slot: 0x0102 }, [30, ...SP, 2, 1]],
    [{ kind: 'ReadCaboose', key: Uint8Array.of(1, 2, 3, 4) }, [31, 1, 2, 3, 4]],
    [{ kind: 'SerialConsoleKeepAlive' }, [32]],
    [{ kind: 'ResetComponentPrepare', component: 'sp' }, [33, ...SP]],
    [{ kind: 'ResetComponentTrigger', component: 'sp' }, [34, ...SP]],
    [{ kind: 'SwitchDefaultImage', component: 'rot', slot: 'A', duration: 'Forever' }, [35, ...ROT, 0, 1]],
    [{ kind: 'ReadSensor', request: 'LastError', id: 0x1234 }, [38, 2, 0x34, 0x12, 0, 0]],
    [{ kind: 'CurrentTime' }, [39]],
    [{ kind: 'ReadRot', request: { kind: 'ReadCmpa' } }, [40, 0]],
    [{ kind: 'ReadRot', request: { kind: 'ReadCfpa', page: 'Active' } }, [40, 1, 0]],
    [{ kind: 'ResetComponentTriggerWithWatchdog', component: 'sp', timeMs: 0x12345 }, [42, ...SP, 0x45, 0x23, 1, 0]],
    [{ kind: 'DisableComponentWatchdog', component: 'sp' }, [43, ...SP]],
    [{ kind: 'ComponentWatchdogSupported', component: 'sp' }, [44, ...SP]],
    [{ kind: 'VersionedRotBootInfo', version: 3 }, [45, 3]],
    [{ kind: 'Dump', request: { kind: 'TaskDumpCount' } }, [46, 0]],
    [
      { kind: 'Dump', request: { kind: 'TaskDumpReadStart', index: 0x1234, key: ID } },
      [46, 1, 0x34, 0x12, 0, 0, ...ID],
    ],
    [
      { kind: 'Dump', request: { kind: 'TaskDumpReadContinue', sequence: 0x12345678, key: ID } },
      [46, 2, 0x78, 0x56, 0x34, 0x12, ...ID],
    ],
    [{ kind: 'ComponentGetPersistentSlot', component: 'sp' }, [50, ...SP]],
    [{ kind: 'ComponentAction', component: 'sp', action: { kind: 'Apob', action: 'Clear' } }, [36, ...SP, 2, 0]],
  ]
  for (const [request, bytes] of vectors) exactly(mgsRequest, request, bytes)
})

test('the gateway’s answers have their numbers and layouts', () => {
  const hash = Uint8Array.from(range(1, 32))
  const vectors: readonly (readonly [MgsResponse, readonly number[]])[] = [
    [
      {
        kind: 'Error',
        error: { kind: 'BadRequest', reason: { kind: 'WrongVersion', sp: 0x01020304, request: 0x05060708 } },
      },
      [0, 0, 0, 4, 3, 2, 1, 8, 7, 6, 5],
    ],
    [{ kind: 'Error', error: { kind: 'BadRequest', reason: { kind: 'DeserializationError' } } }, [0, 0, 3]],
    [{ kind: 'Error', error: { kind: 'HostPhase2Unavailable', hash } }, [0, 1, ...hash]],
    [
      { kind: 'HostPhase2Data', hash, offset: 0xa0a1_a2a3_a4a5_a6a7n },
      [1, ...hash, 0xa7, 0xa6, 0xa5, 0xa4, 0xa3, 0xa2, 0xa1, 0xa0],
    ],
  ]
  for (const [response, bytes] of vectors) exactly(mgsResponse, response, bytes)
  const request: SpRequest = { kind: 'HostPhase2Data', hash, offset: 0xa0a1_a2a3_a4a5_a6a7n }
  exactly(spRequest, request, [1, ...hash, 0xa7, 0xa6, 0xa5, 0xa4, 0xa3, 0xa2, 0xa1, 0xa0])
})

const DARK = { aligned: false, locked: false, polarityInverted: false }

test('answers have their numbers and layouts', () => {
  const serial = Array.from({ length: 31 }, (_, index) => 0x41 + (index % 26))
  const identity = {
    archiveId: Uint8Array.from(range(1, 8)),
    serialNumber: String.fromCharCode(...serial),
    model: String.fromCharCode(...serial),
    revision: 0xf0f1f2f3,
    baseMac: Uint8Array.from(range(73, 6)),
  }
  const head = [...range(1, 8), ...serial, 0, ...serial, 0, 0xf3, 0xf2, 0xf1, 0xf0, ...range(73, 6)]
  const digest = (fill: number): { readonly kind: 'Sha3_256'; readonly digest: Uint8Array } => ({
    kind: 'Sha3_256',
    digest: new Uint8Array(32).fill(fill),
  })
  const vectors: readonly (readonly [SpResponse, readonly number[]])[] = [
    [{ kind: 'Discover', port: 'One' }, [0, 1]],
    [{ kind: 'Discover', port: 'Two' }, [0, 2]],
    [
      {
        kind: 'IgnitionState',
        state: { receiver: { aligned: true, locked: true, polarityInverted: true }, target: undefined },
      },
      [1, 1, 1, 1, 0],
    ],
    [
      {
        kind: 'IgnitionState',
        state: {
          receiver: DARK,
          target: {
            systemType: { kind: 'Unknown', id: 0xa0a1 },
            powerState: 'PoweringOff',
            powerResetInProgress: true,
            faults: { powerA3: true, powerA2: false, sp: true, rot: true },
            controller0Present: false,
            controller1Present: true,
            link0: { aligned: true, locked: false, polarityInverted: false },
            link1: { aligned: false, locked: true, polarityInverted: true },
          },
        },
      },
      [1, 0, 0, 0, 1, 3, 0xa1, 0xa0, 3, 1, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1],
    ],
    [{ kind: 'BulkIgnitionState', offset: 0x01020304, total: 0x05060708 }, [2, 4, 3, 2, 1, 8, 7, 6, 5]],
    [{ kind: 'IgnitionCommandAck' }, [3]],
    [{ kind: 'PowerState', state: 'A1' }, [13, 1]],
    [{ kind: 'PowerStateSet' }, [14]],
    [{ kind: 'Error', error: { kind: 'Busy' } }, [17, 0]],
    [
      {
        kind: 'IgnitionLinkEvents',
        events: {
          controller: events(1, 0, 1, 0, 1, 0),
          targetLink0: events(1, 1, 1, 0, 0, 0),
          targetLink1: events(0, 1, 0, 1, 0, 1),
        },
      },
      [21, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 1],
    ],
    [{ kind: 'ComponentActiveSlot', slot: 0x0102 }, [25, 2, 1]],
    [{ kind: 'CabooseValue' }, [31]],
    [
      { kind: 'ReadSensor', response: { kind: 'LastReading', value: { ok: true, value: 1 }, timestampMs: 0x5566n } },
      [38, 0, 0, 0, 0, 0x80, 0x3f, 0x66, 0x55, 0, 0, 0, 0, 0, 0],
    ],
    [
      { kind: 'ReadSensor', response: { kind: 'LastData', value: 1, timestampMs: 0x5566n } },
      [38, 1, 0, 0, 0x80, 0x3f, 0x66, 0x55, 0, 0, 0, 0, 0, 0],
    ],
    [
      { kind: 'ReadSensor', response: { kind: 'LastError', error: 'DeviceOff', timestampMs: 0x5566n } },
      [38, 2, 0, 0x66, 0x55, 0, 0, 0, 0, 0, 0],
    ],
    [{ kind: 'ReadSensor', response: { kind: 'ErrorCount', count: 0x12345678 } }, [38, 3, 0x78, 0x56, 0x34, 0x12]],
    [{ kind: 'CurrentTime', timeMs: 0x1234n }, [39, 0x34, 0x12, 0, 0, 0, 0, 0, 0]],
    [{ kind: 'ReadRot', response: 'Ok' }, [40, 0]],
    [{ kind: 'DisableComponentWatchdogAck' }, [42]],
    [{ kind: 'ComponentWatchdogSupportedAck' }, [43]],
    [{ kind: 'SpStateV3', ...identity, powerState: 'A0' }, [44, ...head, 0]],
    [
      {
        kind: 'RotBootInfo',
        info: {
          kind: 'V3',
          state: {
            active: 'A',
            persistentBootPreference: 'A',
            pendingPersistentBootPreference: 'B',
            transientBootPreference: undefined,
            slotAFwid: digest(11),
            slotBFwid: digest(22),
            stage0Fwid: digest(33),
            stage0NextFwid: digest(44),
            slotAStatus: { ok: true, value: null },
            slotBStatus: { ok: false, error: 'Signature' },
            stage0Status: { ok: true, value: null },
            stage0NextStatus: { ok: false, error: 'FirstPageErased' },
          },
        },
      },
      [45, 2, 0, 0, 1, 1, 0, ...[11, 22, 33, 44].flatMap((fill) => [0, ...digest(fill).digest]), 0, 1, 12, 0, 1, 1],
    ],
    [{ kind: 'Dump', response: { kind: 'TaskDumpCount', count: 0x1122 } }, [47, 0, 0x22, 0x11, 0, 0]],
    [
      {
        kind: 'Dump',
        response: { kind: 'TaskDumpReadStarted', task: 0x1576, timeMs: 0xff12345678n, compression: 'Lzss' },
      },
      [47, 1, 0x76, 0x15, 0x78, 0x56, 0x34, 0x12, 0xff, 0, 0, 0, 0],
    ],
    [{ kind: 'PowerStateUnchanged' }, [48]],
    [{ kind: 'ComponentPersistentSlot', slot: 0x0102 }, [52, 2, 1]],
  ]
  for (const [response, bytes] of vectors) exactly(spResponse, response, bytes)
})

function events(a: number, b: number, c: number, d: number, e: number, f: number) {
  return {
    encodingError: a === 1,
    decodingError: b === 1,
    orderedSetInvalid: c === 1,
    messageVersionInvalid: d === 1,
    messageTypeInvalid: e === 1,
    messageChecksumInvalid: f === 1,
  }
}

test('errors have their numbers and layouts', () => {
  const vectors: readonly (readonly [SpError, readonly number[]])[] = [
    [
      { kind: 'BadRequest', reason: { kind: 'WrongVersion', sp: 0x01020304, request: 0x05060708 } },
      [1, 0, 4, 3, 2, 1, 8, 7, 6, 5],
    ],
    [{ kind: 'BadRequest', reason: { kind: 'UnexpectedTrailingData' } }, [1, 2]],
    [{ kind: 'RequestUnsupportedForComponent' }, [3]],
    [{ kind: 'Ignition', error: { kind: 'Other', code: 0x01020304 } }, [4, 6, 4, 3, 2, 1]],
    [{ kind: 'SerialConsoleAlreadyAttached' }, [6]],
    [{ kind: 'OtherComponentUpdateInProgress', component: 'sp' }, [7, ...SP]],
    [{ kind: 'InvalidUpdateId', id: ID }, [9, ...ID]],
    [{ kind: 'UpdateInProgress', status: { kind: 'None' } }, [10, 0]],
    [{ kind: 'PowerStateError', code: 0x01020304 }, [14, 4, 3, 2, 1]],
    [{ kind: 'SetIpccKeyLookupValueFailed', error: { kind: 'ValueTooLong', maxLength: 0x0304 } }, [19, 1, 4, 3]],
    [{ kind: 'NoSuchCabooseKey', key: Uint8Array.of(1, 2, 3, 4) }, [21, 1, 2, 3, 4]],
    [{ kind: 'ImageBoardMismatch' }, [26]],
    [{ kind: 'SwitchDefaultImageError', code: 0x04030201 }, [28, 1, 2, 3, 4]],
    [{ kind: 'Update', error: { kind: 'BlockOutOfOrder' } }, [32, 27]],
    [{ kind: 'Update', error: { kind: 'InvalidPreferredSlotId' } }, [32, 34]],
    [{ kind: 'Watchdog', error: { kind: 'Rot', error: { kind: 'Other', code: 123 } } }, [35, 1, 1, 123, 0, 0, 0]],
    [{ kind: 'Watchdog', error: { kind: 'NoCompletedUpdate' } }, [35, 0]],
  ]
  for (const [error, bytes] of vectors) exactly(spError, error, bytes)
  assert.deepEqual([...encode(measurementKind, 'InputEnergy')], [11])
  assert.deepEqual([...encode(systemType, { kind: 'Cosmo' })], [4])
})

test('data fills the datagram to 1024 bytes and no further', () => {
  const message: MgsRequest = { kind: 'UpdateChunk', component: 'sp', id: ID, offset: 0 }
  const { bytes, dataBytes } = encodeDatagram(1, { kind: 'MgsRequest', message }, new Uint8Array(2000).fill(7))
  assert.equal(bytes.length, MAX_DATAGRAM_BYTES)
  assert.equal(dataBytes, MAX_DATAGRAM_BYTES - 9 - 1 - 36)
  const decoded = decodeDatagram(bytes)
  assert.ok(decoded.ok)
  assert.equal(decoded.datagram.data.length, dataBytes)
  assert.ok(dataBytes >= 700)
})

test('what cannot be read says why, and to whom the answer goes', () => {
  const at = (bytes: readonly number[]) => decodeDatagram(Uint8Array.from(bytes))
  const header = (version: number): number[] => [version, 0, 0, 0, 9, 0, 0, 0]
  assert.deepEqual(at([1, 2]), {
    ok: false,
    problem: 'no-header',
    messageId: undefined,
    reason: { kind: 'DeserializationError' },
  })
  assert.deepEqual(at([...header(1), 0, 0]), {
    ok: false,
    problem: 'old-version',
    messageId: 9,
    reason: { kind: 'WrongVersion', sp: CURRENT_VERSION, request: 1 },
  })
  assert.deepEqual(at([...header(26), 0, 200]), {
    ok: false,
    problem: 'new-version',
    messageId: 9,
    reason: { kind: 'WrongVersion', sp: CURRENT_VERSION, request: 26 },
  })
  assert.ok(at([...header(26), 0, 0]).ok, 'a newer version is no reason when the message can be read')
  assert.deepEqual(at([...header(2), 0, 200]), {
    ok: false,
    problem: 'bad-variant',
    messageId: 9,
    reason: { kind: 'DeserializationError' },
  })
  assert.deepEqual(at([...header(2), 0, 0, 1]), {
    ok: false,
    problem: 'trailing-data',
    messageId: 9,
    reason: { kind: 'UnexpectedTrailingData' },
  })
})
