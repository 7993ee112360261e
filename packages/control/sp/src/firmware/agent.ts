/**
 * The control plane agent: answers the gateway's requests. Each request gives an answer at once, but for changes of power,
 * which are answered when they are done, and a reset, which is not answered at all (the next life refuses the repetition, and
 * that is the answer).
 */
import type { IgnitionState, LinkEvents, SpResponse } from '../protocol/response.ts'
import type { SpError } from '../protocol/error.ts'
import type { MgsRequest } from '../protocol/request.ts'
import { deviceTlv, encodeTlvs, ignitionTlv, linkEventsTlv, type Tlv } from '../protocol/tlv.ts'
import { Component } from '../protocol/component.ts'
import { confirm } from './boot-flash.ts'
import { componentDetails, readCaboose, rotBootInfo, rotPage, spState, vpdLockState } from './agent-answers.ts'
import type { Firmware } from './firmware.ts'
import { HostFlash } from './host-flash.ts'
import { devicesOf } from './inventory.ts'

/** Room for data behind the longest answer. */
const DATA_BYTES = 900
const MAX_IPCC_VALUE_BYTES = 128
const IPCC_KEYS: readonly number[] = [0, 1, 2]

/** Numbers that `PowerStateError` carries. */
export const POWER_ERROR = {
  A1Timeout: 1,
  A0Timeout: 2,
  A0TimeoutGroupC: 3,
  I2cFault: 4,
  CPUNotPresent: 5,
  UnrecognizedCPU: 6,
  IllegalTransition: 7,
  RailLost: 8,
  BrownOut: 9,
} as const

export interface RequestFrom {
  /** Who asks, as `address%port`. */
  readonly key: string
  /** The port of the service processor that it came by. */
  readonly port: 'One' | 'Two'
  readonly version: number
}

export type Answer = { readonly response: SpResponse; readonly data?: Uint8Array } | 'never' | 'later'

export class Agent {
  readonly #firmware: Firmware
  readonly #hostFlash: HostFlash
  #isResetPrepared = false
  #isRotResetPrepared = false

