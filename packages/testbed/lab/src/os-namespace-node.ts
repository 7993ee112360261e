/**
 * A node that is a network namespace of Linux: each interface is a TAP device whose other end is a port of the emulation, moved into
 * the namespace. FRR, BIRD or any other program runs in it as it would on a router of its own. Needs root.
 *
 * A TAP device goes with the process that holds it; the namespace, its programs and the node's folder are removed by `close`, or by
 * the sweep when nobody could close.
 */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { type Port, TapPort } from '@lodestone/link'
import { nodeMac } from './build/node-mac.ts'
import type { NodeOf } from './document/document.ts'
import { type ChildOptions, consoleProgram, execProgram, runProgram } from './os-child.ts'
import { claimNamespaces, namespacePrefix, runFolder, TAG } from './os-lab-process.ts'
import type { RealNodeOptions } from './os-real-driver.ts'
import type { ConsoleSession, ExecOutput, LiveNode, NodeState } from './runtime/live-node.ts'
import { bridge } from './runtime/port-bridge.ts'

const DEFAULT_MTU = 1500

export class NamespaceNode implements LiveNode {
  readonly namespace: string
  readonly #document: NodeOf<'namespace'>
  readonly #options: RealNodeOptions
  readonly #folder: string
  readonly #child: ChildOptions
  readonly #taps: TapPort[] = []
  readonly #unsubscribe: (() => void)[] = []
  #state: NodeState = { state: 'off', detail: '' }
  #isThere = false

  constructor(document: NodeOf<'namespace'>, options: RealNodeOptions) {
    this.#document = document
    this.#options = options
    this.namespace = namespacePrefix(options.lab) + options.name
    this.#folder = join(runFolder(options.lab), options.name)
    this.#child = { directory: options.directory, env: { DIR: this.#folder, NODE: options.name } }
  }

  get state(): NodeState {
    return this.#state
  }

