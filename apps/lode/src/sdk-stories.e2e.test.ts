/**
 * A user's and an operator's story, told by the official TypeScript SDK to a real rack: `lode up` as a process, its API over HTTP, and
 * packets from the emulated internet as the proof. `packages/control/nexus/src/sdk-stories.test.ts` calls more operations, on a rack
 * that is not real.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Api, type ApiResult, type BgpPeerStatus, type VpcFirewallRuleUpdate } from '@oxide/api'
import { pageAt, pageWithin, RackProcess, until } from './lode-process.fixture.ts'

const GIB = 2 ** 30
const SILO = 'test-suite-silo'
const description = ''
/** From the default pool, apart from where automatic allocation begins. */
const WEB = '198.51.100.77'
/** Of a pool that the operator adds. */
const MORE = { prefix: '198.18.7.0/24', first: '198.18.7.10', last: '198.18.7.20' }
const SITE = `
export default async function main(guest: { hostname: string; http: any }) {
  await guest.http.serve(80, () => new Response(\`hello from \${guest.hostname}\\n\`))
}
`
const query = { project: 'shop' }
const inVpc = { ...query, vpc: 'web' }
const ALLOW_HTTP: VpcFirewallRuleUpdate = {
  name: 'allow-http',
  description,
  status: 'enabled',
  direction: 'inbound',
  action: 'allow',
  priority: 100,
  targets: [{ type: 'vpc', value: 'web' }],
  filters: { protocols: [{ type: 'tcp' }], ports: ['80'] },
}

let directory = ''
let rack: RackProcess
let webPort = 0
let morePort = 0
let api: Api['methods']

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lode-test-'))
  const publish = [WEB, MORE.first].map((address) => `--publish=0=${address}:80`)
  rack = await RackProcess.start(directory, '--sleds', '2', ...publish)
  webPort = rack.portOf(`${WEB}:80`)
  morePort = rack.portOf(`${MORE.first}:80`)
})

after(async () => {
  await rack?.kill('SIGKILL')
  await rm(directory, { recursive: true, force: true, maxRetries: 5 })
})

async function done<T>(call: Promise<ApiResult<T>>): Promise<T> {
  const result = await call
  assert.equal(result.type, 'success', JSON.stringify(result.type === 'success' ? '' : result))
  // because of the line before
  return (result as { data: T }).data
}

const page = (port: number): Promise<string> => pageAt(`http://127.0.0.1:${port}/`)

/** How long the slowest answer took: what is waited for ten times as long in vain is silence, on this machine as it is now. */
let slowestMs = 50

/** The site says its name to the internet. */
async function answers(port: number): Promise<void> {
  assert.equal(await page(port), 'hello from site\n')
  const startMs = performance.now()
  await page(port)
  slowestMs = Math.max(slowestMs, performance.now() - startMs)
}

/** The client's ping is answered. */
function pinged(address: string): Promise<true> {
  return until(`${address} answers a ping`, async () =>
    (await rack.lode('exec', 'client', '--', 'ping', '-c', '1', address)).status === 0 ? true : undefined,
  )
}

/** It says nothing any more. */
function isSilent(port: number): Promise<true> {
  return until(`port ${port} is silent`, async () =>
    (await pageWithin(`http://127.0.0.1:${port}/`, 10 * slowestMs)) === undefined ? true : undefined,
  )
}

test('a user logs in by password and device flow', async () => {
  const host = rack.up.api
  const browser = new Api({ host }).methods
  const login = await browser.loginLocal({
    path: { siloName: SILO },
    body: { username: 'test-privileged', password: 'oxide' },
  })
  assert.equal(login.response.status, 204)
  const cookie = login.response.headers.get('set-cookie')!.split(';')[0]!
  const session = new Api({ host, baseParams: { headers: { cookie } } }).methods
  const client_id = '6c6f6465-7374-4f6e-8500-000000000002'
  const post = async (path: string, fields: Record<string, string>): Promise<Record<string, string>> => {
    const response = await fetch(`${host}${path}`, { method: 'POST', body: new URLSearchParams(fields) })
    // because both answers are objects of texts and numbers
    return (await response.json()) as Record<string, string>
  }
  const started = await post('/device/auth', { client_id })
  await done(session.deviceAuthConfirm({ body: { userCode: started['user_code']! } }))
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const granted = await post('/device/token', { grant_type, device_code: started['device_code']!, client_id })
  api = new Api({ host, token: granted['access_token']! }).methods
  assert.equal((await done(api.currentUserView({}))).siloName, SILO)
})

