/** Network namespaces of Linux, made and removed by this test; nothing outside of them is touched. Their names begin with `lsi-`. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Daemon } from './daemon.ts'

const run = promisify(execFile)
const COMMAND_TIMEOUT_MS = 300_000

export class Namespace {
  readonly name: string
  /** Configurations and logs of what runs in it. */
  readonly folder: string

  constructor(name: string, folder: string) {
    this.name = name
    this.folder = join(folder, name)
    mkdirSync(this.folder, { recursive: true })
    execFileSync('ip', ['netns', 'add', name])
    this.run('ip', 'link', 'set', 'lo', 'up')
    this.run(
      'sysctl',
      '-qw',
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
      'net.ipv4.fib_multipath_hash_policy=1',
    )
  }

  /** Runs a command to its end. @returns its output; throws with what it said when it fails. */
  run(command: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, command, ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: COMMAND_TIMEOUT_MS,
    })
  }

  /** As `run`, without blocking. */
  async ask(command: string, ...args: string[]): Promise<string> {
    const options = { maxBuffer: 1 << 28, timeout: COMMAND_TIMEOUT_MS }
    const { stdout } = await run('ip', ['netns', 'exec', this.name, command, ...args], options)
    return stdout
  }

  /** Starts a program that stays in the foreground; its output goes to `LABEL.log` in the folder. */
  start(label: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Daemon {
    const path = join(this.folder, `${label}.log`)
    const log = openSync(path, 'a')
    const child = spawn('ip', ['netns', 'exec', this.name, command, ...args], {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
    })
    return new Daemon(label, child, path)
  }

  /** Removes the namespace and with it the links that lead into it. What runs there has to be stopped before. */
  remove(): void {
    execFileSync('ip', ['netns', 'delete', this.name])
  }
}

export interface CableEnd {
  readonly namespace: Namespace
  readonly interface: string
  /** In CIDR form. */
  readonly addresses: readonly string[]
}

/** Connects two namespaces by a pair of virtual interfaces that are up and have their addresses. */
export function connect(left: CableEnd, right: CableEnd): void {
  const a = ['name', left.interface, 'netns', left.namespace.name]
  const b = ['name', right.interface, 'netns', right.namespace.name]
  execFileSync('ip', ['link', 'add', ...a, 'type', 'veth', 'peer', ...b])
  for (const { namespace, interface: name, addresses } of [left, right]) {
    // Duplicate address detection would hold sessions up for seconds.
    namespace.run('sysctl', '-qw', `net.ipv6.conf.${name}.accept_dad=0`, `net.ipv6.conf.${name}.accept_ra=0`)
    for (const address of addresses) {
      namespace.run('ip', 'address', 'add', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : []))
    }
    namespace.run('ip', 'link', 'set', name, 'up')
  }
}
