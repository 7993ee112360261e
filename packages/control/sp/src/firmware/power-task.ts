/** The sequencer task: moves power as the machine says, through the sequencer's registers. */
import type { Timer } from '@lodestone/host'
import { Processor, Stage, type MainBlock, Target } from '../registers/sequencer.ts'
import {
  adoptPower,
  type Hardware,
  isSequencing,
  type PowerAction,
  type PowerEvent,
  type PowerFault,
  type PowerReason,
  type PowerStatus,
  stepPower,
} from './power-machine.ts'
import type { TaskContext } from './task-context.ts'

const SEQUENCER_MAGIC = 0x5e9a

export type PowerOutcome = 'changed' | 'unchanged' | PowerFault

export class PowerTask {
  status: PowerStatus
  readonly #context: TaskContext
  readonly #registers: MainBlock
  readonly #railNames: readonly string[]
  #waiting: ((outcome: PowerOutcome) => void)[] = []
  #wake: Timer | undefined

  /** Firmware that starts while the host runs leaves it alone. */
  constructor(context: TaskContext, registers: MainBlock, railNames: readonly string[]) {
    this.#context = context
    this.#registers = registers
    this.#railNames = railNames
    const nowMs = context.clock.nowMs()
    this.status = adoptPower(this.hardware(), nowMs)
    context.trace('sequencer', `start in ${this.status.state}`)
  }

  hardware(): Hardware {
    const registers = this.#registers
    if (registers.identity.read().magic !== SEQUENCER_MAGIC) {
      return { answers: false, stage: undefined, processor: undefined, brownOut: false }
    }
    return {
      answers: true,
      stage: STAGES[registers.status.read().stage ?? Stage.Idle],
      processor: PROCESSORS[registers.host.read().processor ?? Processor.Unknown],
      brownOut: !registers.standby.read().good,
    }
  }

  /** @param done is told once, when it is there or given up; at once when there is nothing to do. */
  request(target: 'A0' | 'A1' | 'A2', reason: PowerReason, done: (outcome: PowerOutcome) => void = () => {}): void {
    // A request for A2 during a sequence ends it; whoever waits for that is told so.
    this.#waiting.push(done)
    this.#context.trace('sequencer', `request ${target} (${reason})`)
    this.#step({ kind: 'request', target, reason })
  }

  get isSequencing(): boolean {
    return isSequencing(this.status.state)
  }

  /** The interrupt line is raised. */
  interrupt(): void {
    if (this.#registers.identity.read().magic === SEQUENCER_MAGIC) {
      const raised = this.#registers.events.read()
      if (raised.railLost) this.#reportRail()
      if (raised.brownOut) {
        const { supply } = this.#registers.standby.read()
        this.#context.report('sequencer', { k: 'power.supply.brown_out', millivolts: supply })
      }
      if (raised.thermTrip) this.#context.report('sequencer', { k: 'host.therm_trip' })
      if (raised.hostReset) this.#context.report('sequencer', { k: 'host.reset' })
      this.#registers.events.write(raised)
    }
    this.#step({ kind: 'look' })
  }

  /** The host's speed, for the thermal loop. */
  setThrottle(isThrottled: boolean): void {
    const { control } = this.#registers
    if (control.read().throttle !== isThrottled) control.update({ throttle: isThrottled })
  }

  /** What the host showed while it started, the last of it, the newest last. */
  postCodes(): readonly number[] {
    const registers = this.#registers
    if (registers.identity.read().magic !== SEQUENCER_MAGIC) return []
    const { count } = registers.postCount.read()
    const first = Math.max(0, count - registers.postCodesCount)
    return Array.from({ length: count - first }, (_, index) => {
      return registers.postCodes((first + index) % registers.postCodesCount).read().code
    })
  }

  sendNmi(): void {
    this.#registers.control.update({ nmi: true })
    this.#context.trace('sequencer', 'NMI to the host')
  }

  close(): void {
    this.#wake?.cancel()
  }

  #step(event: PowerEvent): void {
    const step = stepPower(this.status, event, this.hardware(), this.#context.clock.nowMs())
    this.status = step.status
    for (const action of step.actions) this.#act(action)
  }

  #act(action: PowerAction): void {
    const { clock } = this.#context
    switch (action.kind) {
      case 'target':
        this.#registers.control.update({
          target: Target[action.target],
          hotPlug: action.hotPlug,
          fans: action.fans,
          ...(action.target === 'A2' ? { throttle: false } : {}),
        })
        break
      case 'wake':
        this.#wake?.cancel()
        this.#wake = clock.after(action.atMs - clock.nowMs(), () => {
          if (this.#context.isRunning('sequencer')) this.#step({ kind: 'look' })
        })
        break
      case 'changed':
        this.#context.trace('sequencer', `${action.from} to ${action.to} (${action.reason})`)
        if (action.to === 'A0Thermtrip') this.#context.report('sequencer', { k: 'power.thermtrip' })
        break
      case 'done': {
        const { outcome } = action
        if (outcome !== 'changed' && outcome !== 'unchanged') {
          this.#context.trace('sequencer', `failed: ${outcome}`)
          this.#context.report('sequencer', { k: `power.fault.${outcome}` })
        }
        const waiting = this.#waiting
        this.#waiting = []
        for (const done of waiting) done(outcome)
        break
      }
    }
  }

  #reportRail(): void {
    const { rail } = this.#registers.status.read()
    this.#context.report('sequencer', { k: 'power.rail.lost', rail: this.#railNames[rail] ?? rail })
  }
}

const STAGES = {
  [Stage.Idle]: 'Idle',
  [Stage.RampA]: 'RampA',
  [Stage.GoodA]: 'GoodA',
  [Stage.RampB]: 'RampB',
  [Stage.RampC]: 'RampC',
  [Stage.Up]: 'Up',
  [Stage.UpHotPlug]: 'UpHotPlug',
  [Stage.ThermTrip]: 'ThermTrip',
  [Stage.HostReset]: 'HostReset',
  [Stage.Fault]: 'Fault',
} as const

const PROCESSORS = {
  [Processor.Absent]: 'Absent',
  [Processor.Known]: 'Known',
  [Processor.Unknown]: 'Unknown',
} as const
