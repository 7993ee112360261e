/**
 * The simulated power sequencer: rails that ramp in groups, one after the other, and what goes wrong with them. Time is the
 * host clock's; the service processor sees nothing but the registers and the interrupt line.
 *
 *   Idle ─A1→ RampA → GoodA ─A0→ RampB → RampC → Up ⇄ UpHotPlug
 *     ↑                                           │ overheated → ThermTrip, reset → HostReset
 *     └──────────── A2, from everywhere ──────────┘ a good rail falls, anywhere → Fault
 */
import type { Clock, Timer } from '@lodestone/host'
import { bits, type RegisterFile } from '@lodestone/rsf'
import {
  Group,
  type MainSimulation,
  Processor,
  RailState,
  sequencerSimulation,
  Stage,
  Target,
} from '../registers/sequencer.ts'
import type { BoardProfile } from './board-profile.ts'
import { FaultyBus } from './faulty-bus.ts'

const HOT_PLUG_MS = 20
export const SUPPLY_MILLIVOLTS = 54_500
const SUPPLY_GOOD_MILLIVOLTS = 48_000

export interface SequencerOptions {
  readonly clock: Clock
  readonly profile: BoardProfile
  /** The host's processor gets or loses power. */
  readonly onHostPower: (isOn: boolean) => void
  /** The interrupt line is raised. */
  readonly onInterrupt: () => void
  /** The host begins to run slowly, or at full speed again. */
  readonly onThrottle: (isThrottled: boolean) => void
}

export class SequencerDevice {
  readonly bus: FaultyBus
  readonly #options: SequencerOptions
  readonly #device: MainSimulation
  readonly #file: RegisterFile
  readonly #stuck = new Set<number>()
  #timer: Timer | undefined
  #hasStandby = false
  #isHostOn = false
  #supplyMillivolts = SUPPLY_MILLIVOLTS
  #processor: Processor = Processor.Known
  #isHot = false
  #wasThrottled = false

