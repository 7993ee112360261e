/**
 * Every provider that the probe language has, watched through the language on a rack that comes up, is used and loses a link: each probe has
 * to fire with its fields. What a provider lists and this program never sees is named.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { every } from '@lodestone/host'
import { type ProbeOutput, startProbe } from '@lodestone/probe'
import { CloudLab } from './cloud-lab.fixture.ts'

let lab: CloudLab
let address: string
/** Of all tests together. */
const fired = new Set<string>()

before(async () => {
  lab = await CloudLab.start()
  for (const { subscribe } of lab.probes.map((source) => ({ subscribe: source.subscribe.bind(source) }))) {
    subscribe(({ provider, name }) => void fired.add(`${provider} ${name}`))
  }
  const { api } = lab
  const query = { project: 'shop' }
  await lab.done(api.project_create({ body: { name: 'shop', description: '' } }))
  address = (await lab.done(api.floating_ip_create({ query, body: { name: 'web-ip', description: '' } }))).ip
  const path = { query: { project: 'shop', vpc: 'default' } }
  const { rules } = await lab.done(api.vpc_firewall_rules_view(path))
  const http = {
    name: 'allow-http',
    description: '',
    status: 'enabled' as const,
    direction: 'inbound' as const,
    action: 'allow' as const,
    priority: 100,
    targets: [{ type: 'vpc' as const, value: 'default' }],
    filters: { protocols: [{ type: 'tcp' as const }], ports: ['80'] },
  }
  await lab.done(api.vpc_firewall_rules_update({ ...path, body: { rules: [...rules, http] } }))
  const body = {
    name: 'web',
    description: '',
    hostname: 'web',
    ncpus: 1,
    memory: 2 ** 30,
    external_ips: [{ type: 'floating' as const, floating_ip: 'web-ip' }],
  }
  await lab.done(api.instance_create({ query, body }))
  await lab.settle()
  await lab.clock.advance(1000)
})
after(() => lab.close())

/** What the program says while `work` goes on. */
async function watching(program: string, work: () => Promise<unknown>): Promise<readonly ProbeOutput[]> {
  const said: ProbeOutput[] = []
  const { clock } = lab
  const started = startProbe(program, {
    sources: lab.probes,
    nowMs: () => clock.nowMs(),
    every(intervalMs, fn) {
      const timer = every(clock, intervalMs, fn)
      return () => timer.cancel()
    },
    output: (line) => said.push(line),
  })
  assert.ok(started.ok, started.ok ? '' : JSON.stringify(started.problems))
  await work()
  started.run.stop()
  return said
}

type Rows = Extract<ProbeOutput, { kind: 'aggregation' }>['rows']

/** Of the last time that an aggregation was printed. */
function rowsOf(said: readonly ProbeOutput[]): Rows {
  const last = said.findLast((line) => line.kind === 'aggregation')
  assert.ok(last?.kind === 'aggregation', JSON.stringify(said))
  return last.rows
}

async function counts(program: string, work: () => Promise<unknown>): Promise<ReadonlyMap<string, number>> {
  const rows = rowsOf(await watching(program, work))
  return new Map(rows.map(({ keys, result }) => [keys.join(' '), result.kind === 'number' ? result.value : 0]))
}

/** An HTTP request from the internet to the instance. */
async function fetchPage(bytes = 0): Promise<void> {
  const socket = await lab.clock.run(lab.client.stack.connectTcp({ address, port: 80, timeoutMs: 3000 }))
  socket.on('error', () => undefined)
  let got = ''
  socket.on('data', (data: Buffer) => (got += String(data)))
  socket.end(`GET /${'x'.repeat(bytes)} HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n`)
  await lab.until(() => got.includes('\r\n\r\n'), 5000)
  await lab.clock.advance(500)
}

test('tcp: state changes, segments sent, received and sent again, and round trips, on hosts and in guests', async () => {
  const seen = await counts('tcp:*:*:* { @[node, probe] = count() }', async () => {
    await fetchPage()
    const cables = lab.emulation.topology.links.filter(({ a, b }) => [a.node, b.node].includes('client'))
    for (const { name } of cables) lab.emulation.links().get(name)!.configure({ loss: 0.4 })
    for (let round = 0; round < 4; round++) await fetchPage(4000).catch(() => undefined)
    for (const { name } of cables) lab.emulation.links().get(name)!.configure({ loss: 0 })
  })
  for (const name of ['state', 'send', 'receive', 'rtt', 'retransmit']) {
    assert.ok((seen.get(`client ${name}`) ?? 0) > 0, `client ${name}: ${[...seen.keys()].join(', ')}`)
    if (name !== 'retransmit') assert.ok((seen.get(`web ${name}`) ?? 0) > 0, `web ${name}`)
  }
  const moves = await counts('tcp:client:*:state { @[from, to] = count() }', () => fetchPage())
  for (const move of ['CLOSED SYN-SENT', 'SYN-SENT ESTABLISHED']) assert.equal(moves.get(move), 1, move)
  assert.ok(moves.size >= 5, 'and down to TIME-WAIT or CLOSED')
  const sums = await counts('tcp:web:*:receive / new / { @[lport] = sum(bytes) }', () => fetchPage(1000))
  assert.ok((sums.get('80') ?? 0) > 1000)
})

