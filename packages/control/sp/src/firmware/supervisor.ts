/**
 * The supervisor: task 0, told of every fault, starts tasks again. Pure: who asks decides what time it is.
 * A task that ran for less than 50 ms waits for the rest of it, so that a crash loop does not take the processor.
 */

const RESTART_DELAY_MS = 5
const MIN_RUN_MS = 50

export interface TaskSpec {
  readonly name: string
  /** 0 is the most urgent. */
  readonly priority: number
}

export interface TaskState {
  readonly name: string
  readonly priority: number
  /** Counts starts; what a peer holds of an earlier one is dead. */
  generation: number
  isRunning: boolean
  startedMs: number
  faults: number
  lastFault: string | undefined
}

export class Supervisor {
  readonly tasks: readonly TaskState[]

  constructor(specs: readonly TaskSpec[], nowMs: number) {
    this.tasks = specs.map((spec) => ({
      ...spec,
      generation: 0,
      isRunning: true,
      startedMs: nowMs,
      faults: 0,
      lastFault: undefined,
    }))
  }

  task(name: string): TaskState | undefined {
    return this.tasks.find((each) => each.name === name)
  }

  isRunning(name: string): boolean {
    return this.task(name)?.isRunning === true
  }

  /** @returns when the task may start again; undefined when it is down already or there is none. */
  fault(name: string, reason: string, nowMs: number): number | undefined {
    const task = this.task(name)
    if (task === undefined || !task.isRunning) return undefined
    task.isRunning = false
    task.faults += 1
    task.lastFault = reason
    return Math.max(nowMs + RESTART_DELAY_MS, task.startedMs + MIN_RUN_MS)
  }

  restart(name: string, nowMs: number): void {
    const task = this.task(name)
    if (task === undefined || task.isRunning) return
    task.isRunning = true
    task.generation += 1
    task.startedMs = nowMs
  }
}
