/**
 * Requests a second on one core with the embedded store in memory, each authenticated by its token and authorized from the store:
 * `node packages/control/nexus/bench/requests.ts [seconds per row]`. Rates are per CPU second of this process, so that a busy machine does
 * not lower them; three rounds, the median counts.
 */
import { client } from '@lodestone/api'
import { DEVICE_GRANT_TYPE, nexusApi } from '@lodestone/contract-nexus'
import { Host, MemoryFabric, MemoryFiles, RealClock, OsRandom } from '@lodestone/host'
import process from 'node:process'
import { Nexus } from '../src/nexus.ts'

const GIB = 2 ** 30
const ROUNDS = 3
const seconds = Number(process.argv[2] ?? 1)
const clock = new RealClock()
const random = new OsRandom()
const fabric = new MemoryFabric(clock, 0)
const host = new Host({
  name: 'nexus',
  clock,
  random,
  files: new MemoryFiles(),
  networks: { underlay: fabric.network('nexus', ['fd00::1']) },
})
const baseboard = { serial: 'LDS10000000', part: 'lodestone-sled', revision: 6 }
const sled = { id: random.uuid(), slot: 0, baseboard, underlayAddress: 'fd00::2' }
const nexus = new Nexus(host, {
  inventory: { rackId: random.uuid(), sleds: [sled], switches: [] },
  // Nobody is there: the reconcilers find that out, and requests do not wait for them.
  fetch: () => Promise.reject(new Error('no rack')),
  passwordCost: { memoryKiB: 64, iterations: 1 },
})
await nexus.start()
const token = await obtainToken()
const api = client(
  nexusApi,
  (request) => {
    request.headers.set('authorization', `Bearer ${token}`)
    return nexus.handler(request)
  },
  'http://nexus',
)
const query = { project: 'p' }
await api.system_ip_pool_create({ body: { name: 'pool', description: '' } })
const range = { first: '10.0.0.1', last: '10.255.0.0' }
await api.system_ip_pool_range_add({ params: { pool: 'pool' }, body: range })
const link = { silo: 'test-suite-silo', is_default: true }
await api.system_ip_pool_silo_link({ params: { pool: 'pool' }, body: link })
await api.project_create({ body: { name: 'p', description: '' } })
for (let i = 0; i < 100; i++) {
  const body = { name: `i${i}`, description: '', hostname: `i${i}`, ncpus: 1, memory: GIB, start: false }
  const made = await api.instance_create({ query, body })
  if (!made.ok) throw new Error(made.message)
}

const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
/** A whole request without its client: what a server pays between a parsed request and the bytes of the answer. */
async function ask(method: string, path: string, body?: unknown): Promise<void> {
  const request = new Request(`http://nexus${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const response = await nexus.handler(request)
  const { length } = await response.arrayBuffer().then((bytes) => new Uint8Array(bytes))
  if (!response.ok || length === 0) throw new Error(`${method} ${path}: ${response.status}`)
}

let created = 0
const rows: readonly [string, number, () => Promise<void>][] = [
  ['list of 100 instances', 400, () => ask('GET', '/v1/instances?project=p&limit=100')],
  ['one view', 700, () => ask('GET', '/v1/instances/i50?project=p')],
  [
    'floating IP create',
    200,
    () => ask('POST', '/v1/floating-ips?project=p', { name: `f${created++}`, description: '' }),
  ],
]
for (const [name, goal, call] of rows) {
  const rates: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const before = process.cpuUsage()
    const endMs = clock.nowMs() + seconds * 1000
    let count = 0
    for (; clock.nowMs() < endMs; count++) await call()
    const { user, system } = process.cpuUsage(before)
    if (round > 0) rates.push((count / (user + system)) * 1e6) // the first warms up
  }
  const median = rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)]!
  console.log(`${name.padEnd(24)} ${median.toFixed(0).padStart(6)} /s   goal ${goal}`)
}
await nexus.close()

async function obtainToken(): Promise<string> {
  const anonymous = client(nexusApi, nexus.handler, 'http://nexus')
  const login = await anonymous.login_local({
    params: { silo_name: 'test-suite-silo' },
    body: { username: 'test-privileged', password: 'oxide' },
  })
  if (!login.ok) throw new Error(login.message)
  const headers = { cookie: login.headers.get('set-cookie')!.split(';')[0]! }
  const client_id = random.uuid()
  const device = await anonymous.device_auth_request({ body: { client_id } })
  if (!device.ok) throw new Error(device.message)
  await anonymous.device_auth_confirm({ headers, body: { user_code: device.value.user_code } })
  const body = { grant_type: DEVICE_GRANT_TYPE, device_code: device.value.device_code, client_id }
  const grant = await anonymous.device_access_token({ body })
  if (!grant.ok) throw new Error(grant.message)
  return (grant.value as { access_token: string }).access_token
}