  constructor(firmware: Firmware) {
    this.#firmware = firmware
    this.#hostFlash = new HostFlash(firmware.options.clock, (slot) =>
      firmware.update.image(Component.hostBootFlash, slot),
    )
  }

  /** @param later is called once when the answer is `'later'`. */
  handle(request: MgsRequest, data: Uint8Array, from: RequestFrom, later: (answer: SpResponse) => void): Answer {
    const firmware = this.#firmware
    switch (request.kind) {
      case 'Discover':
        return { response: { kind: 'Discover', port: from.port } }
      case 'SpState':
        return { response: spState(firmware, from.version) }
      case 'GetPowerState':
        return { response: { kind: 'PowerState', state: firmware.powerState } }
      case 'SetPowerState':
        return this.#setPower(request.state, later)
      case 'SendHostNmi':
        firmware.power.sendNmi()
        return ack('SendHostNmiAck')
      case 'CurrentTime':
        return { response: { kind: 'CurrentTime', timeMs: BigInt(Math.floor(firmware.uptimeMs)) } }
      case 'GetStartupOptions':
        return { response: { kind: 'StartupOptions', options: firmware.startupOptions } }
      case 'SetStartupOptions':
        firmware.startupOptions = request.options
        return ack('SetStartupOptionsAck')
      case 'SetIpccKeyLookupValue':
        return this.#setIpcc(request.key, data)
      case 'Inventory': {
        const devices = devicesOf(firmware.options.profile, firmware.sensors.records)
        return page('Inventory', devices.map(deviceTlv), request.deviceIndex)
      }
      case 'ComponentDetails': {
        const details = componentDetails(firmware, request.component)
        if (details === undefined) return refuse({ kind: 'RequestUnsupportedForComponent' })
        return page('ComponentDetails', details, request.offset)
      }
      case 'ReadSensor':
        return this.#readSensor(request)
      case 'VpdLockState':
        return vpdLockState(firmware)
      case 'ComponentClearStatus':
        if (request.component !== Component.monorail || firmware.monorail === undefined) {
          return refuse({ kind: 'RequestUnsupportedForComponent' })
        }
        firmware.monorail.clearStatus()
        return ack('ComponentClearStatusAck')
      case 'ComponentAction':
        return this.#action(request)
      case 'Dump':
        return this.#dump(request.request)
      case 'ReadHostFlash':
      case 'StartHostFlashHash':
      case 'GetHostFlashHash':
        if (firmware.options.profile.kind !== 'sled') return refuse({ kind: 'RequestUnsupportedForSp' })
        return this.#hostFlash.handle(request)
      default:
        return this.#more(request, data, from)
    }
  }

  /** The rest, by subject. */
  #more(request: MgsRequest, data: Uint8Array, from: RequestFrom): Answer {
    switch (request.kind) {
      case 'IgnitionState':
      case 'BulkIgnitionState':
      case 'IgnitionCommand':
      case 'IgnitionLinkEvents':
      case 'BulkIgnitionLinkEvents':
      case 'ClearIgnitionLinkEvents':
        return this.#ignition(request)
      case 'SerialConsoleAttach':
      case 'SerialConsoleWrite':
      case 'SerialConsoleDetach':
      case 'SerialConsoleKeepAlive':
      case 'SerialConsoleBreak':
        return this.#console(request, data, from)
      case 'ResetPrepare':
        this.#isResetPrepared = true
        return ack('ResetPrepareAck')
      case 'ResetTrigger':
        if (!this.#isResetPrepared) return refuse({ kind: 'ResetTriggerWithoutPrepare' })
        return this.#reset(undefined)
      case 'ResetComponentPrepare':
      case 'ResetComponentTrigger':
      case 'ResetComponentTriggerWithWatchdog':
      case 'DisableComponentWatchdog':
      case 'ComponentWatchdogSupported':
        return this.#resetComponent(request)
      default:
        return this.#updates(request, data)
    }
  }

  #setPower(state: 'A0' | 'A1' | 'A2', later: (answer: SpResponse) => void): Answer {
    const { power, options } = this.#firmware
    // A shelf has no host.
    if (options.profile.kind === 'power') return refuse({ kind: 'RequestUnsupportedForSp' })
    if (power.isSequencing && state !== 'A2') return refuse({ kind: 'Busy' })
    let early: SpResponse | undefined
    let isLate = false
    power.request(state, 'ControlPlane', (outcome) => {
      const response: SpResponse =
        outcome === 'changed'
          ? { kind: 'PowerStateSet' }
          : outcome === 'unchanged'
            ? { kind: 'PowerStateUnchanged' }
            : { kind: 'Error', error: { kind: 'PowerStateError', code: POWER_ERROR[outcome] } }
      if (isLate) later(response)
      else early = response
    })
    isLate = true
    return early === undefined ? 'later' : { response: early }
  }

  #setIpcc(key: number, data: Uint8Array): Answer {
    if (this.#firmware.options.profile.kind !== 'sled') return refuse({ kind: 'RequestUnsupportedForSp' })
    if (!IPCC_KEYS.includes(key)) return refuse({ kind: 'SetIpccKeyLookupValueFailed', error: { kind: 'InvalidKey' } })
    if (data.length > MAX_IPCC_VALUE_BYTES) {
      const error = { kind: 'ValueTooLong', maxLength: MAX_IPCC_VALUE_BYTES } as const
      return refuse({ kind: 'SetIpccKeyLookupValueFailed', error })
    }
    this.#firmware.ipccValues.set(key, data)
    return ack('SetIpccKeyLookupValueAck')
  }

  #readSensor({ request, id }: Extract<MgsRequest, { kind: 'ReadSensor' }>): Answer {
    const record = this.#firmware.sensors.records[id]
    if (record === undefined) return refuse({ kind: 'Sensor', error: 'InvalidSensor' })
    const since = (atMs: number): bigint => BigInt(Math.max(0, Math.floor(atMs - this.#firmware.startedMs)))
    const { lastData, lastError, isLastError, errorCount } = record
    if (request === 'ErrorCount') return sensor({ kind: 'ErrorCount', count: errorCount })
    if (request === 'LastError' || (request === 'LastReading' && isLastError)) {
      if (lastError === undefined) return refuse({ kind: 'Sensor', error: 'NoReading' })
      const timestampMs = since(lastError.atMs)
      if (request === 'LastError') return sensor({ kind: 'LastError', error: lastError.error, timestampMs })
      return sensor({ kind: 'LastReading', value: { ok: false, error: lastError.error }, timestampMs })
    }
    if (lastData === undefined) return refuse({ kind: 'Sensor', error: 'NoReading' })
    const timestampMs = since(lastData.atMs)
    if (request === 'LastData') return sensor({ kind: 'LastData', value: lastData.value, timestampMs })
    return sensor({ kind: 'LastReading', value: { ok: true, value: lastData.value }, timestampMs })
  }

  #action({ component, action }: Extract<MgsRequest, { kind: 'ComponentAction' }>): Answer {
    if (component === Component.systemLed && action.kind === 'Led') {
      this.#firmware.led = ({ TurnOn: 'on', TurnOff: 'off', Blink: 'blinking' } as const)[action.action]
      return ack('ComponentActionAck')
    }
    const { monorail } = this.#firmware
    if (component !== Component.monorail || action.kind !== 'Monorail' || monorail === undefined) {
      return refuse({ kind: 'RequestUnsupportedForComponent' })
    }
    switch (action.action.kind) {
      case 'RequestChallenge': {
        const response = { kind: 'RequestChallenge', challenge: monorail.challenge() } as const
        return { response: { kind: 'ComponentAction', response: { kind: 'Monorail', response } } }
      }
      case 'Unlock': {
        const { challenge, response, timeS } = action.action
        const error = monorail.unlock(challenge, response, timeS)
        return error === undefined ? ack('ComponentActionAck') : refuse({ kind: 'Monorail', error })
      }
      case 'Lock':
        monorail.lock()
        return ack('ComponentActionAck')
    }
  }

  #dump(request: Extract<MgsRequest, { kind: 'Dump' }>['request']): Answer {
    const { dumps } = this.#firmware
    switch (request.kind) {
      case 'TaskDumpCount':
        return { response: { kind: 'Dump', response: { kind: 'TaskDumpCount', count: dumps.dumps.length } } }
      case 'TaskDumpReadStart': {
        const dump = dumps.start(request.index, request.key)
        if (dump === undefined) return refuse({ kind: 'Dump', error: 'BadIndex' })
        const { task, atMs } = dump
        const started = { kind: 'TaskDumpReadStarted', task, timeMs: BigInt(atMs), compression: 'Lzss' } as const
        return { response: { kind: 'Dump', response: started } }
      }
      case 'TaskDumpReadContinue': {
        const segment = dumps.continue(request.key, request.sequence)
        if (segment === 'BadKey' || segment === 'BadSequenceNumber') return refuse({ kind: 'Dump', error: segment })
        if (segment === 'end') {
          return { response: { kind: 'Dump', response: { kind: 'TaskDumpRead', segment: undefined } } }
        }
        const { address, uncompressedLength, sequence, data } = segment
        const head = { address, compressedLength: data.length, uncompressedLength, sequence }
        return { response: { kind: 'Dump', response: { kind: 'TaskDumpRead', segment: head } }, data }
      }
    }
  }

  #ignition(request: Extract<MgsRequest, { kind: `${string}Ignition${string}` }>): Answer {
    const { ignition, supervisor } = this.#firmware
    if (ignition === undefined) return refuse({ kind: 'RequestUnsupportedForSp' })
    if (!supervisor.isRunning('ignition')) return refuse({ kind: 'Ignition', error: { kind: 'FpgaError' } })
    switch (request.kind) {
      case 'IgnitionState': {
        const state = ignition.state(request.target)
        return state.ok ? { response: { kind: 'IgnitionState', state: state.value } } : refuse(state.error)
      }
      case 'BulkIgnitionState': {
        const states = all(ignition.portCount, (port) => ignition.state(port))
        if (!states.ok) return refuse(states.error)
        return page(
          'BulkIgnitionState',
          states.value.map((each: IgnitionState) => ignitionTlv(each)),
          request.offset,
        )
      }
      case 'IgnitionCommand': {
        const done = ignition.command(request.target, request.command)
        return done.ok ? ack('IgnitionCommandAck') : refuse(done.error)
      }
      case 'IgnitionLinkEvents': {
        const events = ignition.events(request.target)
        return events.ok ? { response: { kind: 'IgnitionLinkEvents', events: events.value } } : refuse(events.error)
      }
      case 'BulkIgnitionLinkEvents': {
        const events = all(ignition.portCount, (port) => ignition.events(port))
        if (!events.ok) return refuse(events.error)
        return page(
          'BulkIgnitionLinkEvents',
          events.value.map((each: LinkEvents) => linkEventsTlv(each)),
          request.offset,
        )
      }
      case 'ClearIgnitionLinkEvents': {
        const done = ignition.clearEvents(request.target, request.transceiver)
        return done.ok ? ack('ClearIgnitionLinkEventsAck') : refuse(done.error)
      }
    }
  }

  #console(
    request: Extract<MgsRequest, { kind: `SerialConsole${string}` }>,
    data: Uint8Array,
    from: RequestFrom,
  ): Answer {
    const { console } = this.#firmware
    if (!console.isThere) return refuse({ kind: 'RequestUnsupportedForSp' })
    switch (request.kind) {
      case 'SerialConsoleAttach': {
        if (request.component !== Component.hostCpu) return refuse({ kind: 'RequestUnsupportedForComponent' })
        if (console.attach(from.key) !== undefined) return refuse({ kind: 'SerialConsoleAlreadyAttached' })
        this.#firmware.trace('control_plane_agent', `console attached by port ${from.port}`)
        return ack('SerialConsoleAttachAck')
      }
      case 'SerialConsoleWrite': {
        const taken = console.type(from.key, request.offset, data)
        if (typeof taken !== 'bigint') return refuse({ kind: 'SerialConsoleNotAttached' })
        return { response: { kind: 'SerialConsoleWriteAck', furthestIngestedOffset: taken } }
      }
      case 'SerialConsoleDetach':
        console.detach()
        return ack('SerialConsoleDetachAck')
      case 'SerialConsoleKeepAlive':
        return console.keepAlive(from.key) === undefined
          ? ack('SerialConsoleKeepAliveAck')
          : refuse({ kind: 'SerialConsoleNotAttached' })
      case 'SerialConsoleBreak':
        if (console.client !== from.key) return refuse({ kind: 'SerialConsoleNotAttached' })
        return ack('SerialConsoleBreakAck')
    }
  }

  #resetComponent(
    request: Extract<MgsRequest, { kind: `ResetComponent${string}` | `${string}ComponentWatchdog${string}` }>,
  ): Answer {
    const { component } = request
    if (component !== Component.sp && component !== Component.rot) {
      return refuse({ kind: 'RequestUnsupportedForComponent' })
    }
    const { update, options } = this.#firmware
    switch (request.kind) {
      case 'ResetComponentPrepare':
        if (component === Component.sp) this.#isResetPrepared = true
        else this.#isRotResetPrepared = true
        return ack('ResetComponentPrepareAck')
      case 'ResetComponentTrigger':
        if (component === Component.rot) {
          if (!this.#isRotResetPrepared) return refuse({ kind: 'ResetComponentTriggerWithoutPrepare' })
          this.#isRotResetPrepared = false
          return ack('ResetComponentTriggerAck')
        }
        if (!this.#isResetPrepared) return refuse({ kind: 'ResetComponentTriggerWithoutPrepare' })
        return this.#reset(undefined)
      case 'ResetComponentTriggerWithWatchdog':
        if (component === Component.rot) return refuse({ kind: 'RequestUnsupportedForComponent' })
        if (!this.#isResetPrepared) return refuse({ kind: 'ResetComponentTriggerWithoutPrepare' })
        if (!update.hasCompletedUpdate) return refuse({ kind: 'Watchdog', error: { kind: 'NoCompletedUpdate' } })
        return this.#reset(request.timeMs)
      case 'DisableComponentWatchdog':
        if (component === Component.sp) confirm(options.flash.sp)
        return ack('DisableComponentWatchdogAck')
      case 'ComponentWatchdogSupported':
        if (component === Component.rot) return refuse({ kind: 'RequestUnsupportedForComponent' })
        return ack('ComponentWatchdogSupportedAck')
    }
  }

  #reset(watchdogMs: number | undefined): Answer {
    this.#firmware.update.armForReset(watchdogMs)
    this.#firmware.options.onReset()
    return 'never'
  }

  #updates(request: MgsRequest, data: Uint8Array): Answer {
    const { update } = this.#firmware
    const done = (result: ReturnType<typeof update.abort>, kind: AckKind): Answer =>
      result.ok ? ack(kind) : refuse(result.error)
    switch (request.kind) {
      case 'SpUpdatePrepare':
        return done(update.prepare(Component.sp, request.id, 0, request.spImageSize), 'SpUpdatePrepareAck')
      case 'ComponentUpdatePrepare': {
        const { component, id, slot, totalSize } = request
        return done(update.prepare(component, id, slot, totalSize), 'ComponentUpdatePrepareAck')
      }
      case 'UpdateChunk':
        return done(update.chunk(request.component, request.id, request.offset, data), 'UpdateChunkAck')
      case 'UpdateStatus':
        if (!update.has(request.component)) return refuse({ kind: 'RequestUnsupportedForComponent' })
        return { response: { kind: 'UpdateStatus', status: update.status(request.component) } }
      case 'UpdateAbort':
        return done(update.abort(request.component, request.id), 'UpdateAbortAck')
      case 'ComponentGetActiveSlot':
      case 'ComponentGetPersistentSlot': {
        const slot = update.activeSlot(request.component)
        if (slot === undefined) return refuse({ kind: 'RequestUnsupportedForComponent' })
        const kind = request.kind === 'ComponentGetActiveSlot' ? 'ComponentActiveSlot' : 'ComponentPersistentSlot'
        return { response: { kind, slot } }
      }
      case 'ComponentSetActiveSlot':
        return done(update.setActiveSlot(request.component, request.slot), 'ComponentSetActiveSlotAck')
      case 'ComponentSetAndPersistActiveSlot':
        return done(update.setActiveSlot(request.component, request.slot), 'ComponentSetAndPersistActiveSlotAck')
      case 'SwitchDefaultImage': {
        if (request.component !== Component.rot) return refuse({ kind: 'RequestUnsupportedForComponent' })
        return done(update.setActiveSlot(request.component, request.slot === 'A' ? 0 : 1), 'SwitchDefaultImageAck')
      }
      case 'ReadCaboose':
        return readCaboose(update.image(Component.sp, 0), request.key)
      case 'ReadComponentCaboose': {
        const { component, slot, key } = request
        if (component !== Component.sp && component !== Component.rot) {
          return refuse({ kind: 'RequestUnsupportedForComponent' })
        }
        if (slot > 1) return refuse({ kind: 'InvalidSlotForComponent' })
        return readCaboose(update.image(component, slot), key)
      }
      case 'ReadRot':
        return { response: { kind: 'ReadRot', response: 'Ok' }, data: rotPage(this.#firmware, request.request) }
      case 'VersionedRotBootInfo':
        return { response: { kind: 'RotBootInfo', info: rotBootInfo(this.#firmware, request.version) } }
      default:
        return refuse({ kind: 'RequestUnsupportedForSp' })
    }
  }
}

type AckKind = {
  [K in SpResponse['kind']]: Extract<SpResponse, { kind: K }> extends { readonly kind: K } & Record<never, never>
    ? keyof Extract<SpResponse, { kind: K }> extends 'kind'
      ? K
      : never
    : never
}[SpResponse['kind']]

function ack(kind: AckKind): Answer {
  // because these kinds have no fields
  return { response: { kind } as SpResponse }
}

function refuse(error: SpError): Answer {
  return { response: { kind: 'Error', error } }
}

function sensor(response: Extract<SpResponse, { kind: 'ReadSensor' }>['response']): Answer {
  return { response: { kind: 'ReadSensor', response } }
}

type PageKind = 'Inventory' | 'ComponentDetails' | 'BulkIgnitionState' | 'BulkIgnitionLinkEvents'

/** From item `offset` on, as many as fit. */
function page(kind: PageKind, items: readonly Tlv[], offset: number): Answer {
  const at = Math.min(offset, items.length)
  return { response: { kind, offset: at, total: items.length }, data: encodeTlvs(items.slice(at), DATA_BYTES).bytes }
}

type Each<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SpError }

function all<T>(count: number, get: (index: number) => Each<T>): Each<readonly T[]> {
  const values: T[] = []
  for (let index = 0; index < count; index++) {
    const each = get(index)
    if (!each.ok) return each
    values.push(each.value)
  }
  return { ok: true, value: values }
}
