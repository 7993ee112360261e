/**
 * What rules, routes, gateways and addresses that somebody sets by the API do to packets: a whole rack with its control plane, guests
 * that ask, and a client outside that says who asked. (What the control plane stores and tells is in nexus' `semantics.test.ts`.)
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TcpSocket } from '@lodestone/host'
import type { NexusClient, VpcFirewallRuleUpdate } from '@lodestone/contract-nexus'
import { CloudLab } from './cloud-lab.fixture.ts'

const GIB = 2 ** 30
const CLIENT = '203.0.113.9'
const project = 'p'
const query = { project }
const inVpc = { project, vpc: 'default' }
const description = ''
/** Of connections that nothing answers. */
const PATIENCE_MS = 2500

type Rule = VpcFirewallRuleUpdate

let lab: CloudLab
/** The floating address of `web`, by which the client reaches it. */
let address: string

before(async () => {
  lab = await CloudLab.start()
  const { api } = lab
  await lab.done(api.project_create({ body: { name: project, description } }))
  address = (await lab.done(api.floating_ip_create({ query, body: { name: 'web-ip', description } }))).ip
  await lab.client.stack.listenTcp({ port: 8000 }, tellWhoAsked)
  await create('web', { external_ips: [{ type: 'floating', floating_ip: 'web-ip' }] })
  await create('near')
  await lab.done(api.vpc_create({ query, body: { name: 'other', description, dns_name: 'other' } }))
  const far = { name: 'n', description, vpc_name: 'other', subnet_name: 'default' }
  await create('far', { network_interfaces: { type: 'create', params: [far] } })
  await settled()
})
after(() => lab.close())

