/** The ignition task of a switch: what the wires to the rack's boards say, and what is asked through them. */
import { type Events, type MainBlock, Request, SystemPower } from '../registers/ignition.ts'
import type { SpError } from '../protocol/error.ts'
import type { IgnitionCommand, Transceiver } from '../protocol/request.ts'
import type { IgnitionState, LinkEvents, TransceiverEvents } from '../protocol/response.ts'
import type { TaskContext } from './task-context.ts'

const MAGIC = 0x161
/** Written to a transceiver's events, clears them. */
const ALL_EVENTS = 0b111111

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SpError }

export class IgnitionTask {
  readonly #context: TaskContext
  readonly #registers: MainBlock

  constructor(context: TaskContext, registers: MainBlock) {
    this.#context = context
    this.#registers = registers
  }

  get portCount(): number {
    return this.#registers.portsCount
  }

  state(port: number): Outcome<IgnitionState> {
    const problem = this.#problem(port)
    if (problem !== undefined) return problem
    const { link, target } = this.#registers.ports(port)
    const { aligned, locked, inverted, present } = link.read()
    const receiver = { aligned, locked, polarityInverted: inverted }
    if (!present) return { ok: true, value: { receiver, target: undefined } }
    const each = target.read()
    return {
      ok: true,
      value: {
        receiver,
        target: {
          systemType: systemTypeOf(each.system),
          powerState: POWER[each.power ?? SystemPower.Off],
          powerResetInProgress: each.resetting,
          faults: { powerA3: each.faultA3, powerA2: each.faultA2, sp: each.faultSp, rot: each.faultRot },
          controller0Present: each.controller0,
          controller1Present: each.controller1,
          link0: { aligned: each.link0Aligned, locked: each.link0Locked, polarityInverted: false },
          link1: { aligned: each.link1Aligned, locked: each.link1Locked, polarityInverted: false },
        },
      },
    }
  }

  command(port: number, command: IgnitionCommand): Outcome<null> {
    const problem = this.#problem(port)
    if (problem !== undefined) return problem
    const registers = this.#registers.ports(port)
    if (command.kind === 'AlwaysTransmit') {
      registers.link.update({ alwaysTransmit: command.enabled })
      return { ok: true, value: null }
    }
    if (registers.command.read().busy) return failed({ kind: 'RequestInProgress' })
    if (!registers.link.read().present) return failed({ kind: 'NoTargetPresent' })
    this.#context.trace('ignition', `${command.kind} to port ${port}`)
    registers.command.set({ request: REQUESTS[command.kind], send: true })
    if (registers.command.read().discarded) return failed({ kind: 'RequestDiscarded' })
    return { ok: true, value: null }
  }

  events(port: number): Outcome<LinkEvents> {
    const problem = this.#problem(port)
    if (problem !== undefined) return problem
    const each: Events = this.#registers.ports(port).events.read()
    return {
      ok: true,
      value: {
        controller: eventsOf(each.controller),
        targetLink0: eventsOf(each.link0),
        targetLink1: eventsOf(each.link1),
      },
    }
  }

  /** Of one port or all, of one receiver or all. */
  clearEvents(port: number | undefined, transceiver: Transceiver | undefined): Outcome<null> {
    if (port !== undefined) {
      const problem = this.#problem(port)
      if (problem !== undefined) return problem
    }
    const ports = port === undefined ? Array.from({ length: this.portCount }, (_, each) => each) : [port]
    const isChosen = (each: Transceiver): boolean => transceiver === undefined || transceiver === each
    for (const each of ports) {
      this.#registers.ports(each).events.update({
        controller: isChosen('Controller') ? ALL_EVENTS : 0,
        link0: isChosen('TargetLink0') ? ALL_EVENTS : 0,
        link1: isChosen('TargetLink1') ? ALL_EVENTS : 0,
      })
    }
    return { ok: true, value: null }
  }

  #problem(port: number): Outcome<never> | undefined {
    if (this.#registers.identity.read().magic !== MAGIC) return failed({ kind: 'FpgaError' })
    if (port >= this.portCount) return failed({ kind: 'InvalidPort' })
    return undefined
  }
}

function failed(error: Extract<SpError, { kind: 'Ignition' }>['error']): Outcome<never> {
  return { ok: false, error: { kind: 'Ignition', error } }
}

const REQUESTS = { PowerOn: Request.On, PowerOff: Request.Off, PowerReset: Request.Reset } as const

const POWER = {
  [SystemPower.Off]: 'Off',
  [SystemPower.On]: 'On',
  [SystemPower.Aborted]: 'Aborted',
  [SystemPower.PoweringOff]: 'PoweringOff',
  [SystemPower.PoweringOn]: 'PoweringOn',
} as const

type SystemType = NonNullable<IgnitionState['target']>['systemType']

function systemTypeOf(id: number): SystemType {
  switch (id) {
    case 0x11:
      return { kind: 'Gimlet' }
    case 0x12:
      return { kind: 'Sidecar' }
    case 0x13:
      return { kind: 'Psc' }
    case 0x04:
      return { kind: 'Cosmo' }
    default:
      return { kind: 'Unknown', id }
  }
}

function eventsOf(mask: number): TransceiverEvents {
  return {
    encodingError: (mask & 1) !== 0,
    decodingError: (mask & 2) !== 0,
    orderedSetInvalid: (mask & 4) !== 0,
    messageVersionInvalid: (mask & 8) !== 0,
    messageTypeInvalid: (mask & 16) !== 0,
    messageChecksumInvalid: (mask & 32) !== 0,
  }
}
