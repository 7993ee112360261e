/** A running laboratory in virtual time: what the control interface promises. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPcapng } from '@lodestone/packet'
import { lab, type Lab, LabUnderTest, startVirtualLab, type VirtualLab } from './index.ts'

function twoHosts(): Lab {
  const l = lab('lab-test')
  const left = l.host('left', { address: '10.0.0.1/24' })
  const right = l.host('right', { address: '10.0.0.2/24' })
  const hub = l.switch('hub', { program: 'hub' })
  l.link(left, hub, { delayMs: 2 })
  l.link(right, hub, 'metro')
  return l
}

async function running(
  l: Lab,
  t: { after(fn: () => Promise<void>): void },
): Promise<{ virtual: VirtualLab; on: LabUnderTest }> {
  const virtual = await startVirtualLab(l.document(), { behaviours: l.behaviours })
  t.after(() => virtual.close())
  return { virtual, on: new LabUnderTest(virtual.client, virtual.clock) }
}

test('a command runs on a host, with its output and its exit code', async (t) => {
  const { virtual, on } = await running(twoHosts(), t)
  const ping = await virtual.run(on.exec('left', 'ping -c 2 10.0.0.2'))
  assert.equal(ping.exitCode, 0)
  assert.match(ping.stdout, /2 of 2 answered/)
  assert.equal((await virtual.run(on.exec('left', 'ping -c 1 10.0.0.77'))).exitCode, 1)
  assert.equal((await virtual.run(on.exec('left', 'frobnicate'))).exitCode, 127)
  await assert.rejects(virtual.run(on.exec('hub', 'ls')), /runs no commands/)
  await assert.rejects(virtual.run(on.exec('nobody', 'ls')), /there is no node nobody; there are left, right, hub/)
})

test('apply adds a host, a port of the running switch and a link; what was there goes on undisturbed', async (t) => {
  const l = twoHosts()
  const { virtual, on } = await running(l, t)
  const before = virtual.runtime.stack('left')
  l.link(l.host('third', { address: '10.0.0.3/24' }), { node: 'hub', port: undefined })
  const steps = await virtual.run(virtual.client.apply({ body: l.document() }))
  assert.ok(steps.ok)
  assert.equal(steps.value.text, '~ node hub: ports\n+ node third (host)\n+ link third-hub (third:eth0 ↔ hub:3)')
  assert.equal(virtual.runtime.stack('left'), before)
  assert.ok(await virtual.run(on.isFullyReachable()))
  const again = await virtual.run(virtual.client.apply({ body: l.document() }))
  assert.ok(again.ok && again.value.steps.length === 0, 'applying twice does nothing')
  const back = await virtual.run(virtual.client.apply({ body: twoHosts().document() }))
  assert.ok(back.ok)
  assert.match(back.value.text, /- link third-hub[^]*- node third/)
  assert.equal((await virtual.run(on.info())).nodes.length, 3)
})

test('apply changes what a link does, and refuses a document that contradicts itself before anything changed', async (t) => {
  const { virtual } = await running(twoHosts(), t)
  const document = twoHosts().document()
  const slower = {
    ...document,
    links: { ...document.links, 'left-hub': { ...document.links['left-hub']!, both: { delayMs: 30 } } },
  }
  await virtual.run(virtual.client.apply({ body: slower }))
  assert.equal(virtual.runtime.link('left-hub').impairments('b-to-a').delayMs, 30)
  const wrong = { ...document, links: { ...document.links, bad: { a: 'left:eth9', b: 'nobody:eth0' } } }
  const refused = await virtual.run(virtual.client.apply({ body: wrong }))
  assert.ok(!refused.ok)
  assert.match(refused.message, /nobody, which does not exist/)
})

test('faults hit links, nodes and groups, live and by the timeline, and heal mends them all', async (t) => {
  const l = twoHosts().group('edge', ['left-hub', 'right-hub']).at(5000, { kind: 'down', target: 'edge' })
  const { virtual, on } = await running(l, t)
  assert.ok(await virtual.run(on.pings('left', '10.0.0.2')))
  await virtual.clock.advance(5000)
  assert.deepEqual(
    (await virtual.run(on.info())).links.map(({ up }) => up),
    [false, false],
  )
  await virtual.run(on.fault({ kind: 'heal' }))
  await virtual.run(on.fault({ kind: 'shape', target: 'left-hub', direction: 'a-to-b', change: { loss: 1 } }))
  assert.equal(await virtual.run(on.pings('left', '10.0.0.2')), false)
  await virtual.run(on.fault({ kind: 'heal' }))
  await virtual.run(on.fault({ kind: 'off', target: 'hub' }))
  assert.equal(await virtual.run(on.pings('left', '10.0.0.2')), false)
  await virtual.run(on.fault({ kind: 'heal' }))
  await virtual.run(on.eventually(() => on.pings('left', '10.0.0.2')))
  await virtual.run(on.fault({ kind: 'flap', target: 'left-hub', downMs: 100, upMs: 100, times: 2 }))
  const states: boolean[] = []
  for (let i = 0; i < 5; i++) {
    states.push(virtual.runtime.link('left-hub').isUp)
    await virtual.clock.advance(100)
  }
  assert.deepEqual(states, [false, true, false, true, true])
  await assert.rejects(virtual.run(on.fault({ kind: 'down', target: 'nothing' })), /no link, node or group nothing/)
})

test('claims: stable and never notice what changes in between', async (t) => {
  const { virtual, on } = await running(twoHosts(), t)
  await virtual.run(on.stable(() => on.pings('left', '10.0.0.2'), 1000))
  virtual.clock.after(500, () => virtual.runtime.fault({ kind: 'down', target: 'left' }))
  await assert.rejects(virtual.run(on.stable(() => on.pings('left', '10.0.0.2'), 3000)), /did not hold after/)
  await virtual.run(on.never(() => on.pings('left', '10.0.0.2'), 1000))
  await assert.rejects(
    virtual.run(on.eventually(() => on.pings('left', '10.0.0.2'), { withinMs: 2000, because: 'it comes back' })),
    /not within 2000 ms: it comes back/,
  )
})

test('a snapshot brings back links, power and the entries of P4 tables', async (t) => {
  const l = lab('snapshot-test')
  const nodes = [1, 2].map((i) => l.host(`h${i}`, { address: `10.0.0.${i}/24` }))
  const router = l.switch('ndn', {
    program: 'ndn',
    entries: [{ table: 'fib', keys: ['0x0001000000000000/16'], action: 'produce', args: [2] }],
  })
  for (const node of nodes) l.link(node, router)
  const { virtual, on } = await running(l, t)
  await virtual.run(on.fault({ kind: 'shape', target: 'h1-ndn', change: { delayMs: 7 } }))
  await virtual.run(on.fault({ kind: 'down', target: 'h2-ndn' }))
  const taken = await virtual.run(virtual.client.snapshot())
  assert.ok(taken.ok)
  const text = JSON.stringify(taken.value)
  await virtual.run(on.fault({ kind: 'heal' }))
  const changed = {
    ...l.document(),
    nodes: { ...l.document().nodes, ndn: { ...l.document().nodes['ndn']!, entries: [] } },
  }
  await virtual.run(virtual.client.apply({ body: changed }))
  assert.deepEqual(
    await virtual.run(on.table('ndn', 'ingress.fib')).catch(() => virtual.run(on.table('ndn', 'fib'))),
    [],
  )
  const restored = await virtual.run(virtual.client.restore({ body: JSON.parse(text) }))
  assert.ok(restored.ok, JSON.stringify(restored))
  assert.equal(virtual.runtime.link('h1-ndn').impairments('a-to-b').delayMs, 7)
  assert.equal(virtual.runtime.link('h2-ndn').isUp, false)
  const again = await virtual.run(virtual.client.snapshot())
  assert.ok(again.ok)
  assert.deepEqual(again.value, JSON.parse(text))
})

test('a capture has an interface per link, only frames that match, and verdicts as comments', async (t) => {
  const { virtual, on } = await running(twoHosts(), t)
  const body = {
    targets: ['left-hub', 'right-hub'],
    filter: 'icmp and host 10.0.0.2',
    verdicts: true,
    duration_ms: 3000,
  }
  const capture = await virtual.run(virtual.client.capture({ body }))
  assert.ok(capture.ok)
  await virtual.run(on.exec('left', 'ping -c 1 10.0.0.2'))
  const file = await virtual.run(new Response(capture.value).arrayBuffer())
  const { interfaces, packets } = readPcapng(new Uint8Array(file))
  assert.deepEqual(
    interfaces.map(({ name }) => name),
    ['left-hub', 'right-hub'],
  )
  assert.deepEqual(
    packets.map(({ interfaceId }) => interfaceId),
    [0, 1, 1, 0],
  )
  assert.match(packets[0]!.comments![0]!, /^DELIVERED .* on right/)
  const refused = await virtual.run(virtual.client.capture({ body: { targets: [], filter: 'tcp and' } }))
  assert.ok(!refused.ok)
  assert.match(refused.message, /the filter ends where a term should be/)
})

test('traffic: throughput is that of the bottleneck, completion times that of the path', async (t) => {
  const l = lab('traffic-test')
  l.link(l.host('left', { address: '10.0.0.1/24' }), l.host('right', { address: '10.0.0.2/24' }), {
    delayMs: 5,
    rateBps: 20e6,
  })
  const { virtual, on } = await running(l, t)
  const report = await virtual.run(on.traffic({ from: 'left', to: 'right', bytes: 5_000_000, flows: 1 }))
  assert.equal(report.completed, 1)
  assert.ok(report.throughput_bps > 15e6 && report.throughput_bps < 20e6, `${report.throughput_bps}`)
  assert.ok(report.fct_ms!.p50 > 2000)
  await virtual.run(on.fault({ kind: 'shape', target: 'left-right', change: { loss: 0.2 } }))
  const datagrams = await virtual.run(
    on.traffic({ from: 'left', to: 'right', protocol: 'udp', bytes: 1_200_000, rate_bps: 10e6 }),
  )
  assert.ok(Math.abs(datagrams.lost / 1000 - 0.2) < 3 * Math.sqrt((0.2 * 0.8) / 1000), `${datagrams.lost}`)
})

test('the same seed gives the same run', async (t) => {
  const story = async (seed: number): Promise<string> => {
    const l = lab('seed-test')
    l.link(l.host('left', { address: '10.0.0.1/24' }), l.host('right', { address: '10.0.0.2/24' }), 'wan')
    const virtual = await startVirtualLab(l.document(), { seed })
    t.after(() => virtual.close())
    const on = new LabUnderTest(virtual.client, virtual.clock)
    const report = await virtual.run(on.traffic({ from: 'left', to: 'right', bytes: 2_000_000 }))
    return JSON.stringify([report, (await virtual.run(on.info())).links])
  }
  assert.equal(await story(3), await story(3))
  assert.notEqual(await story(3), await story(4))
})

test('a namespace is refused in virtual time, with a sentence', async () => {
  const l = lab('refused')
  l.link(l.namespace('frr', { address: '10.0.0.1/24' }), l.host('h', { address: '10.0.0.2/24' }))
  await assert.rejects(startVirtualLab(l.document()), /frr is a namespace, which lives in real time/)
})
