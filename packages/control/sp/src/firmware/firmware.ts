/**
 * The running image of a service processor: its tasks over the generated clients of the board's devices. One object is one
 * life, from boot to reset; what outlives it is in flash. Nothing here knows how a device is made.
 */
import { encodeTaskMemory } from '@lodestone/contract-sp'
import { every, type Clock, type Random, type Timer } from '@lodestone/host'
import { Counters } from '@lodestone/probe'
import type { SyncPlatform } from '@lodestone/rsf'
import type { BoardProfile } from '../device/board-profile.ts'
import { fanControllerClient } from '../registers/fan-controller.ts'
import { ignitionClient } from '../registers/ignition.ts'
import { sensorsClient } from '../registers/sensors.ts'
import { monorailClient } from '../registers/monorail.ts'
import { sequencerClient } from '../registers/sequencer.ts'
import { vpdClient } from '../registers/vpd.ts'
import type { Slot } from './boot-flash.ts'
import { ConsoleTask, type HostUart } from './console-task.ts'
import { DumpStore } from './dump-store.ts'
import { EreportLog } from './ereport-log.ts'
import { IgnitionTask } from './ignition-task.ts'
import { readImage } from './image.ts'
import { MonorailTask } from './monorail-task.ts'
import { reportedState } from './power-machine.ts'
import { PHASE2_RECOVERY_BOOT, Phase2Task } from './phase2-task.ts'
import { PowerTask } from './power-task.ts'
import { RingBuffer } from './ring-buffer.ts'
import { SensorTask } from './sensor-task.ts'
import { Supervisor } from './supervisor.ts'
import { SWITCH_TASKS, type TaskContext, type TaskName, TASKS } from './task-context.ts'
import { ThermalTask } from './thermal-task.ts'
import { type SpFlash, UpdateTask } from './update-task.ts'
import { type Vpd, VpdTask } from './vpd-task.ts'

const TICK_MS = 1000

/** Buses to the board's devices. */
export interface BoardBuses {
  readonly sequencer: SyncPlatform
  readonly sensors: SyncPlatform
  readonly fans: SyncPlatform
  readonly vpd: SyncPlatform
  /** A switch has one. */
  readonly ignition: SyncPlatform | undefined
  readonly monorail: SyncPlatform | undefined
}

/** Who a board is whose identity memory does not say. */
const UNKNOWN: Vpd = { serialNumber: '', model: '', revision: 0, baseMac: new Uint8Array(6) }

export interface FirmwareOptions {
  readonly clock: Clock
  readonly random: Random
  readonly profile: BoardProfile
  readonly buses: BoardBuses
  readonly flash: SpFlash
  readonly runningSlot: Slot
  readonly uart: HostUart | undefined
  /** Sends what the host prints. */
  readonly onPrint: (client: string, offset: bigint, bytes: Uint8Array) => void
  /** Asks a gateway for a part of the host's phase 2 image. @returns how many gateways there are. */
  readonly onPhase2: (attempt: number, messageId: number, hash: Uint8Array, offset: bigint) => number
  /** The host has got its phase 2 image whole. */
  readonly onHostImage: () => void
  /** Keys that open the technician's ports, 65 bytes each; none on a development board. */
  readonly unlockKeys: readonly Uint8Array[]
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
  readonly phase2: Phase2Task
  readonly vpd: VpdTask
  /** Read once, at the start. */
  readonly identity: Vpd
  readonly monorail: MonorailTask | undefined
  /** Options that the host is started with; the host asks for them. */
  startupOptions = 0n
  readonly ipccValues = new Map<number, Uint8Array>()
  led: 'on' | 'off' | 'blinking' = 'on'
  readonly #timers = new Set<Timer>()

  constructor(options: FirmwareOptions) {
    const { clock, random, profile, buses, flash } = options
    this.options = options
    this.startedMs = clock.nowMs()
    const tasks = profile.kind === 'switch' ? SWITCH_TASKS : TASKS
    this.supervisor = new Supervisor(tasks, this.startedMs)
    this.rings = new Map(tasks.map(({ name }) => [name, new RingBuffer()]))
    const context = this.#context()
    this.vpd = new VpdTask(context, vpdClient(buses.vpd), profile.vpdCount)
    this.identity = this.vpd.identity() ?? UNKNOWN
    const { serialNumber, model, revision } = this.identity
    this.ereports = new EreportLog(restartId(random), {
      serial_number: serialNumber,
      part_number: model,
      revision,
      board: profile.board,
      version: this.#version(flash, options.runningSlot),
    })
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
    this.phase2 = new Phase2Task(context, options.onPhase2, options.onHostImage)
    if (buses.monorail !== undefined) {
      const registers = monorailClient(buses.monorail)
      this.monorail = new MonorailTask({ context, registers, random, serialNumber, keys: options.unlockKeys })
    }
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
    if (this.options.profile.kind !== 'power' && this.power.status.state === 'A2')
      this.power.request('A0', 'InitialPowerOn')
  }

  /** The host's first stage is to wait for its phase 2 image. */
  get wantsPhase2(): boolean {
    return (this.startupOptions & PHASE2_RECOVERY_BOOT) !== 0n
  }

  /** The host has power. In recovery it asks for its phase 2 image over the line between it and the service processor. */
  hostStarted(): void {
    if (!this.wantsPhase2) return
    if (!this.supervisor.isRunning('host_sp_comms')) return this.phase2.refuse('no-service')
    const { hostBoot } = this.options.flash
    const image = readImage(hostBoot.slots[hostBoot.active])
    const hash = image.ok ? image.caboose.get('PH2H') : undefined
    if (hash === undefined || !/^[0-9a-f]{64}$/.test(hash)) {
      return this.phase2.refuse('unnamed')
    }
    this.phase2.begin(new Uint8Array(Buffer.from(hash, 'hex')))
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
    if (name === 'host_sp_comms') this.phase2.crashed()
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

  /** Adds to a task's ring buffer. */
  trace(task: TaskName, text: string): void {
    this.#trace(task, text)
  }

  report(task: TaskName, body: Parameters<TaskContext['report']>[1]): void {
    this.#report(task, body)
  }

  close(): void {
    for (const timer of this.#timers) timer.cancel()
    this.power.close()
    this.phase2.stop()
    this.monorail?.close()
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

  /** What a debugger would find: the kernel's table of tasks, the task's log, the counters. */
  #memoryOf(name: TaskName): Uint8Array {
    return encodeTaskMemory({
      task: name,
      tasks: this.supervisor.tasks,
      entries: this.rings.get(name)?.entries ?? [],
      counters: this.counters.snapshot(),
    })
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
