/**
 * Ignition: a target on every board, a controller in every switch, a wire between each two. A target is an FPGA of its own
 * on the board's input power: it needs neither the service processor nor standby power, and what it is told it does.
 */
import type { Clock, Timer } from '@lodestone/host'
import { bits } from '@lodestone/rsf'
import { ignitionSimulation, type MainSimulation, Request, SystemPower } from '../registers/ignition.ts'
import { FaultyBus } from './faulty-bus.ts'

/** Between the command and its end. */
const SWITCH_MS = 100
/** For how long a reset leaves a board without power. */
const RESET_MS = 1000

export interface TargetOptions {
  readonly clock: Clock
  readonly systemId: number
  /** Standby power is switched. */
  readonly onStandby: (isOn: boolean) => void
}

export class IgnitionTarget {
  readonly systemId: number
  power: SystemPower = SystemPower.Off
  isResetting = false
  /** The service processor does not answer; told by a wire from it. */
  isSpFaulted = false
  isRotFaulted = false
  /** Controllers that this target hears. */
  readonly hears: [boolean, boolean] = [false, false]
  readonly #options: TargetOptions
  #isPlugged = false
  #isStandbyFaulted = false
  #timer: Timer | undefined

  constructor(options: TargetOptions) {
    this.#options = options
    this.systemId = options.systemId
  }

  get isPlugged(): boolean {
    return this.#isPlugged
  }

  get isStandbyFaulted(): boolean {
    return this.#isStandbyFaulted
  }

  /** Input power. A board that gets it switches itself on, after a moment or at once. */
  setPlug(isIn: boolean, isAtOnce = false): void {
    if (isIn === this.#isPlugged) return
    this.#isPlugged = isIn
    this.#timer?.cancel()
    this.isResetting = false
    if (!isIn) this.#set(SystemPower.Off)
    else if (isAtOnce) this.#set(SystemPower.On)
    else this.#turnOn()
  }

  /** What went wrong with standby power; it stays off until it is switched on again. */
  abort(): void {
    if (!this.#isPlugged) return
    this.#timer?.cancel()
    this.#isStandbyFaulted = true
    this.#set(SystemPower.Aborted)
  }

  request(request: Request): void {
    if (!this.#isPlugged) return
    this.#timer?.cancel()
    this.isResetting = request === Request.Reset
    if (request === Request.On) this.#turnOn()
    else if (request === Request.Off) this.#turnOff(() => {})
    else if (request === Request.Reset) {
      this.#turnOff(() => {
        this.#timer = this.#options.clock.after(RESET_MS, () => {
          this.isResetting = false
          this.#turnOn()
        })
      })
    }
  }

  close(): void {
    this.#timer?.cancel()
  }

  #turnOn(): void {
    this.#isStandbyFaulted = false
    if (this.power === SystemPower.On) return
    this.#set(SystemPower.PoweringOn)
    this.#timer = this.#options.clock.after(SWITCH_MS, () => this.#set(SystemPower.On))
  }

  #turnOff(done: () => void): void {
    this.#set(SystemPower.PoweringOff)
    this.#timer = this.#options.clock.after(SWITCH_MS, () => {
      this.#set(SystemPower.Off)
      done()
    })
  }

  #set(power: SystemPower): void {
    const had = hasStandby(this.power)
    this.power = power
    const has = hasStandby(power)
    if (had !== has) this.#options.onStandby(has)
  }
}

/** A board on its way down still has power. */
function hasStandby(power: SystemPower): boolean {
  return power === SystemPower.On || power === SystemPower.PoweringOff
}

interface Wire {
  readonly target: IgnitionTarget
  isUp: boolean
}

export class IgnitionController {
  readonly bus: FaultyBus
  readonly #device: MainSimulation
  readonly #clock: Clock
  readonly #index: 0 | 1
  readonly #hasStandby: () => boolean
  readonly #wires = new Map<number, Wire>()

  /** @param index which of the rack's two switches it sits in. */
  constructor(clock: Clock, index: 0 | 1, hasStandby: () => boolean) {
    const { platform, device } = ignitionSimulation()
    this.#clock = clock
    this.#device = device
    this.#index = index
    this.#hasStandby = hasStandby
    this.bus = new FaultyBus(platform, hasStandby)
    for (let port = 0; port < device.portsCount; port++) {
      const registers = device.ports(port)
      registers.link.onRead(() => this.#showLink(port))
      registers.target.onRead(() => this.#showTarget(port))
      registers.command.onWrite(({ written, after }) => {
        if (written.send) this.#send(port, after.request)
      })
    }
  }

  connect(port: number, target: IgnitionTarget): void {
    this.#wires.set(port, { target, isUp: true })
    this.refresh()
  }

  disconnect(port: number): void {
    this.#wires.delete(port)
  }

  /** The switch gained or lost power: targets hear it or not. */
  refresh(): void {
    for (const wire of this.#wires.values()) wire.target.hears[this.#index] = this.#hasStandby() && wire.isUp
  }

  /** A wire that breaks leaves traces at both ends. */
  setWire(port: number, isUp: boolean): void {
    const wire = this.#wires.get(port)
    if (wire === undefined || wire.isUp === isUp) return
    wire.isUp = isUp
    if (!isUp) {
      this.#device.ports(port).events.update((events) => {
        events.controller = bits(6, events.controller | 0b000111)
        if (this.#index === 0) events.link0 = bits(6, events.link0 | 0b000011)
        else events.link1 = bits(6, events.link1 | 0b000011)
      })
    }
    this.refresh()
  }

  #answering(port: number): IgnitionTarget | undefined {
    const wire = this.#wires.get(port)
    return wire !== undefined && wire.isUp && wire.target.isPlugged ? wire.target : undefined
  }

  #send(port: number, request: Request): void {
    const { command } = this.#device.ports(port)
    const target = this.#answering(port)
    command.update((each) => {
      each.discarded = target === undefined
      each.busy = target !== undefined
    })
    if (target === undefined) return
    this.#clock.after(1, () => {
      command.update((each) => (each.busy = false))
      if (this.#hasStandby()) this.#answering(port)?.request(request)
    })
  }

  #showLink(port: number): void {
    const isHeard = this.#answering(port) !== undefined
    this.#device.ports(port).link.update((link) => {
      link.aligned = isHeard
      link.locked = isHeard
      link.present = isHeard
    })
  }

  #showTarget(port: number): void {
    const target = this.#answering(port)
    if (target === undefined) return
    const [hears0, hears1] = target.hears
    this.#device.ports(port).target.update((each) => {
      each.system = bits(8, target.systemId)
      each.power = target.power
      each.resetting = target.isResetting
      each.faultA3 = false
      each.faultA2 = target.isStandbyFaulted
      each.faultSp = target.isSpFaulted
      each.faultRot = target.isRotFaulted
      each.controller0 = hears0
      each.controller1 = hears1
      each.link0Aligned = hears0
      each.link0Locked = hears0
      each.link1Aligned = hears1
      each.link1Locked = hears1
    })
  }
}