function tellWhoAsked(socket: TcpSocket): void {
  socket.on('error', () => undefined)
  const body = `${socket.remoteAddress}`
  socket.on('data', () =>
    socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`),
  )
}

type Body = Parameters<NexusClient['instance_create']>[0]['body']

async function create(name: string, extra: Partial<Body> = {}): Promise<void> {
  const body = { name, description, hostname: name, ncpus: 1, memory: GIB, ...extra }
  await lab.done(lab.api.instance_create({ query, body }))
}

async function settled(): Promise<void> {
  await lab.settle()
  await lab.clock.advance(500) // a guest that is new asks for its address
}

/** What a command on a guest's console prints. */
async function shell(name: string, command: string): Promise<string> {
  const { id } = await lab.done(lab.api.instance_view({ params: { instance: name }, query }))
  const guest = lab.emulation.sleds().flatMap(({ agent }) => agent.instances.get(id)?.guest ?? [])[0]
  return (await lab.clock.run(guest!.exec!(command), 120_000)).output
}

/** The address by which the client sees a guest; undefined when it does not see it. */
async function seenAs(name: string): Promise<string | undefined> {
  return /198\.51\.100\.\d+/.exec(await shell(name, `curl http://${CLIENT}:8000/`))?.[0]
}

async function inside(name: string): Promise<string> {
  const { items } = await lab.done(lab.api.instance_network_interface_list({ query: { ...query, instance: name } }))
  const stack = items[0]!.ip_stack
  assert.ok(stack.type === 'dual_stack')
  return stack.value.v4.ip
}

async function canConnect(port = 80): Promise<boolean> {
  const connecting = lab.client.stack.connectTcp({ address, port, timeoutMs: PATIENCE_MS })
  const socket = await lab.clock.run(connecting).catch(() => undefined)
  socket?.on('error', () => undefined)
  socket?.destroy()
  return socket !== undefined
}

async function answersPing(): Promise<boolean> {
  const [answer] = await lab.clock.run(lab.client.stack.ping(address, { count: 1, timeoutMs: 500 }))
  return answer?.outcome === 'reply'
}

async function setRules(...rules: Partial<Rule>[]): Promise<void> {
  const whole = rules.map((rule, i): Rule => ({
    name: `r${i}`,
    description,
    status: 'enabled',
    direction: 'inbound',
    action: 'allow',
    priority: 100,
    targets: [],
    filters: {},
    ...rule,
  }))
  await lab.done(lab.api.vpc_firewall_rules_update({ query: inVpc, body: { rules: whole } }))
  await lab.settle()
}

const TCP: Rule['filters'] = { protocols: [{ type: 'tcp' }], ports: ['80'] }

test('without rules nothing comes in, everything goes out, and answers come back', async () => {
  await setRules()
  assert.equal(await canConnect(), false)
  assert.equal(await answersPing(), false)
  assert.equal(await seenAs('web'), address)
})

test('a rule without targets is for every port; one whose target does not exist is for none; a disabled one does nothing', async () => {
  await setRules({ filters: TCP })
  assert.equal(await canConnect(), true)
  await setRules({ filters: TCP, targets: [{ type: 'instance', value: 'nobody' }] })
  assert.equal(await canConnect(), false)
  await setRules({ filters: TCP, status: 'disabled' })
  assert.equal(await canConnect(), false)
  await setRules({ filters: TCP, targets: [{ type: 'instance', value: 'web' }] })
  assert.equal(await canConnect(), true)
})

test('the lower number decides, and at equal numbers denial', async () => {
  const deny = { action: 'deny', filters: TCP } as const
  for (const [priority, expected] of [
    [99, false],
    [100, false],
    [101, true],
  ] as const) {
    await setRules({ filters: TCP }, { ...deny, priority })
    assert.equal(await canConnect(), expected, `denied at ${priority}, allowed at 100`)
  }
})

test('ports are those of TCP and UDP: beside them a rule may be for ICMP, which has none', async () => {
  await setRules({ filters: { protocols: [{ type: 'tcp' }, { type: 'icmp', value: null }], ports: ['81-90'] } })
  assert.equal(await answersPing(), true)
  assert.equal(await canConnect(), false)
  await setRules({ filters: { protocols: [{ type: 'icmp', value: { icmp_type: 0, code: null } }] } })
  assert.equal(await answersPing(), false, 'an echo is of type 8')
})

test('a VPC as the other side is its guests by their VNI, and nobody by their addresses', async () => {
  await setRules({ filters: TCP })
  assert.match(await shell('far', `curl http://${address}/`), /web/)
  await setRules({ filters: { hosts: [{ type: 'vpc', value: 'default' }] } })
  const web = await inside('web')
  assert.match(await shell('near', `curl http://${web}/`), /web/)
  assert.equal(await inside('far'), web, 'the other VPC has the same addresses')
  assert.doesNotMatch(await shell('far', `curl http://${address}/`), /web/)
  assert.equal(await canConnect(), false)
  await setRules({ filters: { hosts: [{ type: 'ip', value: CLIENT }] } })
  assert.equal(await canConnect(), true, 'an address is that of the other side')
  assert.doesNotMatch(await shell('near', `curl http://${web}/`), /web/)
})

test('of the routers of a subnet the longer prefix decides, and at equal length the custom one', async () => {
  const { api } = lab
  await setRules({})
  await lab.done(api.vpc_router_create({ query: inVpc, body: { name: 'mine', description } }))
  const subnet = { params: { subnet: 'default' }, query: inVpc }
  await lab.done(api.vpc_subnet_update({ ...subnet, body: { custom_router: 'mine' } }))
  const inMine = { ...inVpc, router: 'mine' }
  const add = (
    name: string,
    value: string,
    target: Parameters<NexusClient['vpc_router_route_create']>[0]['body']['target'],
  ) =>
    lab.done(
      api.vpc_router_route_create({
        query: inMine,
        body: { name, description, destination: { type: 'ip_net', value }, target },
      }),
    )
  const web = await inside('web')
  const reaches = async (): Promise<readonly [outside: boolean, neighbor: boolean]> => {
    await lab.settle()
    return [(await seenAs('near')) !== undefined, /web/.test(await shell('near', `curl http://${web}/`))]
  }
  assert.deepEqual(await reaches(), [true, true])
  await add('all', '0.0.0.0/0', { type: 'drop' })
  assert.deepEqual(await reaches(), [false, true], 'the way to a subnet is longer than the custom default')
  await add('client', '203.0.113.0/24', { type: 'internet_gateway', value: 'default' })
  assert.deepEqual(await reaches(), [true, true])
  await add('nowhere', '203.0.113.9/32', { type: 'instance', value: 'nobody' })
  assert.deepEqual(await reaches(), [true, true], 'a route to what does not exist is none')
  await add('no-neighbor', '172.30.0.0/22', { type: 'drop' })
  assert.deepEqual(await reaches(), [true, false])
  await lab.done(api.vpc_subnet_update({ ...subnet, body: { custom_router: null } }))
  assert.deepEqual(await reaches(), [true, true])
})

test('an address leaves by the gateways that its pool is attached to; without one nothing leaves', async () => {
  const { api } = lab
  const gateway = { query: { ...inVpc, gateway: 'side' } }
  await lab.done(api.internet_gateway_create({ query: inVpc, body: { name: 'side', description } }))
  const route = { params: { route: 'default-v4' }, query: { ...inVpc, router: 'system' } }
  const leadTo = (value: string) =>
    lab.done(
      api.vpc_router_route_update({
        ...route,
        body: { destination: { type: 'ip_net', value: '0.0.0.0/0' }, target: { type: 'internet_gateway', value } },
      }),
    )
  await leadTo('side')
  await lab.settle()
  assert.equal(await seenAs('web'), undefined, 'no pool is attached')
  const pool = (await lab.done(api.ip_pool_list())).items[0]!.name
  const attached = { name: 'own', description, ip_pool: pool }
  await lab.done(api.internet_gateway_ip_pool_create({ ...gateway, body: attached }))
  await lab.settle()
  assert.equal(await seenAs('web'), address)
  await leadTo('default')
  await lab.settle()
})

test('a guest is seen by its floating address before its ephemeral one, and by that before its shared one', async () => {
  const { api } = lab
  const near = { params: { instance: 'near' }, query }
  const shared = await seenAs('near')
  const addresses = async () => (await lab.done(api.instance_external_ip_list(near))).items
  assert.equal(shared, (await addresses()).find(({ kind }) => kind === 'snat')?.ip)
  const ephemeral = await lab.done(api.instance_ephemeral_ip_attach({ ...near, body: {} }))
  await lab.settle()
  assert.equal(await seenAs('near'), ephemeral.ip)
  const floating = await lab.done(api.floating_ip_create({ query, body: { name: 'near-ip', description } }))
  const params = { floating_ip: 'near-ip' }
  await lab.done(api.floating_ip_attach({ params, query, body: { kind: 'instance', parent: 'near' } }))
  await lab.settle()
  assert.equal(await seenAs('near'), floating.ip)
  await lab.done(api.floating_ip_detach({ params, query }))
  await lab.settle()
  assert.equal(await seenAs('near'), ephemeral.ip)
  await lab.done(api.instance_ephemeral_ip_detach(near))
  await lab.settle()
  assert.equal(await seenAs('near'), shared)
})
