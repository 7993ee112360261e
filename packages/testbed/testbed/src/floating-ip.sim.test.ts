/** A request from the internet reaches an instance by its floating address, and the rack tells how. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Story } from '@lodestone/probe'
import { allowTcp, defaultRules, type LabInstance, must } from './control-plane.fixture.ts'
import { type Page, RackLab } from './rack-lab.fixture.ts'
import { layersOf, sentBy, stepsOf, tableHits, waysOf } from './story-hops.fixture.ts'

const VPC = { vni: 0x1c5121, subnet: '172.30.0.0/22' }
const URL_OF_PAGE = 'http://198.51.100.10/hello'

let lab: RackLab
let web: LabInstance
let page: Page
let stories: readonly Story[]

before(async () => {
  lab = await RackLab.start()
  web = await lab.boot({ name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: ['198.51.100.10'] })
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  await lab.fetch(lab.client.stack, URL_OF_PAGE) // neighbours and flows are known afterwards
  const told = await lab.stories(() => lab.fetch(lab.client.stack, URL_OF_PAGE))
  page = told.value
  stories = told.stories
})
after(() => lab.close())

test('an HTTP request from the internet reaches an instance by its floating address, and the answer comes back', () => {
  assert.equal(page.status, 200)
  const lines = page.body.trimEnd().split('\n')
  assert.equal(lines[0], 'hostname: web')
  assert.match(lines[2]!, /^remote: 203\.0\.113\.9:\d+$/)
  assert.equal(lines[3], 'local: 172.30.0.5:80')
  assert.equal(lines[4], 'path: /hello')
})

test('the story of the SYN names every hop: links, table hits, encapsulation, layers, the rule, NAT, delivery', () => {
  const [story, ...others] = sentBy(stories, 'client', /> 198\.51\.100\.10:80 TCP SYN$/)
  assert.deepEqual(others, [])
  const isp = /^isp([01])-client$/.exec(waysOf(story!)[1]!)![1]!
  const sw = waysOf(story!)[4]!
  assert.deepEqual(waysOf(story!), [
    'client',
    `isp${isp}-client`,
    `isp${isp}`,
    `${sw}-isp${isp}`,
    sw,
    `sled1-${sw}`,
    'sled1',
    'web-nic0',
    'web',
  ])
  assert.deepEqual(tableHits(story!), [
    'uplink_ports uplink_port',
    'ingress_ipv4 forward_to_sled',
    'lookup_v6 index',
    'route_v6 forward_v6',
    'ndp rewrite',
    'mac_rewrite rewrite',
  ])
  assert.deepEqual(layersOf(story!), [
    'overlay in modify decap',
    'nat in modify floating 198.51.100.10',
    'router in allow default',
    'firewall in allow allow-tcp-80',
    'gateway in modify to-guest',
  ])
  assert.match(stepsOf(story!, 'decap')[0]!.detail, /VNI 1855777, marked as from outside/)
  assert.match(stepsOf(story!, 'delivered')[0]!.summary, /203\.0\.113\.9:\d+ > 172\.30\.0\.5:80 TCP SYN$/)
})

test('the story of the answer goes back through NAT, the tunnel and the switch to the client', () => {
  const [story, ...others] = sentBy(stories, 'web', /TCP SYN,ACK$/)
  assert.deepEqual(others, [])
  const ways = waysOf(story!)
  assert.deepEqual(ways.slice(0, 3), ['web', 'web-nic0', 'sled1'])
  assert.match(ways.join(' '), /sled1-(switch[01]) \1 \1-(isp[01]) \2 \2-client client$/)
  assert.deepEqual(layersOf(story!), [
    'gateway out allow anti-spoof',
    'firewall out allow allow-tcp-80',
    'router out allow system route 0.0.0.0/0',
    'nat out modify floating 198.51.100.10',
    'overlay out modify encap',
  ])
  assert.deepEqual(tableHits(story!), [
    'switch_ipv6_addr claim',
    'lookup_v4 index',
    'route_v4 forward',
    'egress_filter guest_traffic_allowed',
    'arp rewrite',
    'mac_rewrite rewrite',
  ])
  assert.match(stepsOf(story!, 'encap')[0]!.detail, /VNI 99/)
  assert.match(stepsOf(story!, 'delivered')[0]!.summary, /198\.51\.100\.10:80 > 203\.0\.113\.9:\d+ TCP SYN,ACK$/)
})

test('counters of the NAT table, of the port and of its rules move with each request', async () => {
  const read = async (): Promise<{ natHits: number; packetsIn: number; packetsOut: number; ruleHits: number }> => {
    let natHits = 0
    for (const each of lab.control.switches) {
      const { tables } = must(await lab.run(each.counters()))
      natHits += tables.find(({ table }) => table.endsWith('nat_ingress.ingress_ipv4'))!.hits
    }
    const view = must(await lab.run(lab.control.sleds[1]!.port_view({ params: { port_id: web.nicId } })))
    const rules = view.layers.find((layer) => layer.name === 'firewall')!.rules
    const ruleHits = rules.find((rule) => JSON.stringify(rule).includes('80'))!.hits
    return { natHits, packetsIn: view.counters['packetsIn']!, packetsOut: view.counters['packetsOut']!, ruleHits }
  }
  const first = await read()
  await lab.fetch(lab.client.stack, URL_OF_PAGE)
  await lab.clock.advance(100)
  const second = await read()
  const packetsIn = second.packetsIn - first.packetsIn
  assert.ok(packetsIn >= 4, 'SYN, ACK, request, FIN')
  assert.ok(second.packetsOut - first.packetsOut >= 3)
  assert.equal(second.natHits - first.natHits, packetsIn, 'what the switches translated is what the port received')
  assert.ok(second.ruleHits > first.ruleHits)
})
