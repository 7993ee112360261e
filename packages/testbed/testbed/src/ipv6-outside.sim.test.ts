/**
 * A rack whose outside speaks IPv6 too, under its real control plane: BGP brings both families in and out, and an instance with an
 * external IPv6 address is reached from the internet and reaches it.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { httpFetch } from '@lodestone/api'
import { CloudLab } from './cloud-lab.fixture.ts'
import { explainPath } from './explain/explain-path.ts'
import { CLIENT_ADDRESS6, DEFAULT_POOL, DEFAULT_POOL6 } from './rack-plan.ts'
import { POOL6_NAME } from './rack-setup.ts'

let lab: CloudLab
let address: string

before(async () => {
  lab = await CloudLab.start(2, undefined, undefined, 2, 'dual-stack')
  const { api } = lab
  const query = { project: 'shop' }
  const description = ''
  await lab.done(api.project_create({ body: { name: 'shop', description } }))
  const path = { query: { project: 'shop', vpc: 'default' } }
  const { rules } = await lab.done(api.vpc_firewall_rules_view(path))
  const open = {
    name: 'allow-web',
    description,
    status: 'enabled' as const,
    direction: 'inbound' as const,
    action: 'allow' as const,
    priority: 100,
    targets: [{ type: 'vpc' as const, value: 'default' }],
  }
  const web = { ...open, filters: { protocols: [{ type: 'tcp' as const }], ports: ['80'] } }
  const ping = { ...open, name: 'allow-ping6', filters: { protocols: [{ type: 'icmp6' as const, value: null }] } }
  await lab.done(api.vpc_firewall_rules_update({ ...path, body: { rules: [...rules, web, ping] } }))
  // A pool that is not the silo's default leads out once it is attached to the gateway.
  const gateway = { project: 'shop', vpc: 'default', gateway: 'default' }
  const attached = { name: POOL6_NAME, description, ip_pool: POOL6_NAME }
  await lab.done(api.internet_gateway_ip_pool_create({ query: gateway, body: attached }))
  const allocator = { type: 'auto' as const, pool_selector: { type: 'explicit' as const, pool: POOL6_NAME } }
  const floating = { name: 'web6', description, address_allocator: allocator }
  address = (await lab.done(api.floating_ip_create({ query, body: floating }))).ip
  await lab.done(
    api.instance_create({
      query,
      body: {
        name: 'web',
        description,
        hostname: 'web',
        ncpus: 1,
        memory: 2 ** 30,
        network_interfaces: { type: 'default_dual_stack' },
        external_ips: [{ type: 'floating', floating_ip: 'web6' }],
      },
    }),
  )
  await lab.settle()
  await lab.clock.advance(3000)
})
after(() => lab.close())

async function shell(command: string): Promise<string> {
  const guest = lab.emulation.sleds().flatMap((sled) => [...sled.agent.instances.values()])[0]!.guest!
  return (await lab.clock.run(guest.exec!(command))).output
}

test('both families are announced to the client over both routers, and both defaults are known to every sled', () => {
  for (const { prefix } of [DEFAULT_POOL, DEFAULT_POOL6]) {
    const route = lab.client.stack.routes().find((each) => each.prefix.equals(prefix))
    assert.equal(route?.nextHops.length, 2, prefix.toString())
  }
  for (const { engine } of lab.emulation.sleds()) {
    const defaults = engine.tunnelEndpoints().filter(({ prefix }) => prefix.length === 0)
    assert.deepEqual(defaults.map(({ prefix, endpoints }) => [prefix.toString(), endpoints.length]).toSorted(), [
      ['0.0.0.0/0', 2],
      ['::/0', 2],
    ])
  }
})

test('the client pings an instance by its IPv6 address, gets its page, and the instance reaches the client', async () => {
  assert.ok(DEFAULT_POOL6.prefix.contains(DEFAULT_POOL6.first) && address.startsWith('2001:db8:2:'))
  const [pong] = await lab.clock.run(lab.client.stack.ping(address, { count: 1 }))
  assert.equal(pong?.outcome, 'reply')
  const fetch = httpFetch(lab.client.stack, { clock: lab.clock, timeoutMs: 3000 })
  const page = await lab.clock.run(fetch(new Request(`http://[${address}]/`)).then((response) => response.text()))
  assert.match(page, /web/)
  assert.match(await shell(`ping -c 1 ${CLIENT_ADDRESS6}`), /1 received|1 packets received|time=/)
})

test('explain tells the way from the internet to the address', async () => {
  const result = explainPath(lab.emulation, { from: 'client', to: address, protocol: 'tcp', port: 80 })
  assert.ok(result.ok, result.ok ? '' : result.message)
  const { answer } = result
  assert.equal(answer.source, CLIENT_ADDRESS6.toString())
  assert.equal(answer.verdict, 'delivered')
  // Two routers, two switches: all ways end at the instance.
  assert.equal(answer.paths.length, 4)
  for (const path of answer.paths) assert.deepEqual([path.verdict, path.at], ['delivered', 'web'])
  const back = explainPath(lab.emulation, { from: 'web', to: CLIENT_ADDRESS6.toString(), protocol: 'icmp' })
  assert.ok(back.ok, back.ok ? '' : back.message)
  assert.equal(back.answer.verdict, 'delivered')
})

test('a name with addresses of both families stands for the one that connections can come in by, or that of the family asked for', () => {
  const told = (from: string, to: string, family?: 4 | 6): string => {
    const more = family === undefined ? {} : { family }
    const result = explainPath(lab.emulation, { from, to, protocol: 'tcp', port: 80, ...more })
    return result.ok ? `${result.answer.destination} ${result.answer.verdict}` : result.message
  }
  assert.equal(told('client', 'web'), `${address} delivered`)
  assert.equal(told('client', 'web', 6), `${address} delivered`)
  assert.match(told('client', 'web', 4), /^198\.51\.100\.\d+ dropped$/, 'the shared address')
  assert.match(told('web', 'client'), /^203\./)
  assert.match(told('web', 'client', 6), /^2001:db8:1::9 delivered$/)
  assert.equal(told('client', address, 4), `${address} is no IPv4 address`)
  assert.match(told('web', 'isp0', 6), /^2001:db8:/)
})
