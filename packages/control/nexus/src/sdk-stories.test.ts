/**
 * The stories of a user and of an operator, told by the official TypeScript SDK over HTTP to a control plane with a rack that is not real
 * behind it. Together they call every operation of the two minimum sets that is served; every response is compared with the published interface.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type HttpServer, serveHttp } from '@lodestone/api'
import { nexusApi } from '@lodestone/contract-nexus'
import { MemoryFiles, OsNetwork, SeededRandom } from '@lodestone/host'
import { Api, type ApiResult, type Instance } from '@oxide/api'
import { WebSocket } from 'ws'
import { type FakeRack, makeFakeRack } from './fake-rack.fixture.ts'
import { OPERATOR_STORY, USER_STORY } from './minimum-sets.fixture.ts'
import type { Nexus } from './nexus.ts'
import { readReference, REFERENCE_MISSING, referenceCheck } from './reference.fixture.ts'
import { TestIdentityProvider } from './saml/identity-provider.fixture.ts'
import { openTestStore, type TestStore } from './test-store.fixture.ts'
import { CertificateAuthority } from './tls/certificate-authority.ts'

const GIB = 2 ** 30
const SILO = 'test-suite-silo'
const description = ''
const referenceText = readReference()
const reference = referenceCheck(referenceText)

let rack: FakeRack
let opened: TestStore
let nexus: Nexus
let server: HttpServer
let host = ''
let cookie = ''
let api: Api['methods']
let isOver = false
let time: Promise<void>

before(async () => {
  rack = await makeFakeRack(2, Date.now()) // because OpenSSL judges certificates by the real time
  opened = await openTestStore(rack.clock)
  nexus = rack.makeNexus({ store: opened.store })
  await nexus.start()
  server = await serveHttp(new OsNetwork(), { address: '127.0.0.1', port: 0 }, reference.watch(nexus.handler))
  host = `http://127.0.0.1:${server.port}`
  // The SDK's connections are real ones; what the control plane asks of the rack passes in virtual time meanwhile, a few times as fast.
  // As fast as it can would be a thousand times: codes and sessions would end before a slow machine has brought them back.
  time = (async () => {
    for (let beforeMs = performance.now(); !isOver;) {
      const nowMs = performance.now()
      await rack.clock.advance(4 * Math.min(nowMs - beforeMs, 50))
      beforeMs = nowMs
      await setTimeout(1)
    }
  })()
})

after(async () => {
  server.close()
  await nexus.close().finally(() => (isOver = true))
  await time
  await opened.close()
})

async function done<T>(call: Promise<ApiResult<T>>): Promise<T> {
  const result = await call
  assert.equal(result.type, 'success', JSON.stringify(result.type === 'success' ? '' : result))
  // because of the line before
  return (result as { data: T }).data
}

/** Asks again and again. The requests are real ones, so that it is no virtual time that ends what hangs. */
async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  const endMs = performance.now() + 180_000
  while (performance.now() < endMs) {
    const answer = await ask()
    if (isRight(answer)) return answer
  }
  throw new Error('it does not come to that')
}

/** Posts a form, as browsers' and command lines' OAuth libraries do. */
function form(path: string, fields: Record<string, string>): Promise<Response> {
  return fetch(`${host}${path}`, { method: 'POST', body: new URLSearchParams(fields) })
}

