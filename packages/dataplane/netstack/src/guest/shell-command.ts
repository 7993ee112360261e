/** Runs one command in a shell of its own on a host's stack, as a person at the console would. */
import type { Clock } from '@lodestone/host'
import type { Netstack } from '../netstack.ts'
import { Shell } from './shell.ts'

export interface ShellCommandOptions {
  readonly network: Netstack
  readonly clock: Clock
  readonly hostName: string
  readonly command: string
  /** Default 60 000, Infinity for never; then it is interrupted. */
  readonly timeoutMs?: number
  /** Interrupts it. */
  readonly signal?: AbortSignal
  /** Told what is printed as it comes. */
  readonly onOutput?: (text: string) => void
}

export interface ShellResult {
  /** All of it, also what `onOutput` was told. */
  readonly output: string
  /** 0 done, 1 no, 2 wrong usage, 127 no such command, 130 interrupted. */
  readonly exitCode: number
}

export async function shellCommand(options: ShellCommandOptions): Promise<ShellResult> {
  const { network, clock, hostName, command, timeoutMs = 60_000, signal, onOutput } = options
  const decoder = new TextDecoder()
  let isGreeting = true
  let output = ''
  const console = {
    write(bytes: Uint8Array): void {
      if (isGreeting) return
      const text = decoder.decode(bytes, { stream: true }).replaceAll('\r\n', '\n')
      output += text
      onOutput?.(text)
    },
    onInput: () => () => undefined,
  }
  const shell = new Shell({ network, clock, hostName, console })
  isGreeting = false
  const interrupt = (): void => shell.interrupt()
  const timer = timeoutMs === Infinity ? undefined : clock.after(timeoutMs, interrupt)
  signal?.addEventListener('abort', interrupt, { once: true })
  try {
    return { exitCode: await shell.execute(command), output }
  } finally {
    timer?.cancel()
    signal?.removeEventListener('abort', interrupt)
    shell.close()
  }
}
