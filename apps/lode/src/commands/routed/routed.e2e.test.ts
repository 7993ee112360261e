/** Two daemons as processes that peer over loopback, and the commands that ask them. Needs no privileges. */
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  type Finished,
  lode,
  lodeHere,
  LODE,
  type Running,
  says,
  start,
  temporaryDirectory,
  until,
} from '../../lode-process.fixture.ts'

/**
 * Each daemon has a loopback address that no other process of tests has, so that a port of it is free: ports that each other's
 * configurations have to name cannot be picked by the system.
 */
const loopback = (n: number): string =>
  `127.${100 + n + 2 * (process.pid >> 16)}.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`
const PORT = 1790

const PREFIXES = ['198.51.100.0/24', '203.0.113.0/24', '2001:db8:7::/48']

test('two daemons exchange routes; commands explain them; a reload applies what differs; a wrong file changes nothing', async (t) => {
  const directory = await temporaryDirectory(t)
  const peer = (n: number, more: string): string =>
    [
      `  - { name: other, address: ${loopback(n)}, port: ${PORT}, asn: 6500${n}, local_address: ${loopback(3 - n)}, connect_retry_s: 0.5,`,
      `      export: accept, next_hop_ipv4: 198.18.77.${3 - n}, next_hop_ipv6: "2001:db8::${3 - n}", ${more} }`,
    ].join('\n')
  const left = (more: string): string =>
    [
      `router: { asn: 65001, id: 10.0.0.1, listen: ["${loopback(1)}:${PORT}"] }`,
      'policies:',
      '  in: [{ match: { prefix: [203.0.113.0/24] }, verdict: reject }, { set: { local_pref: 150 }, verdict: accept }]',
      'peers:',
      peer(2, more),
      'mrt: { directory: mrt, updates: true, rotate_s: 1 }',
    ].join('\n')
  const right = [
    `router: { asn: 65002, id: 10.0.0.2, listen: ["${loopback(2)}:${PORT}"], originate: [${PREFIXES.map((each) => `"${each}"`).join(', ')}] }`,
    'peers:',
    peer(1, 'import: accept, passive: true'),
  ].join('\n')

  const run = async (name: string, text: string): Promise<{ file: string; place: string; daemon: Running }> => {
    await mkdir(join(directory, name))
    const file = join(directory, name, 'router.yaml')
    const place = join(directory, name, 'admin.sock')
    await writeFile(file, text)
    const env = { ...process.env, LODE_ROUTED: place }
    const daemon = start(process.execPath, [LODE, 'routed', '--config', file], { env })
    t.after(() => daemon.kill('SIGKILL'))
    await until(`${name} runs`, () => daemon.stderr().includes('routed.started') || undefined)
    return { file, place, daemon }
  }
  const a = await run('a', left('import: accept'))
  const b = await run('b', right)
  const ask = (...args: readonly string[]): Promise<Finished> => lodeHere(...args, '--routed', a.place)
  const lines = async (...args: readonly string[]): Promise<{ prefix: string }[]> => {
    const { stdout } = await ask(...args, '--json')
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { prefix: string })
  }
  const routes = async (): Promise<string[]> => (await lines('rib', 'routes')).map(({ prefix }) => prefix).toSorted()

  await until('all routes are there', async () => (await routes()).length === 3 || undefined)
  await says(new RegExp(`other +${loopback(2).replaceAll('.', '\\.')} +65002 +Established`), () => ask('bgp', 'peers'))
  const explained = await ask('rib', 'explain', '198.51.100.7')
  assert.equal(explained.status, 0)
  assert.match(explained.stdout, /^198\.51\.100\.0\/24\n\n> bgp other via 198\.18\.77\.2/)
  assert.equal((await ask('rib', 'explain', '198.18.99.99')).status, 1)
  assert.match((await ask('bgp', 'peer', 'other', '--messages')).stdout, /← UPDATE/)
  assert.match((await ask('bfd', 'sessions')).stdout, /no sessions/)

  const next = join(directory, 'a', 'next.yaml')
  await writeFile(next, left('import: in'))
  const dry = await ask('routed', '--config', next, '--dry-run')
  assert.equal(dry.status, 0)
  assert.match(dry.stdout, /changed +peer other\nimport of other: 0 more routes, 1 fewer, 2 changed, of 3/)
  assert.equal((await routes()).length, 3)

  await writeFile(a.file, left('import: in'))
  a.daemon.kill('SIGHUP')
  await until('the policy is in force', async () => (await routes()).length === 2 || undefined)
  const received = await ask('bgp', 'received', 'other')
  assert.match(received.stdout, /203\.0\.113\.0\/24 .*refused: /)
  assert.doesNotMatch(a.daemon.stderr(), /routed\.bgp-down/, 'the session was not disturbed')

  await writeFile(a.file, left('import: nothing'))
  a.daemon.kill('SIGHUP')
  // The last of what it says about it.
  await until('the mistake is named', () => a.daemon.stderr().includes('has not changed') || undefined)
  assert.match(a.daemon.stderr(), /router\.yaml:6:\d+: peers\[0\]\.import: there is no policy nothing; there are in\n/)
  const refused = await ask('routed', '--reload')
  assert.equal(refused.status, 1)
  assert.equal((await routes()).length, 2)

  await until('a file of messages', async () => {
    const names = await readdir(join(directory, 'a', 'mrt')).catch(() => [])
    return names.some((name) => /^updates\..*\.mrt$/.test(name)) || undefined
  })
  a.daemon.kill('SIGTERM')
  assert.equal((await a.daemon.finished).status, 0)
  assert.equal((await ask('bgp', 'peers')).status, 3, 'nobody answers any more')
  await until('the peer knows', () => b.daemon.stderr().includes('routed.bgp-down') || undefined)
})

test('a file with mistakes is refused at the start, with each line', async (t) => {
  const directory = await temporaryDirectory(t)
  const file = join(directory, 'router.yaml')
  await writeFile(
    file,
    'router: { asn: 65000, id: 10.0.0.1 }\npeers:\n  - { address: 10.0.0.300, asn: 5 }\n  - { asn: 5, improt: accept }\n',
  )
  const checked = await lode(['routed', '--config', file, '--check'])
  assert.equal(checked.status, 1)
  assert.match(
    checked.stdout,
    /router\.yaml:3:16: peers\[0\]\.address: expected an IPv4 or IPv6 address, not "10\.0\.0\.300"\n/,
  )
  assert.match(checked.stdout, /\n {2}4 \| {3}- \{ asn: 5, improt: accept \}\n {4}\| {15}\^/)
  assert.match(checked.stdout, /unknown key "improt"; did you mean import\?/)
  const env = { ...process.env, LODE_ROUTED: join(directory, 'admin.sock') }
  const started = await lode(['routed', '--config', file], { env })
  assert.equal(started.status, 1)
  assert.match(started.stderr, /did you mean import\?/)
  assert.equal((await lode(['routed'])).status, 2)
})