test('log in: by password in a browser, and from there by device flow on the command line', async () => {
  const browser = new Api({ host })
  const body = { username: 'test-privileged', password: 'oxide' }
  const login = await browser.methods.loginLocal({ path: { siloName: SILO }, body })
  assert.equal(login.response.status, 204)
  cookie = login.response.headers.get('set-cookie')!.split(';')[0]!
  const session = new Api({ host, baseParams: { headers: { cookie } } })
  assert.equal((await done(session.methods.currentUserView({}))).siloName, SILO)

  const client_id = '6c6f6465-7374-4f6e-8500-000000000001'
  const started = (await (await form('/device/auth', { client_id })).json()) as Record<string, string>
  const grant = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: started['device_code']!,
    client_id,
  }
  assert.deepEqual(await (await form('/device/token', grant)).json(), { error: 'authorization_pending' })
  await done(session.methods.deviceAuthConfirm({ body: { userCode: started['user_code']! } }))
  const token = (await (await form('/device/token', grant)).json()) as Record<string, string>
  assert.equal(token['token_type'], 'bearer')
  api = new Api({ host, token: token['access_token']! }).methods
  assert.deepEqual((await done(api.currentUserGroups({}))).items, [])
  const tokens = (await done(api.currentUserAccessTokenList({}))).items
  assert.equal(tokens.length, 1)
  const publicKey = 'ssh-ed25519 AAAA nobody'
  const key = await done(api.currentUserSshKeyCreate({ body: { name: 'key', description, publicKey } }))
  assert.equal((await done(api.currentUserSshKeyView({ path: { sshKey: key.id } }))).publicKey, publicKey)
  assert.equal((await done(api.currentUserSshKeyList({}))).items.length, 1)
})

test('an operator makes a pool for the silo, and may take it away again', async () => {
  const pool = await done(api.systemIpPoolCreate({ body: { name: 'internet', description } }))
  const path = { pool: 'internet' }
  const range = await done(api.systemIpPoolRangeAdd({ path, body: { first: '198.51.100.1', last: '198.51.100.200' } }))
  assert.equal(range.ipPoolId, pool.id)
  await done(api.systemIpPoolRangeAdd({ path, body: { first: '198.51.101.1', last: '198.51.101.9' } }))
  await done(api.systemIpPoolRangeRemove({ path, body: { first: '198.51.101.1', last: '198.51.101.9' } }))
  assert.equal((await done(api.systemIpPoolRangeList({ path }))).items.length, 1)
  await done(api.systemIpPoolSiloLink({ path, body: { silo: SILO, isDefault: false } }))
  await done(api.systemIpPoolSiloUpdate({ path: { ...path, silo: SILO }, body: { isDefault: true } }))
  assert.equal((await done(api.systemIpPoolSiloList({ path }))).items[0]!.isDefault, true)
  assert.equal((await done(api.siloIpPoolList({ path: { silo: SILO } }))).items[0]!.name, 'internet')
  assert.equal((await done(api.systemIpPoolUtilizationView({ path }))).capacity, 200)
  await done(api.systemIpPoolUpdate({ path, body: { description: 'to the outside' } }))
  assert.equal((await done(api.systemIpPoolView({ path }))).description, 'to the outside')
  await done(api.systemIpPoolCreate({ body: { name: 'spare', description } }))
  const spare = { pool: 'spare' }
  await done(api.systemIpPoolAssign({ path: spare, body: { assignment: 'system_services' } }))
  await done(api.systemIpPoolAssign({ path: spare, body: { assignment: 'silos' } }))
  await done(api.systemIpPoolSiloLink({ path: spare, body: { silo: SILO, isDefault: false } }))
  await done(api.systemIpPoolSiloUnlink({ path: { ...spare, silo: SILO } }))
  await done(api.systemIpPoolDelete({ path: spare }))
  assert.deepEqual(
    (await done(api.systemIpPoolList({}))).items.map(({ name }) => name),
    ['internet'],
  )
})

