/**
 * The running image of a service processor: its tasks over the generated clients of the board's devices. One object is one
 * life, from boot to reset; what outlives it is in flash. Nothing here knows how a device is made.
 */
import { every, type Clock, type Random, type Timer } from '@lodestone/host'
import { Counters } from '@lodestone/probe'
import type { SyncPlatform } from '@lodestone/rsf'
import type { BoardProfile } from '../device/board-profile.ts'
import { fanControllerClient } from '../registers/fan-controller.ts'
import { ignitionClient } from '../registers/ignition.ts'
import { sensorsClient } from '../registers/sensors.ts'
import { sequencerClient } from '../registers/sequencer.ts'
import type { Slot } from './boot-flash.ts'
import { ConsoleTask, type HostUart } from './console-task.ts'
import { DumpStore } from './dump-store.ts'
import { EreportLog } from './ereport-log.ts'
import { IgnitionTask } from './ignition-task.ts'
import { readImage } from './image.ts'
import { reportedState } from './power-machine.ts'
import { PowerTask } from './power-task.ts'
import { RingBuffer } from './ring-buffer.ts'
import { SensorTask } from './sensor-task.ts'
import { Supervisor } from './supervisor.ts'
import { SWITCH_TASKS, type TaskContext, type TaskName, TASKS } from './task-context.ts'
import { ThermalTask } from './thermal-task.ts'
import { type SpFlash, UpdateTask } from './update-task.ts'

const TICK_MS = 1000

/** Buses to the board's devices. */
export interface BoardBuses {
  readonly sequencer: SyncPlatform
  readonly sensors: SyncPlatform
  readonly fans: SyncPlatform
  /** A switch has one. */
  readonly ignition: SyncPlatform | undefined
}

/** What the board's identity memory says. */
export interface Vpd {
  readonly serialNumber: string
  readonly model: string
  readonly revision: number
  /** Six bytes: the first of the board's addresses. */
  readonly baseMac: Uint8Array
}

export interface FirmwareOptions {
  readonly clock: Clock
  readonly random: Random
  readonly profile: BoardProfile
  readonly buses: BoardBuses
  readonly vpd: Vpd
  readonly flash: SpFlash
  readonly runningSlot: Slot
  readonly uart: HostUart | undefined
  /** Sends what the host prints. */
  readonly onPrint: (client: string, offset: bigint, bytes: Uint8Array) => void
  /** Asks for a reset of the whole service processor. */
  readonly onReset: () => void
}

const FIRMWARE_COUNTERS = ['requests', 'malformed', 'refused', 'ereport-requests', 'ticks', 'missed-ticks'] as const

export class Firmware {
  readonly options: FirmwareOptions
  readonly startedMs: number
  readonly supervisor: Supervisor
  readonly counters = new Counters(FIRMWARE_COUNTERS)
  readonly rings: ReadonlyMap<TaskName, RingBuffer>
  readonly ereports: EreportLog
  readonly dumps = new DumpStore()
  readonly power: PowerTask
  readonly sensors: SensorTask
  readonly thermal: ThermalTask
  readonly update: UpdateTask
  readonly console: ConsoleTask
  readonly ignition: IgnitionTask | undefined
  /** Options that the host is started with; the host asks for them. */
  startupOptions = 0n
  readonly ipccValues = new Map<number, Uint8Array>()
  led: 'on' | 'off' | 'blinking' = 'on'
  readonly #timers = new Set<Timer>()

  constructor(options: FirmwareOptions) {
    const { clock, random, profile, buses, vpd, flash } = options
    this.options = options
    this.startedMs = clock.nowMs()
    const tasks = profile.kind === 'switch' ? SWITCH_TASKS : TASKS
    this.supervisor = new Supervisor(tasks, this.startedMs)
    this.rings = new Map(tasks.map(({ name }) => [name, new RingBuffer()]))
    this.ereports = new EreportLog(restartId(random), {
      serial_number: vpd.serialNumber,
      part_number: vpd.model,
      revision: vpd.revision,
      board: profile.board,
      version: this.#version(flash, options.runningSlot),
    })
    const context = this.#context()
    this.power = new PowerTask(
      context,
      sequencerClient(buses.sequencer),
      profile.rails.map((rail) => rail.name),
    )
    const fans = fanControllerClient(buses.fans)
    this.sensors = new SensorTask(context, profile, sensorsClient(buses.sensors), fans)
    this.thermal = new ThermalTask(context, profile, fans, {
      setThrottle: (isThrottled) => this.power.setThrottle(isThrottled),
      powerDown: () => this.power.request('A2', 'Overheat'),
    })
    this.update = new UpdateTask(context, flash, profile.board, options.runningSlot)
    this.console = new ConsoleTask(clock, options.uart, options.onPrint)
    if (buses.ignition !== undefined) this.ignition = new IgnitionTask(context, ignitionClient(buses.ignition))
    context.trace('jefe', `start of slot ${options.runningSlot}`)
    this.#timers.add(every(clock, TICK_MS, () => this.tick()))
  }

