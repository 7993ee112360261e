/** Runs the real command as a child process, with state in a directory of its own, and leaves nothing behind. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type PcapngPacket, readPcapng, summarize } from '@lodestone/packet'

export const LODE = join(import.meta.dirname, '../bin/lode.js')

/** The command in front of its words. WebAssembly is compiled once, as in test processes: see tools/test-process.js. */
export const LODE_ARGUMENTS = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering', LODE] as const

/**
 * These end what hangs and nothing else: far above what anything takes where a machine is a tenth as fast as ours, or stands still for
 * seconds. What is waited for is an event; a test that says how long something takes says it otherwise.
 */
const PROCESS_LIMIT_MS = 900_000
const WAIT_LIMIT_MS = 300_000

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
  /** It serves as long as there are tests, each with a limit of its own: whoever starts it kills it. */
  readonly isUnlimited?: boolean
}

/** Starts a program; it is killed when it does not end, unless it is to go on. */
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
  const limit = options.isUnlimited === true ? undefined : setTimeout(() => child.kill('SIGKILL'), PROCESS_LIMIT_MS)
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
  return start(process.execPath, [...LODE_ARGUMENTS, ...args], options).finished
}

/**
 * The same within this process, for commands that end by themselves and read no input: a process of its own takes each of them a hundred
 * times as long as what it does.
 */
export async function lodeHere(...args: readonly string[]): Promise<Finished> {
  const { LodeContext } = await import('./context.ts')
  const { runLode } = await import('./run-lode.ts')
  const startMs = performance.now()
  let stdout = ''
  let stderr = ''
  const own = {
    env: process.env,
    stdin: { isTTY: false },
    stdout: { write: (text: string) => void (stdout += text) },
    stderr: { write: (text: string) => void (stderr += text) },
    exitCode: undefined as number | undefined,
    once: () => own, // nobody interrupts it
  }
  // because these commands need no more of a process
  await runLode(args, new LodeContext(own as unknown as NodeJS.Process))
  return { status: own.exitCode ?? 0, signal: null, stdout, stderr, elapsedMs: performance.now() - startMs }
}

export interface UpEvent {
  readonly event: string
  readonly api: string
  readonly readyAfterMs: number
  readonly published: readonly { readonly host_port: number; readonly target: string }[]
  readonly tls: { readonly caCertificate: string; readonly hostname: string; readonly port?: number }
}

/** `lode up --json` on a directory, and commands that talk to it. */
export class RackProcess {
  readonly directory: string
  readonly process: Running
  readonly up: UpEvent

  static async start(directory: string, ...flags: readonly string[]): Promise<RackProcess> {
    const args = ['up', '--state', directory, '--api-port', '0', '--json', ...flags]
    const running = start(process.execPath, [...LODE_ARGUMENTS, ...args], { isUnlimited: true })
    let isOver = false
    void running.finished.then(() => (isOver = true))
    const up = await until(`lode up ${flags.join(' ')}`, () => {
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

  /** The port of this machine that leads to a target, `198.51.100.10:80`, which was published on port 0. */
  portOf(target: string): number {
    const found = this.up.published.find((each) => each.target === target)
    if (found === undefined) throw new Error(`${target} is not published`)
    return found.host_port
  }

  /** A command on this rack, as `lodeHere`: `lode('status', '--json')`. */
  lode(command: string, ...args: readonly string[]): Promise<Finished> {
    return lodeHere(command, '--state', this.directory, ...args)
  }

  /** A process with a command that goes on: its caller stops it. */
  begin(command: string, ...args: readonly string[]): Running {
    return start(process.execPath, [...LODE_ARGUMENTS, command, '--state', this.directory, ...args])
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
export async function until<T>(what: string, ask: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const endMs = performance.now() + WAIT_LIMIT_MS
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > endMs) throw new Error(`${what}: not within ${WAIT_LIMIT_MS / 1000} s`)
    await delay(50)
  }
}

/** Runs a command until its output matches: what a rack in real time says of itself now may not hold a moment later, or not yet. */
export async function says(pattern: RegExp, command: () => Promise<Finished>): Promise<Finished> {
  let last: Finished | undefined
  try {
    return await until(String(pattern), async () => {
      last = await command()
      return pattern.test(last.stdout) ? last : undefined
    })
  } catch (error) {
    throw new Error(`it said at last: ${last?.stdout}${last?.stderr}`, { cause: error })
  }
}

/**
 * What is served at a URL, asked for until something is. An attempt may take twice as long as the last one, so that neither a packet that
 * got lost before the way was there nor a machine that is slow is waited for in vain.
 */
export function pageAt(url: string): Promise<string> {
  let limitMs = 500
  return until(`an answer from ${url}`, () => pageWithin(url, (limitMs *= 2)))
}

/** What is served there within a time, or nothing. */
export async function pageWithin(url: string, limitMs: number): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) })
    return response.ok ? await response.text() : undefined
  } catch {
    return undefined // refused, reset, or nothing came
  }
}

/** Runs a command again and again until `body` is done. */
export async function during<T>(begin: () => Running, body: () => Promise<T>): Promise<T> {
  let isOver = false
  let running: Running | undefined
  const repeated = (async () => {
    while (!isOver) {
      running = begin()
      await running.finished
    }
  })()
  try {
    return await body()
  } finally {
    isOver = true
    running?.kill('SIGTERM')
    await repeated
  }
}

/** Ends a `lode capture` that writes to `file` once a packet is there whose summary matches, and reads it. */
export async function captured(capture: Running, file: string, pattern: RegExp): Promise<readonly PcapngPacket[]> {
  const isWanted = ({ bytes }: PcapngPacket): boolean => pattern.test(summarize(bytes, 0, bytes.length))
  await until(`${pattern} is captured`, async () =>
    readPcapng(await readFile(file)).packets.some(isWanted) ? true : undefined,
  )
  capture.kill('SIGINT')
  const { status, stderr } = await capture.finished
  if (status !== 0) throw new Error(`lode capture: ${status} ${stderr}`)
  return readPcapng(await readFile(file)).packets
}

/** A directory that goes away with the test. */
export async function temporaryDirectory(test: { after(fn: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lode-test-'))
  test.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))
  return directory
}
