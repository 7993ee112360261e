/** Programs that a laboratory starts: tagged so that they are found again, with output as it comes. */
import { execFile, spawn } from 'node:child_process'
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

/** Runs a program to its end. Rejects with what it said when it fails. */
export function runProgram(words: readonly string[], options: ChildOptions, input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = words
    const child = execFile(
      program!,
      args,
      { env: environment(options), maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${words.join(' ')}: ${stderr.trim() || error.message}`))
      },
    )
    child.stdin?.on('error', () => undefined) // it did not want the input
    child.stdin?.end(input)
  })
}

/** @returns its exit code; a signal counts as in shells. */
export function execProgram(
  words: readonly string[],
  options: ChildOptions,
  output: ExecOutput,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = words
    const child = spawn(program!, args, { env: environment(options), stdio: ['ignore', 'pipe', 'pipe'] })
    const abort = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', abort, { once: true })
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => output.write(stream, text))
    }
    child.on('error', reject)
    child.on('close', (code, killed) => {
      signal.removeEventListener('abort', abort)
      resolve(code ?? 128 + (killed === 'SIGKILL' ? 9 : 15))
    })
  })
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
