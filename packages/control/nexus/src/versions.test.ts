/** Clients of older versions: what each that is in use pins, and what it gets. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openNexus } from './running-nexus.fixture.ts'

const LATEST = '2026081901.0.0'
const CONSOLE = '2026081700.0.0'
const TYPESCRIPT = '2026073100.0.0'
const RUST = '2026072800.0.0'
const GO = '2026060800.0.0'

const { nexus, cookie, close } = await openNexus()

after(close)

/** As much of the responses as is looked at here. */
interface View {
  readonly message: string
  readonly items: readonly object[]
  readonly ip_version: string
  readonly bgp_peers: readonly { readonly addr: object }[]
}

async function call(
  version: string | undefined,
  method: string,
  path: string,
  body?: unknown,
): Promise<[number, View]> {
  const headers = {
    cookie,
    ...(version === undefined ? {} : { 'api-version': version }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const response = await nexus.handler(new Request(`http://nexus${path}`, init))
  const text = await response.text()
  // because each test looks only at what its operation answers
  return [response.status, JSON.parse(text === '' ? '{}' : text) as View]
}

const settings = (name: string, addr: object) => ({
  name,
  description: '',
  port_config: { geometry: 'qsfp28x1' },
  links: [{ link_name: 'l', mtu: 1500, speed: 'speed100_g', autoneg: false, lldp: { enabled: true } }],
  addresses: [],
  bgp_peers: [
    {
      link_name: 'l',
      peers: [
        {
          addr,
          bgp_config: 'as',
          hold_time: 6,
          idle_hold_time: 1,
          delay_open: 0,
          connect_retry: 1,
          keepalive: 2,
          communities: [],
          enforce_first_as: false,
          allowed_import: { type: 'no_filtering' },
          allowed_export: { type: 'no_filtering' },
        },
      ],
    },
  ],
})

test('before 2026081901 a numbered BGP peer has `ip`, in bodies and in responses', async () => {
  await call(undefined, 'PUT', '/v1/system/networking/bgp-announce-set', {
    name: 'set',
    description: '',
    announcement: [],
  })
  const as = { name: 'as', description: '', asn: 64_512, bgp_announce_set_id: 'set', max_paths: 1 }
  assert.equal((await call(undefined, 'POST', '/v1/system/networking/bgp', as))[0], 201)
  const path = '/v1/system/networking/switch-port-settings'
  const old = { type: 'numbered', ip: '192.0.2.1' }
  const now = { type: 'numbered', target_addr: '192.0.2.1', src_addr: null }
  const addressOf = (view: View): object => view.bgp_peers[0]!.addr
  for (const version of [CONSOLE, TYPESCRIPT, RUST, GO]) {
    const [status, made] = await call(version, 'POST', path, settings('old', old))
    assert.equal(status, 201, JSON.stringify(made))
    assert.deepEqual(addressOf(made), old)
    assert.deepEqual(addressOf((await call(version, 'GET', `${path}/old`))[1]), old)
    const { target_addr: target } = addressOf((await call(LATEST, 'GET', `${path}/old`))[1]) as { target_addr: string }
    assert.equal(target, '192.0.2.1')
  }
  assert.equal((await call(LATEST, 'POST', path, settings('old', old)))[0], 400, 'the newest version wants target_addr')
  assert.equal((await call(GO, 'POST', path, settings('new', now)))[0], 201, 'and an old one does not mind it')
})

test('before 2026081200 a sled has no slot', async () => {
  const sledOf = async (version: string): Promise<object> =>
    (await call(version, 'GET', '/v1/system/hardware/sleds'))[1].items[0]!
  for (const version of [LATEST, CONSOLE, undefined]) {
    const [, page] = await call(version, 'GET', '/v1/system/hardware/sleds')
    assert.ok('slot' in page.items[0]!, version)
  }
  for (const version of [TYPESCRIPT, RUST, GO]) {
    const sled = await sledOf(version)
    assert.ok(!('slot' in sled) && 'baseboard' in sled, version)
  }
})

test('before 2026061100 an IP pool has no assignment, and there is no operation to change it', async () => {
  const pool = { name: 'pool', description: '' }
  const [status, made] = await call(GO, 'POST', '/v1/system/ip-pools', pool)
  assert.equal(status, 201)
  assert.ok(!('assignment' in made) && made.ip_version === 'v4')
  for (const path of ['/v1/system/ip-pools', '/v1/system/ip-pools/pool']) {
    const [, old] = await call(GO, 'GET', path)
    const [, now] = await call(RUST, 'GET', path)
    assert.ok(!JSON.stringify(old).includes('"assignment"'))
    assert.ok(JSON.stringify(now).includes('"assignment":"silos"'))
  }
  const change = { assignment: 'system_services' }
  const [refused, error] = await call(GO, 'POST', '/v1/system/ip-pools/pool/assignment', change)
  assert.deepEqual([refused, error.message], [404, 'Not Found'])
  assert.equal((await call(RUST, 'POST', '/v1/system/ip-pools/pool/assignment', change))[0], 200)
})

test('a newer version than ours and what is no version are refused, whatever is asked', async () => {
  for (const path of ['/v1/ping', '/v1/projects', '/v1/alerts']) {
    for (const version of ['2026081902.0.0', '2026081901.0.1', '2027010100.0.0']) {
      const [status, error] = await call(version, 'GET', path)
      assert.deepEqual([status, error.message], [400, `server does not support this API version: ${version}`])
      assert.ok(!('error_code' in error))
    }
    const [status, error] = await call('v1', 'GET', path)
    assert.deepEqual([status, error.message], [400, 'unable to parse api-version header: "v1"'])
  }
  assert.equal((await call('2020010100.0.0', 'GET', '/v1/ping'))[0], 200)
})
