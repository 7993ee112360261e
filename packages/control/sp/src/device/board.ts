/**
 * A board as hardware: input power, ignition target, sequencer, sensors, fans, and the heat of what runs on it. It works
 * without firmware: fans run up when nobody feeds their watchdog, the processor slows down and ends its power by itself.
 *
 *   plug → ignition target → standby → service processor
 *                               └────→ sequencer → host
 */
import { type Clock, every, type Timer } from '@lodestone/host'
import { Request } from '../registers/ignition.ts'
import type { BoardProfile } from './board-profile.ts'
import { FanDevice } from './fan-device.ts'
import { IgnitionController, IgnitionTarget } from './ignition-device.ts'
import { ManagementSwitch } from './management-switch.ts'
import { SensorDevice } from './sensor-device.ts'
import { SequencerDevice, SUPPLY_MILLIVOLTS } from './sequencer-device.ts'
import { IDLE, type Load, ThermalPlant } from './thermal-plant.ts'
import { VpdDevice } from './vpd-device.ts'

const TICK_MS = 1000
export const ROOM_C = 24
/** The processor slows itself down this far above critical, and ends its power this far below damage. */
const SELF_THROTTLE_K = 2
const THERM_TRIP_BELOW_DAMAGE_K = 5

/** What the simulated host shows while it starts; real ones have codes of their own. */
export const PostCode = {
  reset: 0xea00_e100,
  memory: 0xea00_e200,
  loader: 0xea00_e300,
  waitsForImage: 0x1de0_0001,
  runs: 0x1de0_00ff,
} as const
const FIRST_STAGE = [PostCode.reset, PostCode.memory, PostCode.loader]

export interface BoardOptions {
  readonly clock: Clock
  readonly profile: BoardProfile
  /** Asked once a second. */
  readonly load?: () => Load
  /** For a switch: which of the two it is. */
  readonly ignitionIndex?: 0 | 1
}

export interface BoardListener {
  readonly onStandby?: (isOn: boolean) => void
  /** The host's processor gets or loses power. */
  readonly onHostPower?: (isOn: boolean) => void
  /** What the host is for begins, when its first stage has what it starts from; or its power is gone. */
  readonly onHostRunning?: (isRunning: boolean) => void
  readonly onInterrupt?: () => void
  readonly onThrottle?: (isThrottled: boolean) => void
}

export class Board {
  readonly profile: BoardProfile
  readonly plant: ThermalPlant
  readonly sequencer: SequencerDevice
  readonly sensors: SensorDevice
  readonly fans: FanDevice
  readonly ignitionTarget: IgnitionTarget
  readonly ignitionController: IgnitionController | undefined
  readonly vpd: VpdDevice
  /** A switch has the management network's. */
  readonly management: ManagementSwitch | undefined
  /** Of the air that comes in. */
  airC = ROOM_C
  /** Asked by the first stage of a host that starts, over the line between it and the service processor. */
  awaitsImage: () => boolean = () => false
  #isHostRunning = false
  readonly #clock: Clock
  readonly #load: () => Load
  readonly #listeners: BoardListener[] = []
  #timer: Timer | undefined
  #supplyMillivolts = SUPPLY_MILLIVOLTS
  #tickedMs: number

  constructor(options: BoardOptions) {
    const { clock, profile } = options
    this.#clock = clock
    this.#load = options.load ?? (() => IDLE)
    this.#tickedMs = clock.nowMs()
    this.profile = profile
    this.plant = new ThermalPlant(profile, this.airC)
    const hasStandby = (): boolean => this.hasStandby
    this.sensors = new SensorDevice(profile, hasStandby)
    this.fans = new FanDevice(profile, hasStandby)
    this.sequencer = new SequencerDevice({
      clock,
      profile,
      onHostPower: (isOn) => this.#hostPower(isOn),
      onInterrupt: () => this.#tell((each) => each.onInterrupt?.()),
      onThrottle: (isThrottled) => this.#tell((each) => each.onThrottle?.(isThrottled)),
    })
    this.ignitionTarget = new IgnitionTarget({
      clock,
      systemId: profile.systemId,
      onStandby: (isOn) => this.#setStandby(isOn),
    })
    this.vpd = new VpdDevice(profile.vpdCount, hasStandby)
    if (profile.kind === 'switch') this.management = new ManagementSwitch(hasStandby)
    if (options.ignitionIndex !== undefined) {
      this.ignitionController = new IgnitionController(clock, options.ignitionIndex, hasStandby)
    }
  }

