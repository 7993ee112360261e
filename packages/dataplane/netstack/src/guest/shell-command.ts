/** Runs one command in a shell of its own on a host's stack, as a person at the console would, and returns what it printed. */
import type { Clock } from '@lodestone/host'
import type { Netstack } from '../netstack.ts'
import { Shell } from './shell.ts'

export interface ShellCommandOptions {
  readonly network: Netstack
  readonly clock: Clock
  readonly hostName: string
  readonly command: string
  /** Default 60 000; then it is interrupted. */
  readonly timeoutMs?: number
}

export function shellCommand(options: ShellCommandOptions): Promise<string> {
  const { network, clock, hostName } = options
  const prompt = `${hostName}# `
  const line = options.command.replaceAll(/[\r\n]+/g, ' ')
  return new Promise((resolve) => {
    const decoder = new TextDecoder()
    let printed = ''
    let typed = -1
    let input: (bytes: Uint8Array) => void = () => undefined
    const type = (text: string): void => input(new TextEncoder().encode(text))
    const shell = new Shell({
      network,
      clock,
      hostName,
      console: {
        write(bytes) {
          printed += decoder.decode(bytes, { stream: true })
          // The prompt comes back when the command is done.
          if (typed >= 0 && printed.length > typed && printed.endsWith(prompt)) finish()
        },
        onInput(fn) {
          input = fn
          return () => undefined
        },
      },
    })
    const timer = clock.after(options.timeoutMs ?? 60_000, () => type('\u0003'))
    const finish = (): void => {
      timer.cancel()
      const output = printed.slice(typed, printed.length - prompt.length)
      typed = -1
      // The first line end is the echo of ours.
      resolve(output.replaceAll('\r\n', '\n').replace(/^\n/, ''))
      clock.after(0, () => shell.close())
    }
    type(line)
    // Everything so far is greeting, prompt and echo; the line end is echoed before the command's output.
    typed = printed.length
    type('\r')
  })
}
