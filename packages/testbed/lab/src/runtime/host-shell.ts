/** Commands in the shell of an emulated host, with output as it comes and an exit code, and a terminal for people. */
import type { Clock } from '@lodestone/host'
import { type Netstack, Shell, shellCommand } from '@lodestone/netstack'
import type { ConsoleSession, ExecOutput } from './live-node.ts'

/** Runs one command, for as long as it takes. @returns its exit code. */
export async function shellExec(
  network: Netstack,
  clock: Clock,
  hostName: string,
  command: string,
  output: ExecOutput,
  signal: AbortSignal,
): Promise<number> {
  const onOutput = (text: string): void => output.write('stdout', text)
  const line = command.replaceAll(/[\r\n]+/g, ' ')
  const options = { network, clock, hostName, command: line, timeoutMs: Infinity, signal, onOutput }
  return (await shellCommand(options)).exitCode
}

/** A shell for a person: lives until `exit` or until it is closed. */
export function shellConsole(
  network: Netstack,
  clock: Clock,
  hostName: string,
  onOutput: (bytes: Uint8Array) => void,
  onEnd: () => void,
): ConsoleSession {
  let input: (bytes: Uint8Array) => void = () => undefined
  const shell = new Shell({
    network,
    clock,
    hostName,
    console: {
      write: onOutput,
      onInput(fn) {
        input = fn
        return () => undefined
      },
    },
    onExit: onEnd,
  })
  return { input: (bytes) => input(bytes), close: () => shell.close() }
}
