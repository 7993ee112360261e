/** The rack's name servers answer the internet for the delegated zone, through switches and packet engines, as silos come and go. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { httpFetch } from '@lodestone/api'
import { findService, lookup, type LookupOptions, type LookupResult } from '@lodestone/dns'
import { CloudLab } from './cloud-lab.fixture.ts'

const ZONE = 'oxide.test'
const SERVERS = ['198.51.100.2', '198.51.100.3']
const API = '198.51.100.4'

let lab: CloudLab

before(async () => {
  lab = await CloudLab.start(2, ZONE)
  await lab.settle()
})
after(() => lab.close())

function ask(server: string, name: string, more: Partial<LookupOptions> = {}): Promise<LookupResult> {
  const { clock } = lab
  const { random } = lab.world
  return clock.run(lookup({ network: lab.client.stack, clock, random, server, name, type: 'A', ...more }))
}

const dataOf = (result: LookupResult): unknown[] => result.answers.map((answer) => 'data' in answer && answer.data)

test('the client resolves the API of the recovery silo over UDP and TCP from either name server', async () => {
  for (const server of SERVERS) {
    for (const transport of ['udp', 'tcp'] as const) {
      const result = await ask(server, `test-suite-silo.sys.${ZONE}`, { transport })
      assert.deepEqual(
        [result.rcode, result.isAuthoritative, result.transport, dataOf(result)],
        ['NOERROR', true, transport, [API]],
      )
    }
  }
})

test('the zone names its name servers, with their addresses', async () => {
  const result = await ask(SERVERS[0]!, ZONE, { type: 'NS' })
  assert.deepEqual(dataOf(result), [`ns1.${ZONE}`, `ns2.${ZONE}`])
  assert.deepEqual(
    result.additionals.map((record) => 'data' in record && record.data),
    SERVERS,
  )
  assert.deepEqual(dataOf(await ask(SERVERS[1]!, `ns2.${ZONE}`)), [SERVERS[1]])
  assert.equal((await ask(SERVERS[0]!, 'example.com')).rcode, 'REFUSED')
})

test('a silo that is made gets its name, and loses it when it is deleted', async () => {
  const name = `eng.sys.${ZONE}`
  assert.equal((await ask(SERVERS[0]!, name)).rcode, 'NXDOMAIN')
  const quotas = { cpus: 1, memory: 1, storage: 1 }
  await lab.done(
    lab.api.silo_create({
      body: {
        name: 'eng',
        description: 'Engineering',
        identity_mode: 'local_only',
        discoverable: true,
        quotas,
        tls_certificates: [],
        mapped_fleet_roles: {},
      },
    }),
  )
  await lab.settle()
  for (const server of SERVERS) assert.deepEqual(dataOf(await ask(server, name)), [API])
  await lab.done(lab.api.silo_delete({ params: { silo: 'eng' } }))
  await lab.settle()
  for (const server of SERVERS) assert.equal((await ask(server, name)).rcode, 'NXDOMAIN')
})

test('a port that is not the service gets no answer: the firewall of a service lets in what it is for', async () => {
  await assert.rejects(ask(SERVERS[0]!, ZONE, { port: 5353, timeoutMs: 1000 }), { code: 'ETIMEDOUT' })
})

test('a name server whose sled lost its power answers again when the sled is back, with the zone as it is then', async () => {
  await lab.clock.run(lab.emulation.setPower('sled1', false))
  await assert.rejects(ask(SERVERS[1]!, ZONE, { type: 'NS', timeoutMs: 1000 }), { code: 'ETIMEDOUT' })
  assert.equal((await ask(SERVERS[0]!, ZONE, { type: 'NS' })).rcode, 'NOERROR', 'the other one goes on')
  await lab.clock.run(lab.emulation.setPower('sled1', true))
  await lab.untilReady()
  await lab.settle()
  assert.deepEqual(dataOf(await ask(SERVERS[1]!, `test-suite-silo.sys.${ZONE}`)), [API])
})

/** What a daemon on a sled finds, by the rack's own name servers. */
async function find(from: string, service: string) {
  const { clock } = lab
  const { stack } = lab.emulation.sleds().find(({ name }) => name === from)!
  const servers = ['fd00:1122:3344:1::1', 'fd00:1122:3344:2::1', 'fd00:1122:3344:3::1']
  const random = lab.world.random.fork(`${from} ${service}`)
  return clock.run(
    findService({ network: stack, clock, random, servers, service: `${service}.control-plane.oxide.internal` }),
  )
}

test('daemons find each other by name on the underlay', async () => {
  const [sled] = (await lab.done(lab.api.sled_list())).items
  assert.deepEqual(await find('sled1', `_sled-agent._tcp.${sled!.id}.sled`), [
    { address: 'fd00:1122:3344:101::1', port: 12345 },
  ])
  for (const [service, port] of [
    ['_dendrite._tcp', 12224],
    ['_mgd._tcp', 4676],
    ['_mgs._tcp', 12225],
  ] as const) {
    const places = (await find('sled0', service)).toSorted((a, b) => a.address.localeCompare(b.address))
    assert.deepEqual(places, [
      { address: 'fd00:1122:3344:101::2', port },
      { address: 'fd00:1122:3344:102::2', port },
    ])
  }
  assert.deepEqual(await find('sled0', '_nothing._tcp'), [])
})

test('a control plane that has moved to another sled is found there, by the name servers that are left', async () => {
  const ping = async (from: string): Promise<readonly [string, number]> => {
    const [place] = await find(from, '_nexus._tcp')
    assert.ok(place !== undefined)
    const { stack } = lab.emulation.sleds().find(({ name }) => name === from)!
    const fetch = httpFetch(stack, { clock: lab.clock, timeoutMs: 2000 })
    const answer = await lab.clock.run(fetch(new Request(`http://[${place.address}]:${place.port}/v1/ping`)))
    return [place.address, answer.status]
  }
  assert.deepEqual(await ping('sled1'), ['fd00:1122:3344:101::1', 200])
  await lab.clock.run(lab.emulation.setPower('sled0', false))
  await lab.clock.advance(15_000)
  assert.deepEqual(await ping('sled1'), ['fd00:1122:3344:102::1', 200])
  await lab.clock.run(lab.emulation.setPower('sled0', true))
  await lab.clock.advance(15_000)
  assert.deepEqual(await ping('sled1'), ['fd00:1122:3344:101::1', 200])
})