  async start(): Promise<void> {
    const refusal = namespaceRefusal()
    if (refusal !== undefined) throw new Error(`${this.#options.name} is a namespace: ${refusal}`)
    claimNamespaces(this.#options.directory, this.#options.lab)
    mkdirSync(this.#folder, { recursive: true, mode: 0o755 })
    await runProgram(['ip', 'netns', 'add', this.namespace], this.#child)
    this.#isThere = true
    await this.#interfaces()
    for (const [path, text] of Object.entries(this.#document.files)) {
      const file = isAbsolute(path) ? path : join(this.#folder, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text.replaceAll('$DIR', this.#folder))
    }
    await this.#startPrograms()
  }

  exec(command: string, output: ExecOutput, signal: AbortSignal): Promise<number> {
    return execProgram(this.#inside('sh', '-c', command), this.#child, output, signal)
  }

  console(onOutput: (bytes: Uint8Array) => void, onEnd: () => void): ConsoleSession {
    return consoleProgram(`ip netns exec ${this.namespace} sh`, this.#child, onOutput, onEnd)
  }

  async setPower(isOn: boolean): Promise<void> {
    if (isOn) return this.#startPrograms()
    this.#signal('SIGKILL')
    this.#state = { state: 'off', detail: 'its programs were ended' }
  }

  setPaused(isPaused: boolean): void {
    if (this.#state.state === 'off') return
    this.#signal(isPaused ? 'SIGSTOP' : 'SIGCONT')
    this.#state = { ...this.#state, state: isPaused ? 'paused' : 'running' }
  }

  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
    if (this.#isThere) {
      this.#signal('SIGKILL')
      for (const tap of this.#taps.splice(0)) tap.close()
      await runProgram(['ip', 'netns', 'delete', this.namespace], this.#child).catch(() => undefined)
      this.#isThere = false
    }
    rmSync(this.#folder, { recursive: true, force: true })
    this.#state = { state: 'off', detail: 'closed' }
  }

  async #interfaces(): Promise<void> {
    const { lab, name, ports, world } = this.#options
    const inside: string[] = ['link set lo up', ...this.#document.loopbacks.map((ip) => `address add ${ip} dev lo`)]
    for (const [label, port] of ports) {
      const { addresses = [], mac, mtuBytes = DEFAULT_MTU } = this.#document.interfaces[label] ?? {}
      const tap = new TapPort({ name: deviceName(lab, name, label), arena: world.arena, mtuBytes })
      this.#taps.push(tap)
      bridge(port, tap)
      this.#follow(label, port)
      await runProgram(['ip', 'link', 'set', tap.name, 'netns', this.namespace], this.#child)
      const address = mac ?? nodeMac(lab, name, label).toString()
      inside.push(`link set ${tap.name} name ${label} address ${address} mtu ${mtuBytes}`, `link set ${label} up`)
      // Duplicate address detection would hold sessions up for seconds.
      inside.push(...addresses.map((text) => `address add ${text} dev ${label}${text.includes(':') ? ' nodad' : ''}`))
    }
    const settings = [
      ...(this.#document.forwarding
        ? ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv4.fib_multipath_hash_policy=1']
        : []),
      'net.ipv6.conf.default.accept_dad=0',
      'net.ipv6.conf.all.accept_dad=0',
    ]
    await runProgram(this.#inside('sysctl', '-qw', ...settings), this.#child)
    inside.push(...this.#document.routes.map(({ to, via }) => `route add ${to} via ${via}`))
    await runProgram(['ip', '-n', this.namespace, '-batch', '-'], this.#child, `${inside.join('\n')}\n`)
  }

  /** The kernel's interface has a carrier while the cable has one. */
  #follow(label: string, port: Port): void {
    const set = (isUp: boolean): void =>
      void spawnSync('ip', ['-n', this.namespace, 'link', 'set', label, 'carrier', isUp ? 'on' : 'off'], {
        stdio: 'ignore',
      })
    this.#unsubscribe.push(port.onState(set))
  }

  async #startPrograms(): Promise<void> {
    for (const command of this.#document.exec) await runProgram(this.#inside('sh', '-c', command), this.#child)
    for (const { name, command } of this.#document.daemons) {
      const log = openSync(join(this.#folder, `${name}.log`), 'a', 0o644)
      const [program, ...args] = this.#inside('sh', '-c', `exec ${command}`)
      const env = { ...process.env, ...this.#child.env, [TAG]: this.#options.directory }
      const child = spawn(program!, args, { stdio: ['ignore', log, log], env })
      closeSync(log)
      child.on('exit', (code, signal) => this.#onExit(name, code, signal))
    }
    const programs = this.#document.daemons.map(({ name }) => name).join(', ')
    this.#state = { state: 'running', detail: programs === '' ? `namespace ${this.namespace}` : programs }
  }

  #onExit(daemon: string, code: number | null, signal: NodeJS.Signals | null): void {
    if (!this.#isThere || this.#state.state === 'off') return
    const said =
      readFileSync(join(this.#folder, `${daemon}.log`), 'utf8')
        .trim()
        .split('\n')
        .at(-1) ?? ''
    this.#state = { state: 'failed', detail: `${daemon} ended with ${signal ?? code}: ${said.slice(0, 200)}` }
  }

  #inside(...words: readonly string[]): readonly string[] {
    return ['ip', 'netns', 'exec', this.namespace, ...words]
  }

  /** To every program in the namespace. */
  #signal(signal: NodeJS.Signals): void {
    const { stdout } = spawnSync('ip', ['netns', 'pids', this.namespace], { encoding: 'utf8' })
    for (const pid of stdout.split('\n').filter((line) => line !== '')) {
      try {
        process.kill(Number(pid), signal)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }
}

/** Why there can be no namespaces here. */
export function namespaceRefusal(): string | undefined {
  if (process.platform !== 'linux') return 'those are Linux, and this is not'
  if (process.getuid?.() !== 0) return 'that needs root; start the command with sudo'
  if (spawnSync('ip', ['netns', 'list']).status !== 0) return 'that needs ip(8) and network namespaces'
  return undefined
}

/** Fits the kernel's 15 bytes; gone from here as soon as it is moved. */
function deviceName(lab: string, node: string, label: string): string {
  return `lt${nodeMac(lab, node, label).toString().replaceAll(':', '').slice(2)}`
}
