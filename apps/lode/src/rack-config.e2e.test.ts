/** `lode up --config`: a rack from the example, reached from this machine through a published port and the whole data plane. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { tmpdir } from 'node:os'
import { freePort, lode, RackProcess } from './lode-process.fixture.ts'

const EXAMPLE = join(import.meta.dirname, '../../../examples/rack.toml')

let directory = ''
let rack: RackProcess
let dnsPort = 0
let apiPort = 0

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lode-test-'))
  dnsPort = await freePort()
  apiPort = await freePort()
  const publish = [`--publish=${dnsPort}=198.51.100.2:53`, `--publish=${apiPort}=198.51.100.4:80`]
  rack = await RackProcess.start(directory, '--sleds', '2', '--config', EXAMPLE, ...publish)
})

after(async () => {
  await rack?.kill('SIGKILL')
  await rm(directory, { recursive: true, force: true, maxRetries: 5 })
})

test('a rack starts as the example says, with its pools, its recovery silo and sessions with its peers', async () => {
  const info = await rack.json<{ api: { silo: string; username: string }; checks: { detail: string }[] }>('status')
  assert.deepEqual([info.api.silo, info.api.username], ['recovery', 'operator'])
  assert.ok(info.checks.some(({ detail }) => detail === '3 of 3 sessions of the switches are established'))
  const pools = await rack.json<{ items: { name: string }[] }>('api', 'GET', '/v1/system/ip-pools')
  assert.deepEqual(pools.items.map(({ name }) => name).toSorted(), ['default', 'lab'])
})

test('the name of the recovery silo leads to the API, both through the data plane', async () => {
  assert.equal(await address(dnsPort, 'recovery.sys.rack.example'), '198.51.100.4')
  const ping = await fetch(`http://127.0.0.1:${apiPort}/v1/ping`)
  assert.deepEqual(await ping.json(), { status: 'ok' })
})

test('mistakes in the file are told with their lines, and nothing starts', async () => {
  const file = join(directory, 'bad.toml')
  await writeFile(file, '[rack]\nasn = "one"\nname = "x"\n')
  const { status, stderr } = await lode(['up', '--config', file, '--state', join(directory, 'other')])
  assert.equal(status, 2)
  assert.match(stderr, /bad\.toml:2: asn is an AS number/)
  assert.match(stderr, /bad\.toml:3: nothing here is called name/)
  const absent = await lode(['up', '--config', join(directory, 'absent.toml')])
  assert.equal(absent.status, 2)
  assert.match(absent.stderr, /absent\.toml: it cannot be read/)
})

/** The first A record of a name, asked over TCP: a query by hand, for this is a client that knows nothing of the rack. */
async function address(port: number, name: string): Promise<string> {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
  const header = Buffer.from([0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  const query = Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])])
  const socket = connect(port, '127.0.0.1')
  socket.write(Buffer.concat([Buffer.from([0, query.length]), query]))
  let received = Buffer.alloc(0)
  for await (const bytes of socket) {
    received = Buffer.concat([received, bytes as Buffer])
    if (received.length > 2 && received.length >= 2 + received.readUInt16BE(0)) break
  }
  return [...received.subarray(-4)].join('.')
}
