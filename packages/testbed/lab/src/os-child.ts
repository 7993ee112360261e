/** Programs that a laboratory starts: tagged so that they are found again, with output as it comes. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { TAG } from './os-lab-process.ts'
import type { ConsoleSession, ExecOutput } from './runtime/live-node.ts'

export interface ChildOptions {
  /** State directory of the laboratory: the tag's value. */
  readonly directory: string
  readonly env?: Readonly<Record<string, string>>
}

function environment({ directory, env }: ChildOptions): NodeJS.ProcessEnv {
  return { ...process.env, ...env, [TAG]: directory }
}

/** What a program's last output may take to arrive after its end. */
const DRAIN_MS = 100

/**
 * Runs a program to its end: what it has left in the background goes on, and may keep its output open.
 * @returns what it printed. Rejects with what it said when it fails.
 */
export function runProgram(words: readonly string[], options: ChildOptions, input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = words
    const child = spawn(program!, args, { env: environment(options), stdio: 'pipe' })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.on('error', () => undefined) // it did not want the input
    child.stdin.end(input)
    const finish = (): void => {
      child.stdout.destroy()
      child.stderr.destroy()
      const end = child.signalCode === null ? `exit code ${child.exitCode}` : child.signalCode
      if (child.exitCode === 0) resolve(stdout)
      else reject(new Error(`${words.join(' ')}: ${stderr.trim() || end}`))
    }
    child.on('error', reject)
    // A timer that is late comes before what waits to be read, and that before an immediate.
    child.on('exit', () => setTimeout(() => setImmediate(finish), DRAIN_MS).unref())
    child.on('close', finish)
  })
}

/** A program that does not end when it is interrupted is ended. */
const PATIENCE_MS = 2000

/** @returns its exit code; a signal counts as in shells. An abort interrupts it and all that it has started, as Ctrl-C does. */
export function execProgram(
  words: readonly string[],
  options: ChildOptions,
  output: ExecOutput,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = words
    const child = spawn(program!, args, {
      env: environment(options),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true, // a process group of its own
    })
    let limit: NodeJS.Timeout | undefined
    const abort = (): void => {
      signalGroup(child.pid, 'SIGINT')
      limit = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), PATIENCE_MS)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => output.write(stream, text))
    }
    child.on('error', reject)
    child.on('close', (code, killed) => {
      signal.removeEventListener('abort', abort)
      clearTimeout(limit)
      resolve(code ?? 128 + (constants.signals[killed ?? 'SIGTERM'] ?? 15))
    })
  })
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // otherwise all of them have ended
  }
}

/** An interactive program on a terminal that `script` (util-linux) makes. */
export function consoleProgram(
  command: string,
  options: ChildOptions,
  onOutput: (bytes: Uint8Array) => void,
  onEnd: () => void,
): ConsoleSession {
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    env: environment(options),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdout.on('data', onOutput)
  child.stderr.on('data', onOutput)
  child.stdin.on('error', () => undefined) // it ended first
  child.on('error', onEnd)
  child.on('close', onEnd)
  return { input: (bytes) => void child.stdin.write(bytes), close: () => void child.kill('SIGHUP') }
}