test('a user makes a project, a network and an instance, and sees it running', async () => {
  const query = { project: 'shop' }
  await done(api.projectCreate({ body: { name: 'shop', description } }))
  await done(api.projectUpdate({ path: query, body: { description: 'sells' } }))
  assert.equal((await done(api.projectView({ path: query }))).description, 'sells')
  assert.equal((await done(api.projectList({}))).items.length, 1)
  const policy = await done(api.projectPolicyView({ path: query }))
  await done(api.projectPolicyUpdate({ path: query, body: policy }))
  const siloPolicy = await done(api.policyView({}))
  await done(api.policyUpdate({ body: siloPolicy }))
  assert.ok((await done(api.userList({}))).items.length > 0)
  assert.deepEqual((await done(api.groupList({}))).items, [])
  assert.equal((await done(api.ipPoolList({}))).items[0]!.isDefault, true)
  assert.equal((await done(api.ipPoolView({ path: { pool: 'internet' } }))).name, 'internet')

  const vpc = await done(api.vpcCreate({ query, body: { name: 'web', description, dnsName: 'web' } }))
  const inVpc = { ...query, vpc: 'web' }
  await done(api.vpcUpdate({ path: { vpc: vpc.id }, body: { description: 'of the shop' } }))
  assert.equal((await done(api.vpcView({ path: { vpc: vpc.id } }))).description, 'of the shop')
  assert.equal((await done(api.vpcList({ query }))).items.length, 2, 'and the default one')
  const front = { name: 'front', description, ipv4Block: '10.1.0.0/24' }
  await done(api.vpcSubnetCreate({ query: inVpc, body: front }))
  await done(api.vpcSubnetUpdate({ path: { subnet: 'front' }, query: inVpc, body: { description: 'faces out' } }))
  assert.equal((await done(api.vpcSubnetView({ path: { subnet: 'front' }, query: inVpc }))).ipv4Block, '10.1.0.0/24')
  assert.equal((await done(api.vpcSubnetList({ query: inVpc }))).items.length, 2)

  const { rules } = await done(api.vpcFirewallRulesView({ query: inVpc }))
  const allowHttp = {
    name: 'allow-http',
    description,
    status: 'enabled' as const,
    direction: 'inbound' as const,
    action: 'allow' as const,
    priority: 100,
    targets: [{ type: 'vpc' as const, value: 'web' }],
    filters: { protocols: [{ type: 'tcp' as const }], ports: ['80'] },
  }
  assert.equal(
    (await done(api.vpcFirewallRulesUpdate({ query: inVpc, body: { rules: [...rules, allowHttp] } }))).rules.length,
    4,
  )

  await done(api.vpcRouterCreate({ query: inVpc, body: { name: 'own', description } }))
  const inRouter = { ...inVpc, router: 'own' }
  const drop = {
    name: 'nowhere',
    description,
    destination: { type: 'ip_net' as const, value: '192.0.2.0/24' },
    target: { type: 'drop' as const },
  }
  await done(api.vpcRouterRouteCreate({ query: inRouter, body: drop }))
  const { name: _, ...change } = drop
  await done(api.vpcRouterRouteUpdate({ path: { route: 'nowhere' }, query: inRouter, body: { ...change, name: 'nw' } }))
  assert.equal((await done(api.vpcRouterRouteView({ path: { route: 'nw' }, query: inRouter }))).kind, 'custom')
  assert.equal((await done(api.vpcRouterRouteList({ query: inRouter }))).items.length, 1)
  await done(api.vpcRouterUpdate({ path: { router: 'own' }, query: inVpc, body: { description: 'ours' } }))
  assert.equal((await done(api.vpcRouterView({ path: { router: 'own' }, query: inVpc }))).kind, 'custom')
  assert.equal((await done(api.vpcRouterList({ query: inVpc }))).items.length, 2)
  const [gateway] = (await done(api.internetGatewayList({ query: inVpc }))).items
  assert.equal((await done(api.internetGatewayView({ path: { gateway: gateway!.id } }))).name, 'default')
  const inGateway = { ...inVpc, gateway: 'default' }
  assert.equal((await done(api.internetGatewayIpPoolList({ query: inGateway }))).items.length, 1)
  assert.equal((await done(api.internetGatewayIpAddressList({ query: inGateway }))).items.length, 0)

  const floating = await done(api.floatingIpCreate({ query, body: { name: 'www', description } }))
  const made = await done(
    api.instanceCreate({
      query,
      body: {
        name: 'web1',
        description,
        hostname: 'web1',
        ncpus: 1,
        memory: GIB,
        networkInterfaces: {
          type: 'create',
          params: [{ name: 'net0', description, vpcName: 'web', subnetName: 'front' }],
        },
        externalIps: [{ type: 'floating', floatingIp: 'www' }],
        sshPublicKeys: ['key'],
      },
    }),
  )
  const path = { instance: made.id }
  const state = (wanted: Instance['runState']) =>
    until(
      () => done(api.instanceView({ path })),
      ({ runState }) => runState === wanted,
    )
  assert.ok((await state('running')).timeCreated instanceof Date, 'times are of the form that the SDK takes for one')
  assert.equal((await done(api.instanceList({ query }))).items[0]!.id, made.id)
  const addresses = (await done(api.instanceExternalIpList({ path }))).items
  assert.deepEqual(addresses.map(({ kind }) => kind).toSorted(), ['floating', 'snat'])
  assert.ok(addresses.some(({ ip }) => ip === floating.ip))
  await done(api.instanceEphemeralIpAttach({ path, body: { poolSelector: { type: 'auto' } } }))
  await done(api.instanceEphemeralIpDetach({ path }))
  const detached = await done(api.floatingIpDetach({ path: { floatingIp: floating.id } }))
  assert.equal(detached.instanceId, null)
  await done(api.floatingIpAttach({ path: { floatingIp: floating.id }, body: { kind: 'instance', parent: made.id } }))
  await done(api.floatingIpUpdate({ path: { floatingIp: 'www' }, query, body: { description: 'front door' } }))
  assert.equal((await done(api.floatingIpView({ path: { floatingIp: 'www' }, query }))).instanceId, made.id)
  assert.equal((await done(api.floatingIpList({ query }))).items.length, 1)
  assert.deepEqual((await done(api.instanceExternalSubnetList({ path }))).items, [])
  assert.deepEqual((await done(api.externalSubnetList({ query }))).items, [])
  assert.deepEqual((await done(api.instanceAntiAffinityGroupList({ path }))).items, [])
  assert.deepEqual((await done(api.antiAffinityGroupList({ query }))).items, [])

  const screen = await new Promise<string>((resolve, reject) => {
    const url = `${host.replace('http', 'ws')}/v1/instances/${made.id}/serial-console/stream?most_recent=1000`
    const socket = new WebSocket(url, { headers: { cookie } })
    socket.on('error', reject)
    socket.once('message', (data) => {
      socket.once('close', () => resolve(String(data)))
      socket.close()
    })
  })
  assert.match(screen, /lodestone guest/)

  await done(api.instanceReboot({ path }))
  await state('running')
  await done(api.instanceStop({ path }))
  await state('stopped')
  const resized = {
    ncpus: 2,
    memory: 2 * GIB,
    bootDisk: null,
    autoRestartPolicy: null,
    cpuPlatform: null,
    enableJumboFrames: false,
  }
  assert.equal((await done(api.instanceUpdate({ path, body: resized }))).ncpus, 2)
  const nic = { name: 'net1', description, vpcName: 'web', subnetName: 'default' }
  const added = await done(api.instanceNetworkInterfaceCreate({ query: { instance: made.id }, body: nic }))
  const byId = { interface: added.id }
  await done(api.instanceNetworkInterfaceUpdate({ path: byId, body: { primary: true } }))
  assert.equal((await done(api.instanceNetworkInterfaceView({ path: byId }))).primary, true)
  assert.equal((await done(api.instanceNetworkInterfaceList({ query: { instance: made.id } }))).items.length, 2)
  const first = { interface: 'net0' }
  await done(api.instanceNetworkInterfaceUpdate({ path: first, query: { instance: made.id }, body: { primary: true } }))
  await done(api.instanceNetworkInterfaceDelete({ path: byId }))

  const blank = { type: 'distributed' as const, diskSource: { type: 'blank' as const, blockSize: 512 as const } }
  const disk = await done(api.diskCreate({ query, body: { name: 'data', description, size: GIB, diskBackend: blank } }))
  await done(api.instanceDiskAttach({ path, body: { disk: disk.id } }))
  assert.equal((await done(api.instanceDiskList({ path }))).items[0]!.name, 'data')
  await done(api.snapshotCreate({ query, body: { name: 'then', description, disk: 'data' } }))
  assert.equal((await done(api.snapshotList({ query }))).items.length, 1)
  const snapshot = await done(api.snapshotView({ path: { snapshot: 'then' }, query }))
  const image = {
    name: 'img',
    description,
    os: 'lode',
    version: '1',
    source: { type: 'snapshot' as const, id: snapshot.id },
  }
  const kept = await done(api.imageCreate({ query, body: image }))
  assert.equal((await done(api.imageList({ query }))).items.length, 1)
  assert.equal((await done(api.imageView({ path: { image: kept.id } }))).os, 'lode')
  await done(api.instanceDiskDetach({ path, body: { disk: disk.id } }))
  assert.equal((await done(api.diskView({ path: { disk: 'data' }, query }))).state.state, 'detached')
  assert.equal((await done(api.diskList({ query }))).items.length, 1)
  await done(api.instanceStart({ path }))
  await state('running')
  assert.ok((await done(api.utilizationView({}))).provisioned.cpus >= 2)
  await done(api.siloMetric({ path: { metricName: 'cpus_provisioned' }, query: { startTime: new Date(0) } }))
  const oxql = 'get virtual_machine:vcpu_usage | filter timestamp > @now() - 5m'
  await done(api.timeseriesQuery({ query, body: { query: oxql } }))
})

