/**
 * The seam between the sled agent and what executes an instance. A runner gets the guest's side of a packet engine port and a
 * console, and nothing else of the sled.
 */
import type { Port } from '@lodestone/link'
import type { Mac } from '@lodestone/net'
import type { TcpObserver } from '@lodestone/netstack'
import type { ConsoleBuffer } from './console-buffer.ts'

export interface GuestNic {
  readonly name: string
  readonly mac: Mac
  readonly mtuBytes: number
  /** The guest's end: frames sent here enter the packet engine. */
  readonly port: Port
}

export interface GuestSpec {
  readonly id: string
  readonly hostname: string
  readonly nics: readonly GuestNic[]
  readonly userData: Uint8Array
  /** Where the guest prints. */
  readonly console: ConsoleBuffer
}

/** How a command runs: its output can be told as it comes, and it can be interrupted. */
export interface ExecHow {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  readonly onOutput?: (text: string) => void
}

export interface ExecResult {
  readonly output: string
  readonly exitCode: number
}

export interface Guest {
  /** Types on the serial console. */
  input(bytes: Uint8Array): void
  /** Runs a command as a person at the console would; for tools. Undefined where the guest has no shell. */
  readonly exec: ((command: string, how?: ExecHow) => Promise<ExecResult>) | undefined
  /** Watches its TCP connections; undefined where the runner cannot see into the guest. */
  readonly observeTcp: ((observer: TcpObserver) => () => void) | undefined
  /** Pulls the plug. Frames stop at once. */
  stop(): void
}

export interface InstanceRunner {
  readonly kind: string
  /** Rejects when the guest cannot be started; the message is for people. */
  start(spec: GuestSpec): Promise<Guest>
}
