/** Runs the real command as a child process, with state in a directory of its own, and leaves nothing behind. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export const LODE = join(import.meta.dirname, '../bin/lode.js')

/** What a command may take on a machine that is busy with other tests. */
const COMMAND_LIMIT_MS = 60_000
const READY_LIMIT_MS = 90_000

export interface Finished {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  readonly elapsedMs: number
}

export interface Running {
  readonly pid: number
  readonly stdout: () => string
  readonly stderr: () => string
  readonly finished: Promise<Finished>
  /** More of its input, with `keepsInput`. */
  type(text: string): void
  kill(signal: NodeJS.Signals): void
}

export interface StartOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
  /** Its input goes on after `input`. */
  readonly keepsInput?: boolean
  readonly limitMs?: number
}

/** Starts a program; it is killed when its time is up. */
export function start(command: string, args: readonly string[], options: StartOptions = {}): Running {
  const startMs = performance.now()
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => {}) // it did not want the input
  if (options.keepsInput === true) child.stdin.write(options.input ?? '')
  else child.stdin.end(options.input ?? '')
  const limit = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? COMMAND_LIMIT_MS)
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      clearTimeout(limit)
      resolve({ status, signal, stdout, stderr, elapsedMs: performance.now() - startMs })
    })
  })
  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    finished,
    type: (text) => void child.stdin.write(text),
    kill: (signal) => void child.kill(signal),
  }
}

export function lode(args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  return start(process.execPath, [LODE, ...args], options).finished
}

export interface UpEvent {
  readonly event: string
  readonly api: string
  readonly readyAfterMs: number
  readonly tls: { readonly caCertificate: string; readonly hostname: string; readonly port?: number }
}

/** `lode up --json` on a directory, and commands that talk to it. */
export class RackProcess {
  readonly directory: string
  readonly process: Running
  readonly up: UpEvent

  static async start(directory: string, ...flags: readonly string[]): Promise<RackProcess> {
    const args = ['up', '--state', directory, '--api-port', '0', '--json', ...flags]
    const running = start(process.execPath, [LODE, ...args], { limitMs: 300_000 })
    let isOver = false
    void running.finished.then(() => (isOver = true))
    const up = await until(`lode up ${flags.join(' ')}`, READY_LIMIT_MS, () => {
      if (isOver) throw new Error(`lode up ended: ${running.stdout()}${running.stderr()}`)
      const line = running
        .stdout()
        .split('\n')
        .find((each) => each.startsWith('{"event":"up"') && each.endsWith('}'))
      // because the line is the event's
      return line === undefined ? undefined : (JSON.parse(line) as UpEvent)
    }).catch((error: unknown) => {
      running.kill('SIGKILL')
      throw error
    })
    return new RackProcess(directory, running, up)
  }

  private constructor(directory: string, running: Running, up: UpEvent) {
    this.directory = directory
    this.process = running
    this.up = up
  }

  /** A command on this rack: `lode('status', '--json')`. */
  lode(command: string, ...args: readonly string[]): Promise<Finished> {
    return lode([command, '--state', this.directory, ...args])
  }

  /** A command that goes on: its caller stops it. */
  begin(command: string, ...args: readonly string[]): Running {
    return start(process.execPath, [LODE, command, '--state', this.directory, ...args])
  }

  /** The parsed answer of a command with `--json`; throws unless it succeeds. */
  async json<T>(command: string, ...args: readonly string[]): Promise<T> {
    const result = await this.lode(command, '--json', ...args)
    if (result.status !== 0) {
      throw new Error(`lode ${command} ${args.join(' ')}: ${result.status} ${result.stdout}${result.stderr}`)
    }
    // because the test that calls knows what the command prints
    return JSON.parse(result.stdout) as T
  }

  /** Calls the public API over HTTP with the token of the state directory; throws unless it succeeds. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const token = (await readFile(join(this.directory, 'token'), 'utf8')).trim()
    const response = await fetch(`${this.up.api}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    // because the test that calls knows what the API answers
    return JSON.parse(text) as T
  }

  async kill(signal: NodeJS.Signals): Promise<Finished> {
    this.process.kill(signal)
    return this.process.finished
  }
}

/** Asks until there is an answer. */
export async function until<T>(
  what: string,
  limitMs: number,
  ask: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const endMs = performance.now() + limitMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > endMs) throw new Error(`${what}: not within ${limitMs / 1000} s`)
    await delay(50)
  }
}

/** A directory that goes away with the test. */
export async function temporaryDirectory(test: { after(fn: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lode-test-'))
  test.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  return directory
}

/** A port of this machine that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject()))
    })
  })
}
