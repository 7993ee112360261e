/**
 * `lode routed` beside BIRD, FRR, OpenBGPD and GoBGP as Debian ships them, each in the same run, alone in a network namespace, with
 * the same senders and the same collector in another. CPU seconds of the daemon's processes are the figure; wall time stands beside it.
 *
 *     node packages/routing/routed/bench/side-by-side.ts [--quick] [--only lode,BIRD] [--rows full,ten,…] [--json]
 *
 * Needs root on Linux; the others are left out where they are not installed. `--quick` is a tenth of everything.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
// oxlint-disable-next-line lodestone/floors -- a benchmark: not part of the package
import { connect, Namespace } from '../../../../tools/interop/namespace.ts'
// oxlint-disable-next-line lodestone/floors -- a benchmark: not part of the package
import { eventually, pause } from '../../../../tools/interop/patience.ts'
import type { MirrorAnswer } from './bfd-mirror.ts'
import { type Usage, usageOf } from './process-usage.ts'
import { lode, type Subject, SUBJECTS } from './subject.ts'
import type { TrafficAnswer, TrafficOrder } from './traffic.ts'

const ROWS = ['full', 'tenth', 'ten', 'kernel', 'bfd'] as const
type Row = (typeof ROWS)[number]

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rows: { type: 'string', default: ROWS.join(',') },
    json: { type: 'boolean', default: false },
  },
})
const SCALE = flags.quick ? 0.1 : 1
const FULL = 1_000_000 * SCALE
const FULL_SETS = 190_000 * SCALE
const TENTH = FULL / 10
const TENTH_SETS = FULL_SETS / 10
const SPEAKER = '192.0.2.1'
const ASN = 65_000
const FIRST_ASN = 65_010
const LATENCY_COUNT = 1000
const BFD_SESSIONS = 500
const ROW_TIMEOUT_MS = 400_000
const BFD_MS = 15_000

interface Result {
  readonly router: string
  readonly row: string
  readonly cpuS: number | undefined
  readonly wallS: number | undefined
  readonly peakMb: number | undefined
  readonly note: string
}

/** Those that were not closed yet, for when somebody interrupts. */
const open = new Set<Bench>()

/** One daemon with its senders and its collector; everything ends with `close`. */
class Bench {
  readonly subject: Subject
  readonly #folder: string
  readonly #daemonSide: Namespace
  readonly #trafficSide: Namespace
  readonly #traffic: ChildProcess
  readonly #mirror: ChildProcess | undefined
  readonly #addresses: readonly string[]
  #daemons: ReturnType<Subject['start']> = []

  constructor(
    subject: Subject,
    senders: number,
    options: { readonly hasKernel?: boolean; readonly bfd?: number } = {},
  ) {
    this.subject = subject
    this.#folder = mkdtempSync(join(tmpdir(), 'lode-bench-'))
    chmodSync(this.#folder, 0o755)
    const id = `lsi-${process.pid % 100_000}`
    this.#daemonSide = new Namespace(`${id}-s`, this.#folder)
    this.#trafficSide = new Namespace(`${id}-t`, this.#folder)
    this.#addresses = Array.from({ length: senders + 1 }, (_, i) => `192.0.2.${10 + i}`)
    connect(
      { namespace: this.#daemonSide, interface: 'to-traffic', addresses: [`${SPEAKER}/24`] },
      {
        namespace: this.#trafficSide,
        interface: 'to-daemon',
        addresses: this.#addresses.map((address) => `${address}/24`),
      },
    )
    const mirrored = Array.from({ length: options.bfd ?? 0 }, (_, i) => `10.50.${i >> 8}.${i & 255}`)
    if (mirrored.length > 0) this.#makeBfdAddresses(mirrored)
    this.#daemons = subject.start(this.#daemonSide, {
      asn: ASN,
      address: SPEAKER,
      peers: this.#addresses.map((address, i) => ({ address, asn: FIRST_ASN + i })),
      hasKernel: options.hasKernel === true,
      bfd: mirrored,
    })
    this.#traffic = this.#fork('traffic.ts', [])
    open.add(this)
    this.#mirror = mirrored.length > 0 ? this.#fork('bfd-mirror.ts', [SPEAKER, ...mirrored]) : undefined
  }