  listen(listener: BoardListener): void {
    this.#listeners.push(listener)
  }

  get hasStandby(): boolean {
    return this.#timer !== undefined
  }

  get isHostOn(): boolean {
    return this.sequencer.isHostOn
  }

  /** It has power, and has what it starts from. */
  get isHostRunning(): boolean {
    return this.#isHostRunning
  }

  /** The image that the host waits for has come. */
  startHost(): void {
    if (this.isHostOn) this.#setHostRunning(true)
  }

  get isPlugged(): boolean {
    return this.ignitionTarget.isPlugged
  }

  setPlug(isIn: boolean): void {
    this.ignitionTarget.setPlug(isIn)
  }

  /** Switches standby power on by hand, as ignition would. */
  switchOn(): void {
    this.ignitionTarget.request(Request.On)
  }

  /** As if it had been on for a while: where an emulation begins. */
  startUp(): void {
    this.ignitionTarget.setPlug(true, true)
    // A power shelf has no host.
    if (this.profile.kind !== 'power') this.sequencer.startUp()
  }

  /** The power shelf's voltage at this board, millivolts. Far too little ends standby too. */
  setSupply(millivolts: number): void {
    this.#supplyMillivolts = millivolts
    if (millivolts < 36_000) this.ignitionTarget.abort()
    else this.sequencer.setSupply(millivolts)
  }

  /** Brings plant, sensors and fans to now; by itself once a second while there is standby power. */
  tick(): void {
    const nowMs = this.#clock.nowMs()
    const seconds = (nowMs - this.#tickedMs) / 1000
    this.#tickedMs = nowMs
    const { profile, plant, sequencer } = this
    const input = {
      load: this.#isHostRunning ? this.#load() : IDLE,
      isHostOn: this.isHostOn,
      isThrottled: sequencer.isThrottled,
      airC: this.airC,
      fanPermille: this.fans.drive(nowMs, sequencer.areFansPowered),
    }
    plant.advance(seconds, input)
    this.fans.measure(plant.rpm, sequencer.areFansPowered)
    this.sensors.sample(
      {
        temperaturesC: plant.temperaturesC,
        airC: this.airC,
        isHostOn: this.isHostOn,
        supplyMillivolts: this.#supplyMillivolts,
        watts: plant.watts(input),
      },
      nowMs,
    )
    const processor = profile.parts[profile.processor]!
    const celsius = plant.temperaturesC[profile.processor]!
    sequencer.setHot(celsius > processor.criticalC + SELF_THROTTLE_K)
    if (celsius > processor.damageC - THERM_TRIP_BELOW_DAMAGE_K) sequencer.thermTrip()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.sequencer.close()
    this.ignitionTarget.close()
  }

  #hostPower(isOn: boolean): void {
    this.#tell((each) => each.onHostPower?.(isOn))
    const waits = isOn && this.awaitsImage()
    if (isOn)
      for (const code of waits ? [...FIRST_STAGE, PostCode.waitsForImage] : FIRST_STAGE) this.sequencer.post(code)
    this.#setHostRunning(isOn && !waits)
  }

  #setHostRunning(isRunning: boolean): void {
    if (isRunning === this.#isHostRunning) return
    this.#isHostRunning = isRunning
    if (isRunning) this.sequencer.post(PostCode.runs)
    this.#tell((each) => each.onHostRunning?.(isRunning))
  }

  #setStandby(isOn: boolean): void {
    this.#timer?.cancel()
    this.#coolDown()
    this.#timer = isOn ? every(this.#clock, TICK_MS, () => this.tick()) : undefined
    if (isOn) {
      this.fans.reset(this.#clock.nowMs())
      this.management?.reset()
    }
    this.sequencer.setStandby(isOn)
    if (isOn) this.tick()
    this.ignitionController?.refresh()
    this.#tell((each) => each.onStandby?.(isOn))
  }

  /** What is off cools down; nobody looks, so one long step does. */
  #coolDown(): void {
    if (this.hasStandby) return
    const nowMs = this.#clock.nowMs()
    const input = { load: IDLE, isHostOn: false, isThrottled: false, airC: this.airC, fanPermille: [] }
    this.plant.advance(Math.min(3600, (nowMs - this.#tickedMs) / 1000), input)
    this.#tickedMs = nowMs
  }

  #tell(tell: (listener: BoardListener) => void): void {
    for (const listener of this.#listeners) tell(listener)
  }
}
