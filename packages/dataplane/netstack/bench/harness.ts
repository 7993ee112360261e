/** What the benchmarks share: CPU seconds, medians, a pair of hosts, and the kernel's own TCP to compare with. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Arena } from '@lodestone/frame'
import type { Clock, Random } from '@lodestone/host'
import { type Impairments, Link } from '@lodestone/link'
import { Mac, Prefix } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { Netstack, type TcpParameters } from '../src/index.ts'

/** User and system time of this process, in seconds. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

export interface BenchHosts {
  readonly client: Netstack
  readonly server: Netstack
  readonly link: Link
}

export interface BenchOptions {
  readonly clock: Clock
  readonly random: Random
  readonly mtuBytes: number
  readonly slots?: number
  readonly impairments?: Partial<Impairments>
  readonly tcp?: Partial<TcpParameters>
}

/** `client` 10.0.0.1, fd00::1 and `server` 10.0.0.2, fd00::2 on one link. */
export function benchHosts({
  clock,
  random,
  mtuBytes,
  slots = 8192,
  impairments = {},
  tcp = {},
}: BenchOptions): BenchHosts {
  const arena = new Arena({ slots, slotBytes: mtuBytes <= 1500 ? 2048 : 9728 })
  const tracer = new Tracer(() => clock.nowMs())
  const link = new Link({ name: 'wire', a: 'a', b: 'b', clock, random, arena, tracer, mtuBytes, impairments })
  const make = (name: string, end: 'a' | 'b', index: number): Netstack => {
    const stack = new Netstack({ name, clock, random, arena, tracer, tcp })
    const mac = Mac.fromNumber(0x020000000000 + index)
    const addresses = [Prefix.of(`10.0.0.${index}/24`), Prefix.of(`fd00::${index}/64`)]
    stack.addInterface({ name: 'nic0', port: link[end], mac, mtuBytes, addresses })
    return stack
  }
  return { client: make('client', 'a', 1), server: make('server', 'b', 2), link }
}

/** Gbit per CPU second of Linux's TCP, packet by packet; undefined without compiler, root or namespaces. */
export function kernelGbits(bytes: number, runs: number): number | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'netstack-bench-'))
  try {
    const binary = join(directory, 'kernel')
    execFileSync('cc', ['-O3', '-o', binary, join(import.meta.dirname, 'kernel.c')], { stdio: 'ignore' })
    const rates = Array.from({ length: runs }, () => {
      const told = execFileSync('unshare', ['--net', binary, String(bytes)], { encoding: 'utf8', stdio: 'pipe' })
      const [count, cpu] = told.trim().split(' ').map(Number)
      return (count! * 8) / cpu! / 1e9
    })
    return median(rates)
  } catch {
    return undefined
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