test('an operator configures lots, announcements, BGP, ports, BFD, and reads what the switches say', async () => {
  const rackId = (await done(api.rackList({}))).items[0]!.id
  assert.equal((await done(api.rackView({ path: { rackId } }))).id, rackId)
  const blocks = [{ firstAddress: '192.0.2.0', lastAddress: '192.0.2.255' }]
  const lots = { addressLot: 'infra' }
  await done(api.networkingAddressLotCreate({ body: { name: 'infra', description, kind: 'infra', blocks } }))
  assert.equal((await done(api.networkingAddressLotList({}))).items.length, 1)
  assert.equal((await done(api.networkingAddressLotView({ path: lots }))).lot.kind, 'infra')
  assert.equal((await done(api.networkingAddressLotBlockList({ path: lots }))).items.length, 1)

  const announcement = [{ addressLotBlock: 'infra', network: '192.0.2.0/24' }]
  const set = { announceSet: 'ours' }
  await done(api.networkingBgpAnnounceSetUpdate({ body: { name: 'ours', description, announcement } }))
  assert.equal((await done(api.networkingBgpAnnounceSetList({}))).length, 1)
  assert.equal((await done(api.networkingBgpAnnouncementList({ path: set }))).length, 1)
  const as = { name: 'as', description, asn: 64_512, bgpAnnounceSetId: 'ours', maxPaths: 1 }
  await done(api.networkingBgpConfigCreate({ body: as }))
  assert.equal((await done(api.networkingBgpConfigList({}))).items[0]!.asn, 64_512)
  await done(api.networkingBgpConfigUpdate({ query: { nameOrId: 'as' }, body: { maxPaths: 2 } }))

  const peer = {
    addr: { type: 'numbered' as const, ip: '192.0.2.1' },
    bgpConfig: 'as',
    remoteAsn: 64_500,
    holdTime: 6,
    idleHoldTime: 1,
    delayOpen: 0,
    connectRetry: 1,
    keepalive: 2,
    communities: [],
    enforceFirstAs: false,
    allowedImport: { type: 'no_filtering' as const },
    allowedExport: { type: 'no_filtering' as const },
  }
  const settings = await done(
    api.networkingSwitchPortSettingsCreate({
      body: {
        name: 'uplink',
        description,
        portConfig: { geometry: 'qsfp28x1' },
        links: [{ linkName: 'link0', mtu: 1500, speed: 'speed100_g', autoneg: false, lldp: { enabled: true } }],
        addresses: [{ linkName: 'link0', addresses: [{ address: '192.0.2.2/30', addressLot: 'infra' }] }],
        routes: [{ linkName: 'link0', routes: [{ dst: '0.0.0.0/0', gw: '192.0.2.1' }] }],
        bgpPeers: [{ linkName: 'link0', peers: [peer] }],
      },
    }),
  )
  assert.equal(settings.bgpPeers.length, 1)
  assert.equal((await done(api.networkingSwitchPortSettingsList({}))).items.length, 1)
  const view = await done(api.networkingSwitchPortSettingsView({ path: { port: 'uplink' } }))
  assert.deepEqual(view.bgpPeers[0]!.addr, peer.addr, 'in the shape of the version that the SDK pins')

  const port = { path: { port: 'qsfp0' }, query: { rackId, switchSlot: 'switch0' as const } }
  assert.ok((await done(api.networkingSwitchPortList({}))).items.length >= 2)
  await done(api.networkingSwitchPortApplySettings({ ...port, body: { portSettings: 'uplink' } }))
  await until(
    () => done(api.networkingBgpStatus({})),
    (peers) => peers.length === 1,
  )
  await done(api.networkingSwitchPortStatus(port))
  const before = await done(api.networkingSwitchPortLldpConfigView(port))
  await done(api.networkingSwitchPortLldpConfigUpdate({ ...port, body: { ...before, enabled: false } }))
  const { port: of } = port.path
  const neighbors = { path: { rackId, switchSlot: 'switch0' as const, port: of } }
  assert.equal((await done(api.networkingSwitchPortLldpNeighbors(neighbors))).items[0]!.chassisId, 'isp0')
  assert.ok((await done(api.networkingBgpExported({}))).length > 0)
  assert.ok((await done(api.networkingBgpImported({ query: { asn: 64_512 } }))).length > 0)
  await done(api.networkingBgpMessageHistory({ query: { asn: 64_512 } }))

  const remote = '192.0.2.1'
  const bfd = { remote, switchSlot: 'switch0' as const }
  const session = { ...bfd, detectionThreshold: 3, requiredRx: 300_000, mode: 'single_hop' as const }
  await done(api.networkingBfdEnable({ body: session }))
  await until(
    () => done(api.networkingBfdStatus({})),
    (sessions) => sessions.some(({ peer: address }) => address === remote),
  )
  await done(api.networkingBfdDisable({ body: bfd }))
  const loopback = { rackId, switchSlot: 'switch0' as const, addressLot: 'infra', address: '192.0.2.130', mask: 32 }
  await done(api.networkingLoopbackAddressCreate({ body: { ...loopback, anycast: false } }))
  assert.equal((await done(api.networkingLoopbackAddressList({}))).items.length, 1)
  const gone = { rackId, switchSlot: 'switch0' as const, address: '192.0.2.130', subnetMask: 32 }
  await done(api.networkingLoopbackAddressDelete({ path: gone }))

  await done(api.networkingAllowListUpdate({ body: { allowedIps: { allow: 'list', ips: ['127.0.0.0/8'] } } }))
  assert.equal((await done(api.networkingAllowListView({}))).allowedIps.allow, 'list')
  await done(api.networkingInboundIcmpUpdate({ body: { enabled: true } }))
  assert.equal((await done(api.networkingInboundIcmpView({}))).enabled, true)
  const jumbo = { externalJumboFramesOptInEnabled: true }
  await done(api.systemNetworkingSettingsUpdate({ body: jumbo }))
  assert.deepEqual(await done(api.systemNetworkingSettingsView({})), jumbo)

  await done(api.networkingSwitchPortClearSettings(port))
  await done(api.networkingSwitchPortSettingsDelete({ query: { portSettings: 'uplink' } }))
  await done(api.networkingBgpConfigDelete({ query: { nameOrId: 'as' } }))
  await done(api.networkingBgpAnnounceSetDelete({ path: set }))
  await done(api.networkingAddressLotDelete({ path: lots }))
})

