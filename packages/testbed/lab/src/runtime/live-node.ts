/** A node that a driver keeps alive on ports of the emulation: a P4 switch, a namespace, a machine, a tunnel. */
import type { Port } from '@lodestone/link'
import type { NodeDocument } from '../document/document.ts'

export type OutputStream = 'stdout' | 'stderr'

/** Where a command's output goes. */
export interface ExecOutput {
  write(stream: OutputStream, text: string): void
}

/** A terminal's two directions; `onInput` is called by whoever has the keyboard. */
export interface ConsoleSession {
  input(bytes: Uint8Array): void
  close(): void
}

export interface NodeState {
  readonly state: 'running' | 'paused' | 'off' | 'failed'
  /** One line for people: what it is, or why it failed. */
  readonly detail: string
}

export interface LiveNode {
  readonly state: NodeState
  /** Resolves when the node is up. */
  start(): Promise<void>
  /** Takes a changed document without a restart; absent where nothing can change. */
  update?(document: NodeDocument): void
  /** @returns the exit code. Rejects where the node runs no commands. */
  exec?(command: string, output: ExecOutput, signal: AbortSignal): Promise<number>
  console?(onOutput: (bytes: Uint8Array) => void, onEnd: () => void): ConsoleSession
  setPower?(isOn: boolean): Promise<void>
  setPaused?(isPaused: boolean): void
  /** Of a node whose memory can be kept: `save` writes a file of that name to the folder and tells its path. */
  readonly memory?: { save(folder: string, name: string): Promise<string>; load(path: string): Promise<void> }
  /** Tables to look at. */
  tables?(): readonly {
    readonly name: string
    readonly columns: readonly string[]
    readonly rows: readonly (readonly string[])[]
  }[]
  close(): Promise<void>
}

export interface DriverContext {
  readonly lab: string
  readonly name: string
  readonly ports: ReadonlyMap<string, Port>
}
