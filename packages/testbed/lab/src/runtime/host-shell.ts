/** Commands in the shell of an emulated host, with output as it comes, an exit code, and a terminal for people. */
import type { Clock } from '@lodestone/host'
import { type Netstack, Shell } from '@lodestone/netstack'
import type { ConsoleSession, ExecOutput } from './live-node.ts'

const INTERRUPT = Uint8Array.of(3)

/**
 * Runs one command. The shell has no exit codes of its own: a command that is not found gives 127, one that complains of its
 * words 2, one whose question was not answered 1.
 */
export function shellExec(
  network: Netstack,
  clock: Clock,
  hostName: string,
  command: string,
  output: ExecOutput,
  signal: AbortSignal,
): Promise<number> {
  const prompt = `${hostName}# `
  return new Promise((resolve) => {
    const decoder = new TextDecoder()
    let typed = false
    let pending = ''
    let all = ''
    let input: (bytes: Uint8Array) => void = () => undefined
    const pass = (text: string): void => {
      all += text
      if (text !== '') output.write('stdout', text)
    }
    const shell = new Shell({
      network,
      clock,
      hostName,
      console: {
        write(bytes) {
          if (!typed) return
          pending += decoder.decode(bytes, { stream: true }).replaceAll('\r\n', '\n')
          // Only the prompt at the end says that the command is done; anything that could be its beginning waits.
          if (pending.endsWith(prompt)) return finish(pending.slice(0, -prompt.length))
          const safe = pending.lastIndexOf('\n') + 1
          pass(pending.slice(0, safe).replace(/^\n(?=.|$)/, all === '' ? '' : '\n'))
          pending = pending.slice(safe)
        },
        onInput(fn) {
          input = fn
          return () => undefined
        },
      },
    })
    const abort = (): void => input(INTERRUPT)
    const finish = (rest: string): void => {
      signal.removeEventListener('abort', abort)
      typed = false
      pass(all === '' ? rest.replace(/^\n/, '') : rest)
      clock.after(0, () => shell.close())
      resolve(exitCodeOf(all))
    }
    signal.addEventListener('abort', abort, { once: true })
    input(Buffer.from(command.replaceAll(/[\r\n]+/g, ' ')))
    typed = true
    input(Buffer.from('\r'))
  })
}

function exitCodeOf(text: string): number {
  if (/: not found; "help"/.test(text)) return 127
  if (/^usage: /m.test(text)) return 2
  const answered = /^(\d+) of \d+ answered$/m.exec(text)
  if (answered !== null) return Number(answered[1]) > 0 ? 0 : 1
  return /^(ping|curl): /m.test(text) ? 1 : 0
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
