/**
 * What a whole rack takes: `node apps/lode/bench/rack-numbers.ts [start|memory|latency]`, everything without a word.
 *
 * - start: `lode up` on a directory that has been used before, from the start of the process to the event that says it is up, with 4 and with
 *   32 sleds; the median of three.
 * - memory: resident memory of that process at its highest, with 32 sleds and 64 running instances.
 * - latency: in this process, a rack of 2 sleds on the real clock. An instance is created with a floating address and pinged until it answers;
 *   a rule for pings is allowed and denied in turn, and what counts is the time from the acknowledgement to the first packet that is treated
 *   as the rule says.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { OsFiles, OsNetwork, OsRandom, RealClock } from '@lodestone/host'
import { Rack } from '@lodestone/testbed'
import { RackProcess } from '../src/lode-process.fixture.ts'

const GIB = 2 ** 30
const STARTS = 3
const INSTANCES = 64
const CREATES = 10
const CHANGES = 100
const PROBE_MS = 2
/** After a change, pings are sent for so long. */
const WATCH_MS = 400

const what = process.argv[2]
if (what === undefined || what === 'start') for (const sleds of [4, 32]) await measureStart(sleds)
if (what === undefined || what === 'memory') await measureMemory()
if (what === undefined || what === 'latency') await measureLatency()
process.exit()

function report(name: string, value: number, unit: string, goal: number): void {
  console.log(`${name.padEnd(52)} ${value.toFixed(value < 10 ? 2 : 0).padStart(6)} ${unit}   limit ${goal} ${unit}`)
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!
}

async function measureStart(sleds: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'lode-bench-'))
  const times: number[] = []
  for (let n = 0; n <= STARTS; n++) {
    const startMs = performance.now()
    const rack = await RackProcess.start(directory, '--sleds', String(sleds))
    if (n > 0) times.push((performance.now() - startMs) / 1000) // the first makes the database
    await rack.kill('SIGINT')
  }
  await rm(directory, { recursive: true, force: true })
  report(`lode up, ${sleds} sleds, warm`, quantile(times, 0.5), 's', sleds === 4 ? 3 : 8)
}

async function measureMemory(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'lode-bench-'))
  const rack = await RackProcess.start(directory, '--sleds', '32')
  await rack.api('POST', '/v1/projects', { name: 'p', description: '' })
  for (let n = 0; n < INSTANCES; n++) await rack.api('POST', '/v1/instances?project=p', instanceBody(`i${n}`, []))
  for (;;) {
    const { items } = await rack.api<{ items: { run_state: string }[] }>('GET', '/v1/instances?project=p')
    if (items.every(({ run_state: state }) => state === 'running')) break
    await delay(200)
  }
  await delay(5000)
  const status = await readFile(`/proc/${rack.process.pid}/status`, 'utf8')
  const gigabytes = (field: string): number =>
    (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e9
  report('memory, 32 sleds and 64 instances, at its highest', gigabytes('VmHWM'), 'GB', 2.5)
  report('memory, 32 sleds and 64 instances, running', gigabytes('VmRSS'), 'GB', 2.5)
  await rack.kill('SIGINT')
  await rm(directory, { recursive: true, force: true })
}

async function measureLatency(): Promise<void> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'lode-bench-'))
  const rack = await Rack.start({
    clock: new RealClock(),
    random: new OsRandom(),
    os: new OsNetwork(),
    processId: process.pid,
    isProcessAlive: () => false,
    sleds: 2,
    stateDirectory,
    archives: [new OsFiles(join(import.meta.dirname, '../../../node_modules/.cache/lodestone'))],
    apiAddress: '127.0.0.1',
    apiPort: 0,
    publish: [],
  })
  const token = (await readFile(join(stateDirectory, 'token'), 'utf8')).trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const api = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
    const response = await rack.nexus.handler(new Request(`http://nexus${path}`, init))
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
    // because the caller knows what the operation answers
    return (await response.json()) as T
  }
  const isAnswered = async (ip: string): Promise<boolean> => {
    const [result] = await rack.client.stack.ping(ip, { timeoutMs: 250 })
    return result?.outcome === 'reply'
  }
  await api('POST', '/v1/projects', { name: 'p', description: '' })

  const creates: number[] = []
  let ip = ''
  for (let n = 0; n < CREATES; n++) {
    const floating = await api<{ ip: string }>('POST', '/v1/floating-ips?project=p', { name: `f${n}`, description: '' })
    ip = floating.ip
    const startMs = performance.now()
    await api('POST', '/v1/instances?project=p', instanceBody(`i${n}`, [{ type: 'floating', floating_ip: `f${n}` }]))
    const answered = new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        void isAnswered(ip).then((yes) => {
          if (!yes) return
          clearInterval(timer)
          resolve()
        })
      }, 10)
    })
    await answered
    creates.push(performance.now() - startMs)
  }
  report('instance create to first ping answered, median', quantile(creates, 0.5) / 1000, 's', 1.5)
  report('instance create to first ping answered, worst of 10', quantile(creates, 1) / 1000, 's', 1.5)

  const path = '/v1/vpc-firewall-rules?project=p&vpc=default'
  const delays: number[] = []
  for (let n = 0; n < CHANGES; n++) {
    const action = n % 2 === 0 ? 'deny' : 'allow'
    const rule = {
      name: 'pings',
      description: '',
      status: 'enabled',
      direction: 'inbound',
      action,
      priority: 10,
      targets: [{ type: 'vpc', value: 'default' }],
      filters: { protocols: [{ type: 'icmp', value: null }] },
    }
    await api('PUT', path, { rules: [rule] })
    const acknowledgedMs = performance.now()
    const pings: Promise<readonly [sentMs: number, isAnswered: boolean]>[] = []
    while (performance.now() - acknowledgedMs < WATCH_MS) {
      const sentMs = performance.now()
      pings.push(isAnswered(ip).then((yes) => [sentMs, yes]))
      await delay(PROBE_MS)
    }
    const affected = (await Promise.all(pings)).find(([, yes]) => yes === (action === 'allow'))
    delays.push(affected === undefined ? Infinity : affected[0] - acknowledgedMs)
  }
  report('firewall change to first packet affected, median', quantile(delays, 0.5), 'ms', 300)
  report('firewall change to first packet affected, p99', quantile(delays, 0.99), 'ms', 300)
  await rack.close()
  await rm(stateDirectory, { recursive: true, force: true })
}

function instanceBody(name: string, externalIps: readonly object[]): object {
  return {
    name,
    description: '',
    hostname: name,
    ncpus: 1,
    memory: GIB,
    network_interfaces: { type: 'default_ipv4' },
    external_ips: externalIps,
  }
}
