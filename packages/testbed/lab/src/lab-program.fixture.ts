/** For tests: a program of a laboratory as a process, with a name and a state directory of its own, and nothing left afterwards. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { env as environment, execPath, pid } from 'node:process'
import { clearTimeout, setTimeout } from 'node:timers'
import { setTimeout as delay } from 'node:timers/promises'
import { OsNetwork } from '@lodestone/host'

/** For a program that hangs, and for something that never comes true. */
const LIMIT_MS = 300_000
const UNTIL_MS = 120_000

export interface Finished {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export function program(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return new Promise((resolve) => {
    execFile(
      execPath,
      [file, ...args],
      { timeout: LIMIT_MS, env: { ...environment, ...env } },
      (error, stdout, stderr) =>
        resolve({ status: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr }),
    )
  })
}

/** A program of its own name, so that nothing else on this machine has it, with a state directory of its own. */
export function own(t: { after(fn: () => Promise<void> | void): void }, source: (name: string) => string) {
  const folder = mkdtempSync(join(tmpdir(), 'lode-lab-'))
  const name = `t${pid}-${readdirSync(tmpdir()).length}`
  const file = join(folder, 'program.ts')
  writeFileSync(file, withLibrary(source(name)))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const state = join(folder, 'state')
  const run = Object.assign((...args: readonly string[]): Promise<Finished> => program(file, withState(args, state)), {
    /** With other variables of the environment; the state directory is the given one where there is one. */
    with: (env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Finished> =>
      program(file, args.includes('--state') ? args : withState(args, state), env),
  })
  t.after(async () => {
    if (existsSync(state)) await run('destroy')
    rmSync(folder, { recursive: true, force: true })
  })
  /** A command that goes on until it is told to end, or that reads what is typed. */
  const begin = (...args: readonly string[]): ChildProcess => {
    const child = spawn(execPath, [file, ...withState(args, state)], { stdio: 'pipe' })
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
    child.once('exit', () => clearTimeout(limit))
    return child
  }
  /** Another program in the place of the first one. */
  const rewrite = (next: (name: string) => string): void => writeFileSync(file, withLibrary(next(name)))
  return { name, state, folder, run, begin, rewrite }
}

/** The flag before the words of a command on a node. */
export function withState(args: readonly string[], state: string): readonly string[] {
  const words = args.indexOf('--')
  const at = words < 0 ? args.length : words
  return [...args.slice(0, at), '--state', state, ...args.slice(at)]
}

export const TWO_HOSTS = (name: string): string => `
import { lab, run } from '@lodestone/lab'
const l = lab('${name}')
l.link(l.host('left', { address: '10.0.0.1/24' }), l.host('right', { address: '10.0.0.2/24' }), 'metro')
await run(l)
`

/** The package is imported by its path: the program stands outside of the repository. */
function withLibrary(source: string): string {
  return source.replaceAll("'@lodestone/lab'", JSON.stringify(join(import.meta.dirname, 'index.ts')))
}

/** Pings until one is answered: those that are under way while a busy machine stands still are lost. @returns the last command. */
export async function untilAnswered(
  run: (...args: readonly string[]) => Promise<Finished>,
  from: string,
  ...ping: readonly string[]
): Promise<Finished> {
  const ask = (): Promise<Finished> => run('exec', from, '--', ...ping)
  let last = await ask()
  const isAnswered = async (): Promise<boolean> => last.status === 0 || (last = await ask()).status === 0
  await until(`${from} has an answer to ${ping.join(' ')}`, isAnswered)
  return last
}

/** The first of four ports on the loopback of which the last two are free, below those that the kernel gives away by itself. */
export async function basePort(transport: 'udp' | 'tcp'): Promise<number> {
  const network = new OsNetwork()
  const address = '127.0.0.1'
  for (let base = 10_000 + ((pid * 20) % 20_000); ; base += 4) {
    try {
      for (const port of [base + 2, base + 3]) {
        const bound = await (transport === 'udp'
          ? network.bindUdp({ address, port }, () => undefined)
          : network.listenTcp({ address, port }, () => undefined))
        bound.close()
      }
      return base
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

/** What a process has printed, and its end. */
export function outputOf(child: ChildProcess): {
  readonly text: () => string
  readonly bytes: () => Buffer
  readonly ended: Promise<number | null>
} {
  const chunks: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const ended = new Promise<number | null>((resolve) => child.once('close', (status) => resolve(status)))
  return { text: () => Buffer.concat(chunks).toString(), bytes: () => Buffer.concat(chunks), ended }
}

/** Waits for something that another process does. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + UNTIL_MS
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${UNTIL_MS / 1000} s`)
    await delay(50)
  }
}
