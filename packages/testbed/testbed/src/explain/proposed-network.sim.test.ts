/**
 * Routes, routers of subnets and floating addresses that are only proposed, on a rack with its control plane: what is said under them is, step for
 * step, what is said once they are made by the API, and asking makes nothing.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { PathAnswer } from '@lodestone/contract-testbed'
import { CloudLab } from '../cloud-lab.fixture.ts'
import { answerQuestion } from './explain-api.ts'

const project = 'shop'
const query = { project }
const inVpc = { project, vpc: 'default' }
const description = ''
const OUTSIDE = '192.0.2.1'

type Question = Parameters<typeof answerQuestion>[2]

let lab: CloudLab
let webIp: string
let spareIp: string

before(async () => {
  lab = await CloudLab.start()
  const { api } = lab
  await lab.done(api.project_create({ body: { name: project, description } }))
  webIp = (await lab.done(api.floating_ip_create({ query, body: { name: 'web-ip', description } }))).ip
  spareIp = (await lab.done(api.floating_ip_create({ query, body: { name: 'spare-ip', description } }))).ip
  const instance = { description, ncpus: 1, memory: 2 ** 30 }
  const floating = [{ type: 'floating', floating_ip: 'web-ip' }] as const
  const web = { ...instance, name: 'web', hostname: 'web', external_ips: [...floating] }
  await lab.done(api.instance_create({ query, body: web }))
  await lab.done(api.instance_create({ query, body: { ...instance, name: 'near', hostname: 'near' } }))
  await lab.done(api.vpc_router_create({ query: inVpc, body: { name: 'edge', description } }))
  await settled()
})
after(() => lab.close())

async function settled(): Promise<void> {
  await lab.settle()
  await lab.clock.advance(500)
}

function ask(from: string, to: string, more: Partial<Question> = {}): Promise<PathAnswer> {
  const question = { from, to, protocol: 'tcp', port: 22, reply: true, ...more } as const
  return lab.clock.run(answerQuestion(lab.emulation, lab.nexus, question))
}

/** All that is said of what would happen; not what is known of connections, nor how full tables are. */
function told({ verdict, reply_verdict: reply, paths }: PathAnswer): unknown {
  const steps = (all: readonly { readonly at: string; readonly events: PathAnswer['paths'][number]['events'] }[]) =>
    all.map(({ at, events }) => [at, events.map(({ node, step }) => [node, step.kind === 'flow' ? '' : step])])
  return [verdict, reply, steps(paths), paths.map((path) => steps(path.reply?.paths ?? []))]
}

