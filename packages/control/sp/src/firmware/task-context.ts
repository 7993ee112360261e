/** What every task of the firmware is given: time, a log, reports. The tasks are the files `*-task.ts`. */
import type { Clock } from '@lodestone/host'
import type { Cbor } from './cbor.ts'

/** The tasks of the image, the most urgent first. A switch has one more. */
export const TASKS = [
  { name: 'jefe', priority: 0 },
  { name: 'net', priority: 1 },
  { name: 'packrat', priority: 2 },
  { name: 'snitch', priority: 2 },
  { name: 'sequencer', priority: 3 },
  { name: 'sensor', priority: 4 },
  { name: 'thermal', priority: 5 },
  { name: 'update_server', priority: 5 },
  { name: 'hf', priority: 5 },
  { name: 'host_sp_comms', priority: 6 },
  { name: 'dump_agent', priority: 6 },
  { name: 'control_plane_agent', priority: 7 },
  { name: 'idle', priority: 9 },
] as const

export const SWITCH_TASKS = [...TASKS, { name: 'ignition', priority: 4 }] as const

export type TaskName = (typeof SWITCH_TASKS)[number]['name']

export interface TaskContext {
  readonly clock: Clock
  /** Adds an entry to the task's ring buffer. */
  trace(task: TaskName, text: string): void
  /** Reports what the control plane should know. */
  report(task: TaskName, body: { readonly k: string } & Readonly<Record<string, Cbor>>): void
  isRunning(task: TaskName): boolean
}