test('a site in a VPC of its own answers the internet where its firewall lets it, and as long as it has its address', async () => {
  await done(api.projectCreate({ body: { name: 'shop', description } }))
  await done(api.vpcCreate({ query, body: { name: 'web', description, dnsName: 'web' } }))
  const addressAllocator = { type: 'explicit' as const, ip: WEB }
  await done(api.floatingIpCreate({ query, body: { name: 'www', description, addressAllocator } }))
  const body = {
    name: 'site',
    description,
    hostname: 'site',
    ncpus: 1,
    memory: GIB,
    networkInterfaces: {
      type: 'create' as const,
      params: [{ name: 'net0', description, vpcName: 'web', subnetName: 'default' }],
    },
    externalIps: [{ type: 'floating' as const, floatingIp: 'www' }],
    userData: Buffer.from(SITE).toString('base64'),
  }
  await done(api.instanceCreate({ query, body }))
  await until('the site runs', async () => {
    const { runState } = await done(api.instanceView({ path: { instance: 'site' }, query }))
    return runState === 'running' ? true : undefined
  })
  // A new VPC lets in ping and SSH only.
  await pinged(WEB)
  await isSilent(webPort)
  const { rules } = await done(api.vpcFirewallRulesView({ query: inVpc }))
  await done(api.vpcFirewallRulesUpdate({ query: inVpc, body: { rules: [...rules, ALLOW_HTTP] } }))
  await answers(webPort)

  await done(api.vpcFirewallRulesUpdate({ query: inVpc, body: { rules } }))
  await isSilent(webPort)
  await done(api.vpcFirewallRulesUpdate({ query: inVpc, body: { rules: [...rules, ALLOW_HTTP] } }))
  await answers(webPort)

  await done(api.floatingIpDetach({ path: { floatingIp: 'www' }, query }))
  await isSilent(webPort)
  const parent = { kind: 'instance' as const, parent: 'site' }
  await done(api.floatingIpAttach({ path: { floatingIp: 'www' }, query, body: parent }))
  await answers(webPort)
})

test('an operator adds a pool and announces it: an address of it is reached', async () => {
  const pool = { pool: 'more' }
  await done(api.systemIpPoolCreate({ body: { name: 'more', description } }))
  await done(api.systemIpPoolRangeAdd({ path: pool, body: { first: MORE.first, last: MORE.last } }))
  await done(api.systemIpPoolSiloLink({ path: pool, body: { silo: SILO, isDefault: false } }))
  const block = { firstAddress: '198.18.7.0', lastAddress: '198.18.7.255' }
  await done(api.networkingAddressLotCreate({ body: { name: 'more', description, kind: 'pool', blocks: [block] } }))
  const [set] = await done(api.networkingBgpAnnounceSetList({}))
  const before = await done(api.networkingBgpAnnouncementList({ path: { announceSet: set!.id } }))
  const announcement = [
    ...before.map(({ network }) => ({ network, addressLotBlock: 'initial-pool' })),
    { network: MORE.prefix, addressLotBlock: 'more' },
  ]
  await done(api.networkingBgpAnnounceSetUpdate({ body: { name: set!.name, description, announcement } }))
  await until('every switch announces it', async () => {
    const told = (await done(api.networkingBgpExported({}))).filter(({ prefix }) => prefix === MORE.prefix)
    return new Set(told.map((each) => each.switch)).size === 2 ? true : undefined
  })

  // What is not of the silo's default pool leaves by the gateways that its pool is attached to.
  const inGateway = { ...inVpc, gateway: 'default' }
  await done(api.internetGatewayIpPoolCreate({ query: inGateway, body: { name: 'more', description, ipPool: 'more' } }))
  const addressAllocator = { type: 'explicit' as const, ip: MORE.first }
  await done(api.floatingIpCreate({ query, body: { name: 'more', description, addressAllocator } }))
  const parent = { kind: 'instance' as const, parent: 'site' }
  await done(api.floatingIpAttach({ path: { floatingIp: 'more' }, query, body: parent }))
  await answers(morePort)
})

test('an operator takes an uplink away and puts it back: its sessions go and come, and the site answers all the while', async () => {
  const rackId = (await done(api.rackList({}))).items[0]!.id
  const switchSlot = 'switch0' as const
  const at = { path: { port: 'qsfp0' }, query: { rackId, switchSlot } }
  const sessions = async (): Promise<readonly BgpPeerStatus[]> =>
    (await done(api.networkingBgpStatus({}))).filter((peer) => peer.state === 'established')
  const sessionsAre = (count: number): Promise<true> =>
    until(`there are ${count} sessions`, async () => ((await sessions()).length === count ? true : undefined))
  // Of each of four uplinks one session for each family.
  await sessionsAre(8)
  const neighbors = { path: { rackId, switchSlot, port: 'qsfp0' } }
  await until('the neighbour has told who it is', async () => {
    const { items } = await done(api.networkingSwitchPortLldpNeighbors(neighbors))
    return items[0]?.chassisId === 'isp0' ? true : undefined
  })
  await done(api.networkingSwitchPortClearSettings(at))
  await sessionsAre(6)
  await answers(webPort)
  await done(api.networkingSwitchPortApplySettings({ ...at, body: { portSettings: 'switch0-qsfp0' } }))
  await sessionsAre(8)
  await answers(webPort)
})

test('what the user deletes is gone', async () => {
  const path = { instance: 'site' }
  await done(api.instanceStop({ path, query }))
  await until('the site has stopped', async () => {
    const { runState } = await done(api.instanceView({ path, query }))
    return runState === 'stopped' ? true : undefined
  })
  await done(api.instanceDelete({ path, query }))
  for (const floatingIp of ['www', 'more']) await done(api.floatingIpDelete({ path: { floatingIp }, query }))
  await isSilent(webPort)
  await done(api.vpcSubnetDelete({ path: { subnet: 'default' }, query: inVpc }))
  await done(api.vpcDelete({ path: { vpc: 'web' }, query }))
  assert.deepEqual((await done(api.instanceList({ query }))).items, [])
})