/** What engines and switches hold. */
function state(): string {
  const { emulation, world } = lab
  const ports = emulation.sleds().map(({ engine }) => engine.ports().map((port) => [port.dump(), port.config]))
  const nat = emulation
    .switches()
    .map(({ switchd, pipeline }) => [
      switchd.nat.list(),
      pipeline.tables.map(({ name }) => pipeline.entries(name)?.length),
    ])
  return JSON.stringify([ports, nat, world.arena.freeSlots], (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
}

/** Asks under proposals, makes them, asks again. @returns what was said before, and under them. */
async function claim(
  [from, to]: readonly [string, string],
  proposals: readonly string[],
  make: () => Promise<unknown>,
): Promise<readonly [PathAnswer, PathAnswer]> {
  const before = await ask(from, to)
  const held = state()
  const proposed = await ask(from, to, { with: [...proposals] })
  assert.equal(state(), held, 'asking changes nothing')
  assert.equal(proposed.proposed_for, 'default')
  await make()
  await lab.settle()
  assert.deepEqual(told(proposed), told(await ask(from, to)), proposals.join('; '))
  return [before, proposed]
}

const codes = ({ paths }: PathAnswer): (string | undefined)[] => [...new Set(paths.map(({ reason }) => reason?.code))]

test('a route to nowhere of the router that a subnet would get stops what it is for', async () => {
  const destination = { type: 'ip_net', value: '192.0.2.0/24' } as const
  const [open, closed] = await claim(
    ['web', OUTSIDE],
    ['subnet default router edge', 'route add 192.0.2.0/24 via drop router edge name none'],
    async () => {
      const body = { description, destination, target: { type: 'drop' } as const, name: 'none' }
      await lab.done(lab.api.vpc_router_route_create({ query: { ...inVpc, router: 'edge' }, body }))
      const params = { subnet: 'default' }
      await lab.done(lab.api.vpc_subnet_update({ params, query: inVpc, body: { custom_router: 'edge' } }))
    },
  )
  assert.notEqual(open.verdict, closed.verdict)
  assert.deepEqual(codes(closed), ['RT_DROP_ROUTE'])
})

test('a longer route of the only custom router wins over it, by an instance or a gateway; taken away, the shorter one counts', async () => {
  const router = { query: { ...inVpc, router: 'edge' } }
  const destination = { type: 'ip', value: OUTSIDE } as const
  const [closed, byNear] = await claim(['web', OUTSIDE], [`route add ${OUTSIDE} via instance:near name one`], () => {
    const target = { type: 'instance', value: 'near' } as const
    return lab.done(
      lab.api.vpc_router_route_create({ ...router, body: { description, name: 'one', destination, target } }),
    )
  })
  assert.deepEqual(codes(closed), ['RT_DROP_ROUTE'])
  assert.deepEqual(codes(byNear), ['GW_NOT_FOR_PORT'], 'near has no transit addresses')
  const gateway = { type: 'internet_gateway', value: 'default' } as const
  const [, byGateway] = await claim(
    ['web', OUTSIDE],
    [`route add ${OUTSIDE} via internet-gateway:default name one`],
    () =>
      lab.done(
        lab.api.vpc_router_route_update({
          ...router,
          params: { route: 'one' },
          body: { destination, target: gateway },
        }),
      ),
  )
  assert.ok(byGateway.paths.some(({ events }) => events.some(({ node }) => node.startsWith('switch'))))
  const [, removed] = await claim(['web', OUTSIDE], ['route remove one'], () =>
    lab.done(lab.api.vpc_router_route_delete({ ...router, params: { route: 'one' } })),
  )
  assert.deepEqual(codes(removed), ['RT_DROP_ROUTE'])
  const [, without] = await claim(['web', OUTSIDE], ['subnet default router none'], () =>
    lab.done(lab.api.vpc_subnet_update({ params: { subnet: 'default' }, query: inVpc, body: { custom_router: null } })),
  )
  assert.equal(
    without.paths.some(({ reason }) => reason?.code === 'RT_DROP_ROUTE'),
    false,
  )
})

test('of the default route the target can be proposed to be another, and only that', async () => {
  const { items } = await lab.done(lab.api.vpc_router_route_list({ query: { ...inVpc, router: 'system' } }))
  const route = items.find(({ destination }) => destination.value === '0.0.0.0/0')!
  const [, dropped] = await claim(
    ['web', OUTSIDE],
    [`route add 0.0.0.0/0 via drop router system name ${route.name}`],
    () =>
      lab.done(
        lab.api.vpc_router_route_update({
          params: { route: route.name },
          query: { ...inVpc, router: 'system' },
          body: { destination: route.destination, target: { type: 'drop' } },
        }),
      ),
  )
  assert.deepEqual(codes(dropped), ['RT_DROP_ROUTE'])
  await lab.done(
    lab.api.vpc_router_route_update({
      params: { route: route.name },
      query: { ...inVpc, router: 'system' },
      body: { destination: route.destination, target: route.target },
    }),
  )
  await lab.settle()
  await assert.rejects(
    ask('web', OUTSIDE, { with: ['route add 10.0.0.0/8 via drop router system'] }),
    /only the target/,
  )
})

test('a floating address that is proposed for an instance is asked about by its name, through the switches’ tables, and comes alive so', async () => {
  const [before, attached] = await claim(['client', spareIp], ['ip attach spare-ip near'], () =>
    lab.done(
      lab.api.floating_ip_attach({
        params: { floating_ip: 'spare-ip' },
        query,
        body: { kind: 'instance', parent: 'near' },
      }),
    ),
  )
  assert.deepEqual([before.verdict, attached.verdict, attached.reply_verdict], ['dropped', 'delivered', 'delivered'])
  const socket = await lab.clock.run(
    lab.client.stack.connectTcp({ address: spareIp, port: 22, timeoutMs: 2000 }).then(
      () => 'open',
      (error: { code?: string }) => error.code,
    ),
  )
  assert.ok(socket === 'open' || socket === 'ECONNREFUSED', `${socket}`)
})

test('a neighbour goes to an address that is proposed without a switch, and one that is proposed to go is gone', async () => {
  const [, detached] = await claim(['web', spareIp], ['ip detach spare-ip'], () =>
    lab.done(lab.api.floating_ip_detach({ params: { floating_ip: 'spare-ip' }, query })),
  )
  assert.equal(detached.verdict, 'dropped')
  const [, attached] = await claim(['web', spareIp], ['ip attach spare-ip near'], () =>
    lab.done(
      lab.api.floating_ip_attach({
        params: { floating_ip: 'spare-ip' },
        query,
        body: { kind: 'instance', parent: 'near' },
      }),
    ),
  )
  assert.equal(attached.verdict, 'delivered')
  assert.ok(
    attached.paths.every(({ events }) =>
      events.every(({ step }) => step.kind !== 'table' || !/nat/.test(String(step['table'])) || !step['hit']),
    ),
  )
})

test('a router may be proposed, too, with a route and for a subnet', async () => {
  const [, dropped] = await claim(
    ['web', OUTSIDE],
    ['router add new', 'subnet default router new', `route add ${OUTSIDE} via drop router new`],
    async () => {
      await lab.done(lab.api.vpc_router_create({ query: inVpc, body: { name: 'new', description } }))
      const destination = { type: 'ip', value: OUTSIDE } as const
      const body = { description, destination, target: { type: 'drop' } as const, name: 'proposed' }
      await lab.done(lab.api.vpc_router_route_create({ query: { ...inVpc, router: 'new' }, body }))
      const params = { subnet: 'default' }
      await lab.done(lab.api.vpc_subnet_update({ params, query: inVpc, body: { custom_router: 'new' } }))
    },
  )
  assert.deepEqual(codes(dropped), ['RT_DROP_ROUTE'])
  const params = { subnet: 'default' }
  await lab.done(lab.api.vpc_subnet_update({ params, query: inVpc, body: { custom_router: null } }))
  await lab.settle()
})

test('what the API would refuse is refused with its words and the names that there are', async () => {
  const refusals: [string[], RegExp][] = [
    [['ip attach web-ip near'], /already in use by another instance/],
    [['ip detach nothing'], /no floating IP nothing; it has .*web-ip/],
    [['ip attach web-ip nobody'], /no instance nobody; it has .*near/],
    [['route add 10.0.0.0/8 via 2001:db8::1 router edge'], /of one IP version/],
    [['router add edge'], /has a router edge already/],
    [
      ['route add 10.0.0.0/8 via drop router edge'],
      /no subnet has router edge.*propose "subnet NAME router edge" before/,
    ],
    [['route add 10.0.0.0/8 via drop router none'], /VPC default has no router none; it has edge, new, system/],
    [['route remove x'], /several custom routers: say which/],
    [['route remove x router edge'], /router edge has no route x; it has none/],
    [['subnet default router system'], /every subnet has the system router/],
    [['subnet other router edge'], /has no subnet other; it has default/],
  ]
  for (const [texts, message] of refusals) {
    await assert.rejects(
      ask('web', OUTSIDE, { with: texts }),
      (error: Error) => message.test(error.message) || assert.fail(error.message),
    )
  }
  assert.ok(webIp)
})
