/** `lode up --config`: a rack from the example, reached from this machine through a published port and the whole data plane. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { tmpdir } from 'node:os'
import { lode, RackProcess, until } from './lode-process.fixture.ts'

const EXAMPLE = join(import.meta.dirname, '../../../examples/rack.toml')

let directory = ''
let rack: RackProcess
let dnsPort = 0
let apiPort = 0

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lode-test-'))
  const publish = ['--publish=0=198.51.100.2:53', '--publish=0=198.51.100.4:443']
  rack = await RackProcess.start(directory, '--sleds', '2', '--tls-port', '0', '--config', EXAMPLE, ...publish)
  dnsPort = rack.portOf('198.51.100.2:53')
  apiPort = rack.portOf('198.51.100.4:443')
})

after(async () => {
  await rack?.kill('SIGKILL')
  await rm(directory, { recursive: true, force: true, maxRetries: 5 })
})

test('a rack starts as the example says, with its pools, its recovery silo and sessions with its peers', async () => {
  const status = () => rack.json<{ api: { silo: string; username: string }; checks: { detail: string }[] }>('status')
  const { api } = await status()
  assert.deepEqual([api.silo, api.username], ['recovery', 'operator'])
  await until('the sessions are established', async () => {
    const { checks } = await status()
    return checks.some(({ detail }) => detail === '3 of 3 sessions of the switches are established') ? true : undefined
  })
  const pools = await rack.json<{ items: { name: string }[] }>('api', 'GET', '/v1/system/ip-pools')
  assert.deepEqual(pools.items.map(({ name }) => name).toSorted(), ['default', 'lab'])
})

test('the name of the recovery silo leads to the API over TLS, both through the data plane', async () => {
  const name = 'recovery.sys.rack.example'
  const ca = await readFile(rack.up.tls.caCertificate, 'utf8')
  const isUnreachable = (): undefined => undefined
  assert.equal(await until('a name server answers', () => address(dnsPort, name).catch(isUnreachable)), '198.51.100.4')
  assert.equal(await until('the API answers', () => secureStatus(apiPort, name, ca).catch(isUnreachable)), 200)
})

test('the authority is a file for clients and a key for its owner only; TLS is on this machine too, when asked for', async () => {
  const { caCertificate, hostname, port } = rack.up.tls
  assert.equal(caCertificate, join(directory, 'tls', 'ca.crt'))
  assert.equal(hostname, 'recovery.sys.rack.example')
  assert.equal((await stat(join(directory, 'tls', 'ca.key'))).mode & 0o777, 0o600)
  const ca = await readFile(caCertificate, 'utf8')
  assert.ok(port !== undefined)
  for (const name of [hostname, 'localhost']) assert.equal(await secureStatus(port, name, ca), 200, name)
  await assert.rejects(secureStatus(port, 'other.example', ca), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
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

/** The status of a ping of the API as `name`, at a port of this machine. */
function secureStatus(port: number, name: string, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername: name, headers: { host: name }, path: '/v1/ping', ca }
    get(options, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject)
  })
}

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