test('an operator looks at the hardware, makes a silo with its users, and reads the audit log', async () => {
  const sleds = (await done(api.sledList({}))).items
  assert.equal(sleds.length, 2)
  const path = { sledId: sleds[0]!.id }
  assert.equal((await done(api.sledView({ path }))).id, path.sledId)
  await done(api.sledPhysicalDiskList({ path }))
  await done(api.physicalDiskList({}))
  assert.equal((await done(api.sledListUninitialized({}))).items[0]!.cubby, 31)
  const on = await Promise.all(sleds.map(({ id }) => done(api.sledInstanceList({ path: { sledId: id } }))))
  assert.equal(on.flatMap(({ items }) => items).length, 1)
  await done(api.sledSetProvisionPolicy({ path, body: { state: 'non_provisionable' } }))
  const [aSwitch] = (await done(api.switchList({}))).items
  assert.equal((await done(api.switchView({ path: { switchId: aSwitch!.id } }))).id, aSwitch!.id)

  const quotas = { cpus: 10, memory: 10 * GIB, storage: 10 * GIB }
  const inSilo = { path: { silo: 'other' } }
  const silo = { name: 'other', description, discoverable: true, identityMode: 'local_only' as const, quotas }
  await done(api.siloCreate({ body: { ...silo, tlsCertificates: [] } }))
  assert.equal((await done(api.siloView(inSilo))).name, 'other')
  assert.ok((await done(api.siloList({}))).items.some(({ name }) => name === 'other'))
  assert.equal((await done(api.siloQuotasView(inSilo))).cpus, 10)
  await done(api.siloQuotasUpdate({ ...inSilo, body: { cpus: 11 } }))
  const user = await done(
    api.localIdpUserCreate({
      query: { silo: 'other' },
      body: { externalId: 'ada', password: { mode: 'password', value: 'secret' } },
    }),
  )
  const byId = { path: { userId: user.id }, query: { silo: 'other' } }
  await done(api.localIdpUserSetPassword({ ...byId, body: { mode: 'login_disallowed' } }))
  await done(api.siloPolicyUpdate({ ...inSilo, body: await done(api.siloPolicyView(inSilo)) }))
  await done(api.systemPolicyUpdate({ body: await done(api.systemPolicyView({})) }))
  await done(api.localIdpUserDelete(byId))
  await done(api.siloDelete(inSilo))

  const federated = { ...silo, name: 'corp', identityMode: 'saml_jit' as const, tlsCertificates: [] }
  await done(api.siloCreate({ body: federated }))
  const idp = new TestIdentityProvider('https://idp.example/metadata', 1)
  const url = 'https://corp.sys.rack.example/login/corp/saml/okta'
  const provider = {
    name: 'okta',
    description,
    acsUrl: url,
    sloUrl: url,
    spClientId: url,
    idpEntityId: 'https://idp.example/metadata',
    technicalContactEmail: 'ada@corp.example',
    idpMetadataSource: { type: 'base64_encoded_xml' as const, data: Buffer.from(idp.metadata).toString('base64') },
  }
  const ofCorp = { query: { silo: 'corp' } }
  await done(api.samlIdentityProviderCreate({ ...ofCorp, body: provider }))
  assert.equal((await done(api.siloIdentityProviderList(ofCorp))).items[0]!.name, 'okta')
  assert.equal((await done(api.samlIdentityProviderView({ ...ofCorp, path: { provider: 'okta' } }))).acsUrl, url)
  await done(api.siloCreate({ body: { ...federated, name: 'scim', identityMode: 'saml_scim' } }))
  const ofScim = { query: { silo: 'scim' } }
  const { id: tokenId } = await done(api.scimTokenCreate(ofScim))
  assert.equal((await done(api.scimTokenView({ ...ofScim, path: { tokenId } }))).id, tokenId)
  assert.equal((await done(api.scimTokenList(ofScim))).length, 1)
  await done(api.scimTokenDelete({ ...ofScim, path: { tokenId } }))
  const authority = await CertificateAuthority.open(new MemoryFiles(), rack.clock, new SeededRandom(1))
  const { cert, key } = await authority.identityFor([{ type: 'dns', value: `${SILO}.sys.rack.example` }])
  await done(api.certificateCreate({ body: { name: 'own', description, cert, key, service: 'external_api' } }))
  assert.equal((await done(api.certificateView({ path: { certificate: 'own' } }))).cert, cert)
  assert.equal((await done(api.certificateList({}))).items.length, 1)
  await done(api.certificateDelete({ path: { certificate: 'own' } }))

  const log = await done(api.auditLogList({ query: { startTime: new Date(0), limit: 5 } }))
  assert.equal(log.items.length, 5)
  assert.equal((await done(api.ping({}))).status, 'ok')
})