  async open(): Promise<void> {
    const job = { speaker: SPEAKER, addresses: this.#addresses, firstAsn: FIRST_ASN }
    await this.order({ kind: 'connect', job })
    await pause(500) // end-of-RIB, first timers
  }

  order(order: TrafficOrder): Promise<TrafficAnswer> {
    return within(ROW_TIMEOUT_MS, ask(this.#traffic, order))
  }

  mirror(): Promise<MirrorAnswer> {
    return ask(this.#mirror!, {}) // because only the row with BFD asks
  }

  usage(): Usage {
    const pids = execFileSync('ip', ['netns', 'pids', this.#daemonSide.name], { encoding: 'utf8' })
    return usageOf(pids.split('\n').filter(Boolean).map(Number))
  }

  /** Prefixes in the kernel's main table and the local one. */
  kernelPrefixes(): number {
    const text = this.#daemonSide.run('cat', '/proc/net/fib_triestat')
    return [...text.matchAll(/Prefixes:\s+(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0)
  }

  log(): string {
    return this.#daemons.map((daemon) => daemon.log()).join('\n')
  }

  async close(): Promise<void> {
    if (!open.delete(this)) return
    this.#traffic.kill()
    this.#mirror?.kill()
    for (const daemon of this.#daemons.toReversed()) await daemon.stop()
    this.subject.stopped?.(this.#daemonSide)
    this.#daemonSide.remove()
    this.#trafficSide.remove()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #makeBfdAddresses(addresses: readonly string[]): void {
    this.#daemonSide.run('ip', 'route', 'add', '10.50.0.0/16', 'dev', 'to-traffic')
    for (const address of addresses) this.#trafficSide.run('ip', 'address', 'add', `${address}/32`, 'dev', 'to-daemon')
  }

  #fork(file: string, args: readonly string[]): ChildProcess {
    const path = fileURLToPath(new URL(file, import.meta.url))
    const command = [
      'netns',
      'exec',
      this.#trafficSide.name,
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      path,
    ]
    return spawn('ip', [...command, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'json' })
  }
}

function ask<T>(child: ChildProcess, message: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('the other end of the benchmark ended'))
    child.once('exit', onExit)
    child.once('message', (answer) => {
      child.off('exit', onExit)
      resolve(answer as T)
    })
    child.send(message)
  })
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${timeoutMs / 1000} s`)), timeoutMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

// --- rows -----------------------------------------------------------------------------------------------------------

const results: Result[] = []

function report(subject: Subject, row: string, before: Usage, after: Usage, wallMs: number, note = ''): void {
  add({ router: subject.name, row, cpuS: after.cpuS - before.cpuS, wallS: wallMs / 1000, peakMb: after.peakMb, note })
}

function add(result: Result): void {
  results.push(result)
  const { router, row, cpuS, wallS, peakMb, note } = result
  const number = (value: number | undefined, unit: string, digits: number): string =>
    value === undefined ? ' '.repeat(10) : `${value.toFixed(digits)} ${unit}`.padStart(10)
  const cells = [
    router.padEnd(9),
    row.padEnd(34),
    number(cpuS, 'CPU s', 2).padStart(13),
    number(wallS, 's', 2),
    number(peakMb, 'MB', 0),
  ]
  process.stderr.write(`${cells.join(' ')}  ${note}\n`)
}

const perform: Readonly<Record<Row, (subject: Subject) => Promise<void>>> = {
  full: (subject) =>
    withBench(subject, 1, {}, async (bench) => {
      const before = bench.usage()
      const load = await bench.order({ kind: 'load', senders: 1, prefixes: FULL, attributeSets: FULL_SETS })
      const full = bench.usage()
      report(
        subject,
        `${text(FULL)} in and out`,
        before,
        full,
        load.wallMs,
        `${load.messages} messages; ${before.cpuS.toFixed(2)} CPU s before`,
      )
      const { latencies, floor } = await bench.order({ kind: 'latency', count: LATENCY_COUNT })
      const at = (values: readonly number[], share: number): string =>
        (values[Math.floor(values.length * share)] ?? Number.NaN).toFixed(2)
      add({
        router: subject.name,
        row: 'one route through it, p50 / p99',
        cpuS: undefined,
        wallS: undefined,
        peakMb: undefined,
        note: `${at(latencies, 0.5)} / ${at(latencies, 0.99)} ms; the tool by itself ${at(floor, 0.5)} / ${at(floor, 0.99)} ms`,
      })
      const quiet = bench.usage()
      const lost = await bench.order({ kind: 'lose-senders', prefixes: FULL })
      report(subject, `withdraw ${text(FULL)} after session loss`, quiet, bench.usage(), lost.wallMs)
    }),
  tenth: (subject) =>
    withBench(subject, 1, {}, async (bench) => {
      const before = bench.usage()
      const load = await bench.order({ kind: 'load', senders: 1, prefixes: TENTH, attributeSets: TENTH_SETS })
      report(subject, `${text(TENTH)} in and out`, before, bench.usage(), load.wallMs)
    }),
  ten: (subject) =>
    withBench(subject, 10, {}, async (bench) => {
      const before = bench.usage()
      const load = await bench.order({ kind: 'load', senders: 10, prefixes: TENTH, attributeSets: TENTH_SETS })
      const quietMs = await quiet(bench)
      report(subject, `ten senders, the same ${text(TENTH)}`, before, bench.usage(), load.wallMs + quietMs)
    }),
  kernel: async (subject) => {
    if (!subject.canProgramKernel) return
    await withBench(subject, 1, { hasKernel: true }, async (bench) => {
      const first = bench.kernelPrefixes()
      const before = bench.usage()
      const fromMs = performance.now()
      await bench.order({ kind: 'load', senders: 1, prefixes: TENTH, attributeSets: TENTH_SETS })
      await eventually('all are in the kernel', () => bench.kernelPrefixes() - first >= TENTH, 60_000)
      report(
        subject,
        `${text(TENTH)} into the kernel`,
        before,
        bench.usage(),
        performance.now() - fromMs,
        'BGP included',
      )
    })
  },
  bfd: async (subject) => {
    if (subject !== lode) return
    await withBench(subject, 1, { bfd: BFD_SESSIONS }, async (bench) => {
      await eventually('all BFD sessions are up', async () => (await bench.mirror()).up === BFD_SESSIONS, 60_000)
      const before = bench.usage()
      const fromMs = performance.now()
      const load = await bench.order({ kind: 'load', senders: 1, prefixes: FULL, attributeSets: FULL_SETS })
      await pause(Math.max(0, BFD_MS - (performance.now() - fromMs)))
      const { up, failures } = await bench.mirror()
      const note = `${up} up, ${failures} flaps in ${((performance.now() - fromMs) / 1000).toFixed(0)} s`
      report(subject, `${BFD_SESSIONS} BFD sessions, ${text(FULL)} load`, before, bench.usage(), load.wallMs, note)
    })
  },
}

/** Until the daemon does nothing any more: what came from the other nine senders is judged too. */
async function quiet(bench: Bench): Promise<number> {
  const LOOK_MS = 250
  const fromMs = performance.now()
  let last = bench.usage().cpuS
  let waited = 0
  for (;;) {
    await pause(LOOK_MS)
    const { cpuS } = bench.usage()
    waited = performance.now() - fromMs - LOOK_MS
    if (cpuS - last < 0.03) return waited
    last = cpuS
  }
}

async function withBench(
  subject: Subject,
  senders: number,
  options: ConstructorParameters<typeof Bench>[2],
  run: (bench: Bench) => Promise<void>,
): Promise<void> {
  const bench = new Bench(subject, senders, options)
  try {
    await within(30_000, bench.open())
    await run(bench)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    add({
      router: subject.name,
      row: 'failed',
      cpuS: undefined,
      wallS: undefined,
      peakMb: undefined,
      note: `${reason}\n${bench.log()}`,
    })
  } finally {
    await bench.close()
  }
}

function text(count: number): string {
  return count >= 1_000_000 ? `${count / 1_000_000} M` : `${count / 1000}k`
}

if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  process.stderr.write('skipped: needs root on Linux, for network namespaces\n')
  process.exit(0)
}
let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isInterrupted = true
    void Promise.all([...open].map((bench) => bench.close())).then(() => process.exit(130))
  })
}
const only = flags.only?.toLowerCase().split(',')
for (const row of ROWS) {
  if (!flags.rows.split(',').includes(row)) continue
  for (const subject of SUBJECTS) {
    if (isInterrupted) await new Promise(() => undefined) // until everything is closed
    if (only !== undefined && !only.includes(subject.name.toLowerCase())) continue
    if (subject.isInstalled) await perform[row](subject)
    else process.stderr.write(`${subject.name} is not installed\n`)
  }
}
if (flags.json) process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`)
process.exit(results.some(({ row }) => row === 'failed') ? 1 : 0)
