/** `lode sim run` and `lode sim replay` as processes: a topology of one's own, the same run again, stopped, stepped and asked for causes. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { CauseAnswer } from '@lodestone/contract-testbed'
import type { ProbeOutput } from '@lodestone/probe'
import { replayText } from '@lodestone/simulation'
import { lode, temporaryDirectory } from '../../lode-process.fixture.ts'

const TOPOLOGY = join(import.meta.dirname, 'small-rack.fixture.ts')
const MINUTES = 0.05

interface Stop {
  readonly stoppedAtMs: number
  readonly verdict?: { readonly hash: string }
  readonly packets: readonly { readonly link: string; readonly direction: string; readonly atMs: number }[]
  readonly steps: readonly { readonly packet: { readonly link: string }; readonly changes: readonly string[] }[]
  readonly tables: readonly { readonly node: string; readonly table: string; readonly rows: readonly string[][] }[]
  readonly cause?: CauseAnswer
  readonly probe?: readonly ProbeOutput[]
}

interface Runs {
  readonly seeds: readonly (Parameters<typeof replayText>[0] & { readonly hash: string })[]
  readonly passed: number
}

let folder: string
let file: string
let hash: string
const cleanups: (() => Promise<void>)[] = []

before(async () => {
  folder = await temporaryDirectory({ after: (fn) => cleanups.push(fn) })
  const flags = ['--seeds', '3', '--minutes', String(MINUTES), '--topology', TOPOLOGY, '--output', folder, '--json']
  const run = await lode(['sim', 'run', ...flags])
  assert.equal(run.status, 0, run.stderr + run.stdout)
  const { seeds, passed } = JSON.parse(run.stdout) as Runs
  assert.equal(passed, 1)
  const [verdict] = seeds
  assert.ok(verdict !== undefined)
  hash = verdict.hash
  file = join(folder, 'run.json')
  await writeFile(file, replayText(verdict, MINUTES, TOPOLOGY))
})
after(async () => {
  for (const cleanup of cleanups) await cleanup()
})

async function replay(...flags: readonly string[]): Promise<Stop> {
  const result = await lode(['sim', 'replay', file, '--json', ...flags])
  assert.equal(result.status, 0, result.stderr)
  return JSON.parse(result.stdout) as Stop
}

test('a replay of a run on a topology of one’s own ends with the same hash, in another process', async () => {
  assert.match(hash, /^[0-9a-f]{16}$/)
  const text = await lode(['sim', 'replay', file])
  assert.equal(text.status, 0, text.stderr)
  assert.match(text.stdout, new RegExp(`hash ${hash}, as stored\n$`))
})

test('--until stops there, with tables and packets; --steps goes on frame by frame and says what each changed', async () => {
  const stop = await replay('--until', '0', '--packets', '1', '--steps', '60')
  assert.equal(stop.verdict, undefined)
  assert.ok(stop.stoppedAtMs < 1100, `${stop.stoppedAtMs}`)
  assert.equal(stop.packets.length, 1)
  assert.equal(stop.steps.length, 60)
  assert.ok(
    stop.steps.some(({ changes }) => changes.some((line) => line.startsWith('+ '))),
    'while the rack comes up, frames change tables',
  )
  const tables = new Set(stop.tables.map(({ node, table }) => `${node} ${table}`))
  for (const name of ['switch0 rib', 'sled1 v2p', 'isp0 routes']) assert.ok(tables.has(name), name)
})

test('--break stops where its condition holds first', async () => {
  const stop = await replay('--break', 'frame.link == "sled1-switch0" && frame.direction == "b-to-a" && now > 1')
  const last = stop.packets.at(-1)
  assert.deepEqual([last?.link, last?.direction], ['sled1-switch0', 'b-to-a'])
  assert.ok(stop.stoppedAtMs > 1000)
  const wrong = await lode(['sim', 'replay', file, '--break', 'now >'])
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /--break: .*column 6/)
})

test('--cause tells of an entry who wrote it and which packets used it since the beginning', async () => {
  const { cause } = await replay('--cause', 'switch0 ingress_ipv4 198.51.100.')
  const requests = cause?.entries.flatMap((entry) => entry.requests.map(({ operation }) => operation)) ?? []
  assert.ok(requests.includes('instance_create'), JSON.stringify(cause))
  assert.ok(cause?.entries.some(({ samples, hits = 0 }) => samples.length > 0 && hits >= samples.length))
})

test('--probe watches a run in virtual time, per interval too, and changes nothing about it', async () => {
  const program =
    'bgp:up { @up[node] = count() } api:done { @[path] = count() } tick-2s { printa(@up) } END { printf("over") }'
  const { verdict, probe = [] } = await replay('--probe', program)
  assert.equal(verdict?.hash, hash)
  const tables = probe.flatMap((each) => (each.kind === 'aggregation' ? [each] : []))
  const ups = tables.filter(({ name }) => name === 'up')
  assert.ok(ups.length > 2, 'one every two seconds')
  const rows = new Set(ups.at(-1)?.rows.map(({ keys }) => keys[0]))
  assert.deepEqual(rows, new Set(['switch0', 'switch1', 'isp0', 'isp1', 'client']))
  assert.ok(
    tables.at(-1)?.rows.some(({ keys }) => keys[0] === '/v1/instances'),
    'requests of users',
  )
  assert.ok(probe.some((each) => each.kind === 'text' && each.text === 'over'))
  const wrong = await lode(['sim', 'replay', file, '--probe', 'bgp:upp { @ = count() }'])
  assert.equal(wrong.status, 2)
  assert.match(wrong.stderr, /bgp:upp .*\n\^{7}\n/)
  const mistaken = await lode(['sim', 'run', '--seeds', '1', '--probe', 'bgp:up { @ = cnt() }'])
  assert.equal(mistaken.status, 2)
  assert.match(mistaken.stderr, /\^{3}/)
})

test('a file that is no stored run is refused with what is wrong', async () => {
  const bad = join(folder, 'bad.json')
  await writeFile(bad, (await readFile(file, 'utf8')).replace('"seed": 3', '"seed": "three"'))
  const refused = await lode(['sim', 'replay', bad])
  assert.equal(refused.status, 2)
  assert.match(refused.stderr, /seed: /)
})