  get uptimeMs(): number {
    return this.options.clock.nowMs() - this.startedMs
  }

  get powerState(): 'A0' | 'A1' | 'A2' {
    return reportedState(this.power.status.state)
  }

  /** The power-on that follows from power itself. */
  start(): void {
    if (this.power.status.state === 'A2') this.power.request('A0', 'InitialPowerOn')
  }

  interrupt(): void {
    if (this.supervisor.isRunning('sequencer')) this.power.interrupt()
  }

  tick(): void {
    if (!this.supervisor.isRunning('sensor')) return this.counters.add('missed-ticks')
    this.counters.add('ticks')
    const readings = this.sensors.look()
    const { state } = this.power.status
    if (this.supervisor.isRunning('thermal')) this.thermal.step(readings, state === 'A0' || state === 'A0PlusHP')
    if (this.console.dropIdle())
      this.rings.get('control_plane_agent')?.add(this.uptimeMs, 0, 'idle console client dropped')
  }

  /** A task faults: its memory is dumped, and the supervisor starts it again. */
  crash(name: TaskName, reason: string): boolean {
    const { clock } = this.options
    const task = this.supervisor.task(name)
    const restartMs = this.supervisor.fault(name, reason, clock.nowMs())
    if (task === undefined || restartMs === undefined) return false
    this.#trace('jefe', `${name} faulted: ${reason}`)
    this.dumps.add({
      task: this.supervisor.tasks.indexOf(task),
      taskName: name,
      atMs: Math.floor(this.uptimeMs),
      memory: this.#memoryOf(name),
    })
    this.#report('jefe', { k: 'task.faulted', task: name, reason, faults: task.faults })
    // What the task held in memory is gone.
    if (name === 'update_server') this.update.forget()
    if (name === 'control_plane_agent') this.console.detach()
    const timer = clock.after(restartMs - clock.nowMs(), () => {
      this.#timers.delete(timer)
      this.rings.get(name)?.clear()
      this.supervisor.restart(name, clock.nowMs())
      this.#trace(name, `restarted, generation ${task.generation}`)
      if (name === 'sequencer') this.power.interrupt()
    })
    this.#timers.add(timer)
    return true
  }

  report(task: TaskName, body: Parameters<TaskContext['report']>[1]): void {
    this.#report(task, body)
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel()
    this.power.close()
    this.console.close()
  }

  #context(): TaskContext {
    return {
      clock: this.options.clock,
      trace: (task, text) => this.#trace(task, text),
      report: (task, body) => this.#report(task, body),
      isRunning: (task) => this.supervisor.isRunning(task),
    }
  }

  #trace(task: TaskName, text: string): void {
    this.rings.get(task)?.add(this.uptimeMs, this.supervisor.task(task)?.generation ?? 0, text)
  }

  #report(task: TaskName, body: Parameters<TaskContext['report']>[1]): void {
    this.ereports.add(task, this.supervisor.task(task)?.generation ?? 0, this.uptimeMs, body)
  }

  /** What a debugger would find: the task's log and its state, as text. */
  #memoryOf(name: TaskName): Uint8Array {
    const entries = this.rings.get(name)?.entries ?? []
    const log = entries.map((each) => `${each.atMs.toFixed(3)} ${each.count}x ${each.text}`)
    return new TextEncoder().encode([`task ${name}`, JSON.stringify(this.supervisor.task(name)), ...log].join('\n'))
  }

  #version(flash: SpFlash, slot: Slot): string {
    const image = readImage(flash.sp.slots[slot])
    return image.ok ? (image.caboose.get('VERS') ?? '') : ''
  }
}

/** Not 0, which says that none is known. */
function restartId(random: Random): Uint8Array {
  const id = random.bytes(16)
  id[0] = (id[0] ?? 0) | 1
  return id
}
