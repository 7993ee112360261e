/** A program that was started here, ended by its own process id. `ip netns exec` becomes the program, so the id is its own. */
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'

const PATIENCE_MS = 30_000

export class Daemon {
  readonly label: string
  readonly pid: number
  readonly #child: ChildProcess
  readonly #logPath: string
  readonly #ended: Promise<void>

  constructor(label: string, child: ChildProcess, logPath: string) {
    if (child.pid === undefined) throw new Error(`${label} could not be started`)
    this.label = label
    this.pid = child.pid
    this.#child = child
    this.#logPath = logPath
    this.#ended = new Promise((resolve) => child.once('exit', () => resolve()))
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it printed, at most the last `bytes`. */
  log(bytes = 4000): string {
    return readFileSync(this.#logPath, 'utf8').slice(-bytes)
  }

  signal(name: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(name)
  }

  /** As `kill -9`: it cannot say goodbye. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended
  }

  async stop(): Promise<void> {
    this.signal('SIGTERM')
    const timer = setTimeout(() => this.signal('SIGKILL'), PATIENCE_MS)
    if (this.isRunning) await this.#ended
    clearTimeout(timer)
  }
}