test('in the end everything can be taken away again, in the order of what needs what', async () => {
  const query = { project: 'shop' }
  const instance = { path: { instance: 'web1' }, query }
  await done(api.instanceStop(instance))
  await until(
    () => done(api.instanceView(instance)),
    ({ runState }) => runState === 'stopped',
  )
  await done(api.instanceDelete(instance))
  await done(api.floatingIpDelete({ path: { floatingIp: 'www' }, query }))
  await done(api.imageDelete({ path: { image: 'img' }, query }))
  await done(api.snapshotDelete({ path: { snapshot: 'then' }, query }))
  await done(api.diskDelete({ path: { disk: 'data' }, query }))
  const inVpc = { ...query, vpc: 'web' }
  await done(api.vpcRouterRouteDelete({ path: { route: 'nw' }, query: { ...inVpc, router: 'own' } }))
  await done(api.vpcRouterDelete({ path: { router: 'own' }, query: inVpc }))
  for (const vpc of ['web', 'default']) {
    for (const { id } of (await done(api.vpcSubnetList({ query: { ...query, vpc } }))).items) {
      await done(api.vpcSubnetDelete({ path: { subnet: id } }))
    }
    await done(api.vpcDelete({ path: { vpc }, query }))
  }
  await done(api.projectDelete({ path: query }))
  await done(api.currentUserSshKeyDelete({ path: { sshKey: 'key' } }))
  const [token] = (await done(api.currentUserAccessTokenList({}))).items
  await done(api.currentUserAccessTokenDelete({ path: { tokenId: token!.id } }))
  assert.equal((await api.projectList({})).response.status, 401, 'the token is gone')
  await done(new Api({ host, baseParams: { headers: { cookie } } }).methods.logout({}))
})

test('the stories have called every operation of the minimum sets', (t) => {
  const declared = new Set<string>(nexusApi.endpoints.map(({ operationId }) => operationId))
  for (const [name, set] of [
    ['user', USER_STORY],
    ['operator', OPERATOR_STORY],
  ] as const) {
    const covered = set.filter((id) => reference.succeeded.has(id))
    t.diagnostic(`${name}: ${covered.length} of ${set.length} operations succeeded`)
    assert.deepEqual(
      set.filter((id) => !declared.has(id) || !reference.succeeded.has(id)),
      [],
      `operations of the ${name}'s story that never succeeded`,
    )
  }
  t.diagnostic(`all that was called: ${[...reference.checked.keys()].toSorted().join(' ')}`)
})

test('nothing went wrong inside', () => {
  assert.deepEqual(rack.errors, [])
})

test(
  'every response fits the published interface',
  { skip: referenceText === undefined ? REFERENCE_MISSING : false },
  () => {
    assert.deepEqual(reference.problems, [])
  },
)