  constructor(options: SequencerOptions) {
    this.#options = options
    const { platform, device } = sequencerSimulation()
    this.#device = device
    this.#file = platform
    this.bus = new FaultyBus(platform, () => this.#hasStandby)
    device.control.onWrite(({ before, written }) => {
      if (written.nmi) device.host.update((host) => (host.nmis = bits(8, (host.nmis + 1) & 0xff)))
      if (written.target !== before.target || written.hotPlug !== before.hotPlug) this.#advance()
      this.#showHost()
      this.#showFans()
    })
  }

  get stage(): Stage | undefined {
    return this.#device.status.state.stage
  }

  get isHostOn(): boolean {
    return this.#isHostOn
  }

  get areFansPowered(): boolean {
    return this.#hasStandby && (this.#isHostOn || this.#device.control.state.fans)
  }

  /** The host runs slowly: firmware asked for it, or the processor itself does. */
  get isThrottled(): boolean {
    return this.#isHostOn && (this.#isHot || this.#device.control.state.throttle)
  }

  /** Standby power comes, with all registers as after a reset, or goes, with everything. */
  setStandby(isOn: boolean): void {
    if (isOn === this.#hasStandby) return
    this.#hasStandby = isOn
    this.#allOff()
    this.#file.reset()
    this.#profile()
    if (isOn) this.#showSupply()
  }

  /** As if it had come up long ago: where an emulation begins. */
  startUp(): void {
    this.#device.control.update((control) => {
      control.target = Target.A0
      control.hotPlug = true
    })
    this.#options.profile.rails.forEach((_, index) => this.#setRail(index, RailState.Good))
    this.#isHostOn = true
    this.#device.status.update((status) => {
      status.stage = Stage.UpHotPlug
      status.host = true
      status.fans = true
      status.starts = bits(16, 1)
    })
    this.#device.events.update((events) => (events.stage = false))
    this.#options.onHostPower(true)
  }

  /** A rail that never comes up, from its next ramp on; or that is well again. */
  setRailStuck(index: number, isStuck: boolean): void {
    if (isStuck) this.#stuck.add(index)
    else this.#stuck.delete(index)
  }

  /** A good rail falls. */
  loseRail(index: number): void {
    if (!this.#hasStandby || this.#device.rails(index).status.state.state !== RailState.Good) return
    this.#allOff()
    this.#setRail(index, RailState.Faulted)
    this.#device.status.update((status) => (status.rail = bits(4, index)))
    this.#enter(Stage.Fault)
    this.#raise((events) => (events.railLost = true))
  }

  /** The processor ends its power by overheating. */
  thermTrip(): void {
    if (!this.#isHostOn) return
    this.#allOff()
    this.#enter(Stage.ThermTrip)
    this.#raise((events) => (events.thermTrip = true))
  }

  /** The processor is reset behind the sequencer's back: nothing runs on it until it is switched off and on. */
  resetHost(): void {
    if (!this.#isHostOn) return
    this.#setHost(false)
    this.#enter(Stage.HostReset)
    this.#raise((events) => (events.hostReset = true))
  }

  /** The host shows how far it is. */
  post(code: number): void {
    const count = this.#device.postCount.state.count
    this.#device.postCodes(count % this.#device.postCodesCount).update((each) => (each.code = bits(32, code)))
    this.#device.postCount.update((each) => (each.count = bits(32, count + 1)))
  }

  setProcessor(processor: Processor): void {
    this.#processor = processor
    this.#showHost()
  }

  /** The processor slows itself down. */
  setHot(isHot: boolean): void {
    if (this.#isHot === isHot) return
    this.#isHot = isHot
    this.#showHost()
  }

  /** The supply sags below what rails need: everything falls, standby stays. */
  setSupply(millivolts: number): void {
    this.#supplyMillivolts = millivolts
    if (!this.#hasStandby) return
    this.#showSupply()
    if (millivolts >= SUPPLY_GOOD_MILLIVOLTS) return
    const wasUp = this.#device.status.state.stage !== Stage.Idle
    this.#allOff()
    if (wasUp) this.#enter(Stage.Fault)
    this.#raise((events) => (events.brownOut = true))
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** Goes on towards the target, or down at once. */
  #advance(): void {
    const { target, hotPlug } = this.#device.control.state
    const { stage } = this.#device.status.state
    if (target === Target.A2) {
      this.#allOff()
      if (stage !== Stage.Idle) this.#enter(Stage.Idle)
      return
    }
    if (this.#supplyMillivolts < SUPPLY_GOOD_MILLIVOLTS) return
    if (stage === Stage.Idle) this.#ramp('A', Stage.RampA, () => this.#reached(Stage.GoodA))
    else if (stage === Stage.GoodA && target === Target.A0) this.#reached(Stage.GoodA)
    else if ((stage === Stage.Up && hotPlug) || (stage === Stage.UpHotPlug && !hotPlug)) {
      this.#wait(HOT_PLUG_MS, () => this.#enter(hotPlug ? Stage.UpHotPlug : Stage.Up))
    }
  }

  #reached(stage: Stage): void {
    const { target } = this.#device.control.state
    if (stage === Stage.GoodA && target === Target.A0) {
      this.#ramp('B', Stage.RampB, () =>
        this.#ramp('C', Stage.RampC, () => {
          this.#setHost(true)
          this.#enter(Stage.Up)
          this.#advance()
        }),
      )
      return
    }
    this.#enter(stage)
  }

  #ramp(group: 'A' | 'B' | 'C', stage: Stage, done: () => void): void {
    this.#enter(stage)
    const members = this.#options.profile.rails.flatMap((rail, index) => (rail.group === group ? [index] : []))
    for (const index of members) this.#setRail(index, RailState.Ramping)
    const longest = Math.max(...members.map((index) => this.#options.profile.rails[index]!.rampMs))
    this.#wait(longest, () => {
      for (const index of members) if (!this.#stuck.has(index)) this.#setRail(index, RailState.Good)
      // A rail that never comes holds the sequence where it is: it is firmware that gives up.
      if (members.some((index) => this.#stuck.has(index))) return
      done()
    })
  }

  #wait(delayMs: number, done: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(delayMs, done)
  }

  #allOff(): void {
    this.#timer?.cancel()
    for (let index = 0; index < this.#options.profile.rails.length; index++) this.#setRail(index, RailState.Off)
    this.#setHost(false)
  }

  #setHost(isOn: boolean): void {
    if (this.#isHostOn === isOn) return
    this.#isHostOn = isOn
    if (isOn) this.#device.postCount.update((each) => (each.count = bits(32, 0)))
    this.#device.status.update((status) => {
      status.host = isOn
      if (isOn) status.starts = bits(16, (status.starts + 1) & 0xffff)
    })
    this.#showHost()
    this.#showFans()
    this.#options.onHostPower(isOn)
  }

  #enter(stage: Stage): void {
    this.#device.status.update((status) => (status.stage = stage))
    this.#raise((events) => (events.stage = true))
  }

  #raise(change: Parameters<MainSimulation['events']['update']>[0]): void {
    this.#device.events.update(change)
    this.#options.onInterrupt()
  }

  #setRail(index: number, state: RailState): void {
    const rail = this.#options.profile.rails[index]!
    const share = state === RailState.Good ? 1 : state === RailState.Ramping ? 0.4 : 0
    this.#device.rails(index).status.update((status) => {
      status.state = state
      status.millivolts = bits(14, Math.round(rail.millivolts * share))
      status.deciamperes = bits(14, state === RailState.Good ? 20 + index * 15 : 0)
    })
  }

  #showHost(): void {
    const { isThrottled } = this
    this.#device.host.update((host) => {
      host.processor = this.#processor
      host.throttled = isThrottled
    })
    if (isThrottled === this.#wasThrottled) return
    this.#wasThrottled = isThrottled
    this.#options.onThrottle(isThrottled)
  }

  #showFans(): void {
    this.#device.status.update((status) => (status.fans = this.areFansPowered))
  }

  #showSupply(): void {
    this.#device.standby.update((standby) => {
      standby.supply = bits(16, this.#supplyMillivolts)
      standby.good = this.#supplyMillivolts >= SUPPLY_GOOD_MILLIVOLTS
    })
  }

  /** What the registers say that never changes. */
  #profile(): void {
    const { rails } = this.#options.profile
    for (let index = 0; index < this.#device.railsCount; index++) {
      const rail = rails[index]
      this.#device.rails(index).profile.update((profile) => {
        profile.group = rail === undefined ? Group.None : Group[rail.group]
        profile.nominal = bits(14, rail?.millivolts ?? 0)
        profile.rampMs = bits(12, rail?.rampMs ?? 0)
      })
    }
    this.#showHost()
  }
}