test('tcp: a histogram of round trips, the top talkers, and both printed every interval', async () => {
  const said = await watching('tcp:*:*:rtt { @[node] = quantize(ms) } tick-250ms { printa(@); clear(@) }', async () => {
    for (let round = 0; round < 4; round++) await fetchPage()
  })
  const printed = said.filter((line) => line.kind === 'aggregation')
  assert.ok(printed.length >= 4, 'once an interval')
  assert.ok(printed.some(({ rows }) => rows.some(({ result }) => result.kind === 'histogram')))
  const top = rowsOf(await watching('tcp:*:*:send { @ = topk(node, 2) }', () => fetchPage()))
  assert.ok(top[0]?.result.kind === 'ranking' && top[0].result.rows.length === 2)
})

test('packets: links, parsers, tables, actions, the packet engine and stacks tell of each', async () => {
  const seen = await counts('*:*:*:* { @[provider, probe] = count() }', async () => {
    await fetchPage()
    await lab.clock.run(lab.client.stack.ping(address, { count: 2, timeoutMs: 500 }))
    // Nobody listens there, and the firewall says so.
    await lab.clock.run(lab.client.stack.connectTcp({ address, port: 81, timeoutMs: 300 }).catch(() => undefined))
  })
  const wanted = [
    'link deliver',
    'parser receive',
    'parser accept',
    'table hit',
    'table miss',
    'action run',
    'switch send',
    'switch rewrite',
    'vport allow',
    'vport modify',
    'vport deny',
    'vport drop',
    'stack send',
    'stack deliver',
    'stack route',
  ]
  for (const each of wanted)
    assert.ok((seen.get(each) ?? 0) > 0, `${each} did not fire: ${[...seen.keys()].join(', ')}`)
  const actions = await counts(
    'action:switch*:*:run / unit == "ingress.nat_ingress.forward_to_sled" / { @[table] = count() }',
    () => fetchPage(),
  )
  assert.ok(
    [...actions.keys()].some((table) => table.endsWith('ingress_ipv4')),
    JSON.stringify([...actions]),
  )
})

test('link: what is lost is told with its reason', async () => {
  const { name } = lab.emulation.topology.links.find(({ a, b }) => [a.node, b.node].includes('client'))!
  const link = lab.emulation.links().get(name)!
  const lost = await counts('link:*:*:drop { @[reason] = count() }', async () => {
    link.configure({ loss: 1 })
    await lab.clock.advance(3000)
    link.configure({ loss: 0 })
  })
  assert.ok(
    [...lost.keys()].some((reason) => reason.startsWith('LINK_')),
    JSON.stringify([...lost]),
  )
})

test('bgp, rib, ddm, bfd: a cable that goes and comes is told by all of them', async () => {
  const { name } = lab.emulation.topology.links.find(({ a, b }) => {
    const ends = [a.node, b.node]
    return ends.includes('isp0') && ends.includes('switch0')
  })!
  const peer = lab.emulation.specs('switch')[0]!.bgp.peers[0]!.address.toString()
  await lab.done(
    lab.api.networking_bfd_enable({
      body: {
        switch_slot: 'switch0',
        local: null,
        remote: peer,
        mode: 'single_hop',
        required_rx: 100_000,
        detection_threshold: 3,
      },
    }),
  )
  // The router does its part of BFD, for all of its neighbours.
  const { routed } = lab.host('isp0')
  assert.ok(routed?.config.bgp !== undefined)
  const { bgp } = routed.config
  const timing = { desiredMinTxUs: 100_000, requiredMinRxUs: 100_000, detectMult: 3 }
  const bfd = Object.fromEntries(bgp.peers.map((each) => [each.name, timing]))
  assert.ok(routed.apply({ ...routed.config, bgp: { ...bgp, bfd } }).ok)
  await lab.settle()
  const seen = await counts(
    '*:*:*:* / provider == "bgp" || provider == "rib" || provider == "bfd" || provider == "ddm" / { @[provider, probe] = count() }',
    async () => {
      await lab.clock.advance(3000)
      lab.emulation.links().get(name)!.setUp(false)
      for (const { name: cable } of lab.emulation.topology.links.filter(({ a, b }) =>
        [a.node, b.node].includes('switch1'),
      )) {
        lab.emulation.links().get(cable)!.setUp(false)
      }
      await lab.clock.advance(15_000)
      for (const { name: cable } of lab.emulation.topology.links) lab.emulation.links().get(cable)!.setUp(true)
      await lab.untilReady()
      await lab.clock.advance(3000)
    },
  )
  for (const each of [
    'bgp transition',
    'bgp up',
    'bgp down',
    'bgp message',
    'bgp end-of-rib',
    'rib select',
    'rib withdraw',
    'ddm state',
    'ddm tunnels',
    'bfd state',
  ]) {
    assert.ok((seen.get(each) ?? 0) > 0, `${each} did not fire: ${[...seen.keys()].join(', ')}`)
  }
})

test('api and reconciler: a request, and what it makes the control plane ask of sleds and switches', async () => {
  const seen = await counts(
    '*:*:*:done / provider == "api" || provider == "reconciler" / { @[provider, method] = count() }',
    async () => {
      await lab.done(lab.api.floating_ip_detach({ params: { floating_ip: 'web-ip' }, query: { project: 'shop' } }))
      await lab.settle()
    },
  )
  assert.equal(seen.get('api POST'), 1)
  assert.ok((seen.get('reconciler PUT') ?? 0) > 0, JSON.stringify([...seen]))
})

test('no probe is listed that never fires, but for a few that this rack gives no reason to', () => {
  const listed = lab.probes.flatMap(({ points }) => points.map(({ provider, name }) => `${provider} ${name}`))
  assert.deepEqual(
    listed.filter((each) => !fired.has(each)),
    // A frame that no parser reads, and a peer with too many prefixes: `program.test.ts` and the tests of bgp have them.
    ['parser error', 'bgp prefix-limit'],
  )
})
