/** The daemon with its interface: what operators see and do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpFetch, readNdjson } from '@lodestone/api'
import { RibRoute, RoutedEvent } from '@lodestone/contract-routed'
import { Ip, Prefix } from '@lodestone/net'
import { DaemonLab, type LabDaemon } from './daemon.fixture.ts'

const ROUTER = (id: string, asn: number, more = ''): string =>
  `router: { asn: ${asn}, id: ${id}, listen: ["${id}:179"]${more} }`
const PEER = (address: string, asn: number, more = ''): string =>
  `peers: [{ address: ${address}, asn: ${asn}, import: accept, export: accept${more} }]`

/** `left` takes everything, `right` sends these. */
async function pair(prefixes: readonly string[], leftMore: readonly string[] = []): Promise<Pair> {
  const lab = new DaemonLab()
  const left = lab.add('left', '10.0.0.1')
  const right = lab.add('right', '10.0.0.2')
  const leftText = [ROUTER('10.0.0.1', 65_001), PEER('10.0.0.2', 65_002), ...leftMore].join('\n')
  const rightText = (list: readonly string[]): string =>
    [ROUTER('10.0.0.2', 65_002, `, originate: [${list.join(', ')}]`), PEER('10.0.0.1', 65_001, ', passive: true')].join(
      '\n',
    )
  assert.ok((await lab.start(left, leftText)).ok)
  assert.ok((await lab.start(right, rightText(prefixes))).ok)
  await lab.clock.advance(10_000)
  assert.deepEqual(left.established(), ['10.0.0.2'])
  return { lab, left, right, leftText, rightText }
}

interface Pair {
  readonly lab: DaemonLab
  readonly left: LabDaemon
  readonly right: LabDaemon
  readonly leftText: string
  readonly rightText: (prefixes: readonly string[]) => string
}

const MANY = Array.from({ length: 250 }, (_, i) => `198.18.${i}.0/24`)

async function value<T>(call: Promise<{ ok: true; value: T } | { ok: false; message: string }>): Promise<T> {
  const result = await call
  assert.ok(result.ok, result.ok ? '' : result.message)
  return result.value
}

test('without a policy nothing comes in or goes out of an external session (RFC 8212)', async () => {
  const { lab, left, right, leftText } = await pair(['198.18.0.0/24'])
  await lab.start(left, leftText.replace('import: accept, export: accept', 'description: "none"'))
  await lab.clock.advance(10_000)
  assert.deepEqual(left.established(), ['10.0.0.2'])
  assert.deepEqual(left.selected(), [])
  assert.deepEqual(right.selected(), [])
  const received = await value(left.client.bgp_received({ params: { peer: '10.0.0.2' } }))
  assert.equal(received.items[0]?.used, false)
  assert.match(received.items[0]?.refused?.sentence ?? '', /8212|polic/i)
  lab.close()
})

test('routes are paged through completely, each once, whatever the size of the page', async () => {
  const { lab, left } = await pair(MANY)
  for (const limit of [1, 7, 100, 1000]) {
    const seen: string[] = []
    let token: string | undefined
    do {
      const page = await value(left.client.rib_routes({ query: { limit, page_token: token } }))
      assert.ok(page.items.length <= limit)
      seen.push(...page.items.map(({ prefix }) => prefix))
      token = page.next_page ?? undefined
    } while (token !== undefined)
    assert.deepEqual(seen.toSorted(), MANY.toSorted())
  }
  const inside = await value(left.client.rib_routes({ query: { prefix: '198.18.8.0/21' } }))
  assert.equal(inside.items.length, 8)
  const none = await value(left.client.rib_routes({ query: { family: 'ipv6' } }))
  assert.deepEqual(none, { items: [], next_page: null })
  const bad = await left.client.rib_routes({ query: { page_token: 'x' } })
  assert.ok(!bad.ok && bad.kind === 'refused' && bad.status === 400)
  lab.close()
})

test('a dump streams every route', async () => {
  const { lab, left } = await pair(MANY)
  const seen: string[] = []
  for await (const { prefix } of readNdjson(await value(left.client.rib_dump()), RibRoute)) seen.push(prefix)
  assert.deepEqual(seen.toSorted(), MANY.toSorted())
  lab.close()
})

test('explain walks from what was received over policy and decision to the forwarding plane and the peers', async () => {
  const policy = [
    'policies:',
    '  low: [{ name: lower, set: { local_pref: 50 }, verdict: accept }]',
    'static: [{ prefix: 198.18.0.0/24, next_hop: 10.0.0.9 }]',
  ]
  const { lab, left, leftText } = await pair(['198.18.0.0/24', '198.18.1.0/24'], policy)
  await lab.start(left, leftText.replace('import: accept', 'import: low'))
  await lab.clock.advance(1000)
  const two = await value(left.client.rib_explain({ query: { destination: '198.18.0.7' } }))
  assert.equal(two.prefix, '198.18.0.0/24')
  assert.deepEqual(
    two.paths.map(({ path, verdict, step }) => [path.protocol, verdict, step]),
    [
      ['static', 'best', undefined],
      ['bgp', 'lost', 'preference'],
    ],
  )
  assert.match(two.paths[1]!.received ?? '', /LOCAL_PREF 100/)
  assert.match(two.paths[1]!.policy ?? '', /lower/)
  assert.equal(two.paths[1]!.path.bgp?.local_pref, 50)
  assert.match(two.paths[1]!.received_at ?? '', /^2026-01-01T00:00/)
  assert.deepEqual(
    two.lower?.map(({ target, state, next_hops: hops }) => [target, state, hops]),
    [['memory', 'programmed', ['10.0.0.9 on eth0']]],
  )
  assert.deepEqual(
    two.exports?.map(({ peer, exported }) => [peer, exported]),
    [['10.0.0.2', false]],
  )
  left.target.fault = () => ({ reason: 'the table is full', isApplied: false })
  await lab.start(left, `${leftText}\n`.replace('10.0.0.9', '10.0.0.8'))
  await lab.clock.advance(1000)
  const failing = await value(left.client.rib_explain({ query: { destination: '198.18.0.0/24' } }))
  assert.equal(failing.lower?.[0]?.state, 'failing')
  assert.match(failing.lower?.[0]?.sentence ?? '', /the table is full/)
  const missing = await left.client.rib_explain({ query: { destination: '192.0.2.1' } })
  assert.ok(!missing.ok && missing.kind === 'refused' && missing.status === 404)
  lab.close()
})

test('a prefix whose best path takes turns is in the log, the events, the explanation and the metrics', async () => {
  const { lab, left } = await pair(['198.18.0.0/24'])
  const { events } = reader(await value(left.client.events()))
  const moody = left.routed.rib.adjacency({ protocol: 'static', peer: 'moody' })
  const prefix = Prefix.of('198.18.0.0/24')
  for (let i = 0; i < 40; i++) {
    if (!moody.withdraw(prefix)) moody.announce(prefix, { nextHop: Ip.of('10.0.0.9') })
    await lab.clock.advance(100)
  }
  const event = events.find(({ kind }) => kind === 'route-oscillation')
  assert.ok(event?.kind === 'route-oscillation' && event.prefix === '198.18.0.0/24')
  assert.equal(left.log.filter((line) => line.event === 'routed.route-oscillates').length, 1)
  const { oscillation } = await value(left.client.rib_explain({ query: { destination: '198.18.0.0/24' } }))
  assert.deepEqual(oscillation?.selections.toSorted(), [
    'bgp 10.0.0.2 via 10.0.0.2, AS_PATH 65002',
    'static moody via 10.0.0.9',
  ])
  const metrics = await new Response(await value(left.client.metrics())).text()
  assert.match(metrics, /^routed_rib_oscillating_prefixes 1$/m)
  lab.close()
})

test('peers show state, families, history of states and of messages', async () => {
  const { lab, left } = await pair(['198.18.0.0/24'])
  const peer = await value(left.client.bgp_neighbor({ params: { peer: '10.0.0.2' } }))
  assert.equal(`${peer.state} ${peer.remote_asn} ${peer.paths_received} ${peer.external}`, 'Established 65002 1 true')
  const history = await value(left.client.bgp_fsm_history({ params: { peer: '10.0.0.2' } }))
  assert.equal(history.at(-1)?.to, 'Established')
  const messages = await value(left.client.bgp_message_history({ params: { peer: '10.0.0.2' } }))
  const types = messages.map(({ direction, type }) => `${direction} ${type}`)
  for (const type of ['sent OPEN', 'received OPEN', 'received UPDATE', 'sent KEEPALIVE'])
    assert.ok(types.includes(type), type)
  const update = messages.find(({ type, length }) => type === 'UPDATE' && length > 23)
  assert.match(update?.hex ?? '', /^f{32}/)
  const unknown = await left.client.bgp_neighbor({ params: { peer: 'nobody' } })
  assert.ok(!unknown.ok && unknown.kind === 'refused' && unknown.status === 404)
  lab.close()
})

test('refresh keeps the session, a hard clear ends it', async () => {
  const { lab, left } = await pair(['198.18.0.0/24'])
  const sessions = async (): Promise<number> =>
    (await value(left.client.bgp_neighbor({ params: { peer: '10.0.0.2' } }))).counters['sessions-established']!
  for (const kind of ['soft_inbound', 'soft_outbound'] as const) {
    await value(left.client.bgp_clear({ body: { peer: '10.0.0.2', kind } }))
    await lab.clock.advance(1000)
    assert.equal(await sessions(), 1)
    assert.equal(left.selected().length, 1)
  }
  await value(left.client.bgp_clear({ body: { peer: '10.0.0.2', kind: 'hard' } }))
  await lab.clock.advance(30_000)
  assert.equal(await sessions(), 2)
  lab.close()
})

/** The events of a stream as they come. */
function reader(stream: ReadableStream<Uint8Array>): { events: RoutedEvent[]; stop: () => void } {
  const events: RoutedEvent[] = []
  const iterator = readNdjson(stream, RoutedEvent)
  void (async () => {
    for await (const event of iterator) events.push(event)
  })()
  return { events, stop: () => void iterator.return(undefined) }
}

test('events tell of sessions, routes and configuration as they happen, and nothing is made when nobody listens', async () => {
  const { lab, left, right, rightText, leftText } = await pair(['198.18.0.0/24', '198.18.1.0/24'])
  const { events } = reader(await value(left.client.events({ query: { routes: true, replay: true } })))
  await lab.clock.advance(100)
  const routesIn = (from: number): string[] =>
    events
      .slice(from)
      .flatMap((event) =>
        event.kind === 'routes' ? event.routes.map(({ prefix, paths }) => `${prefix} ${paths.length}`) : [],
      )
  assert.deepEqual(routesIn(0).toSorted(), ['198.18.0.0/24 1', '198.18.1.0/24 1'])
  let at = events.length
  await lab.start(right, rightText(['198.18.1.0/24', '198.18.2.0/24']))
  await lab.clock.advance(1000)
  assert.deepEqual(routesIn(at).toSorted(), ['198.18.0.0/24 0', '198.18.2.0/24 1'])
  at = events.length
  await lab.start(left, leftText.replace('asn: 65002', 'asn: 65002, hold_time_s: 30'))
  await lab.clock.advance(30_000)
  const kinds = events.slice(at).map(({ kind }) => kind)
  for (const kind of ['config', 'bgp-session-down', 'bgp-state', 'bgp-session-up', 'bgp-end-of-rib']) {
    assert.ok(
      kinds.some((each) => each === kind),
      `${kind} in ${[...new Set(kinds)].join()}`,
    )
  }
  const config = events.slice(at).find((event) => event.kind === 'config')
  assert.deepEqual(config?.changes, [{ what: 'peer 10.0.0.2', effect: 'new session' }])
  lab.close()
})

test('an event reader that stops reading loses events and is told so, while routing goes on', async () => {
  const { lab, left, right, rightText } = await pair(MANY.slice(0, 10))
  const stream = await value(left.client.events())
  for (let i = 0; i < 6000; i++) {
    // Each of these would be an event.
    left.routed.announceChanges([{ what: `change ${i}`, effect: 'changed' }])
  }
  const { events } = reader(stream)
  await lab.clock.advance(10)
  const received = events.length
  assert.ok(received < 6000)
  left.routed.announceChanges([{ what: 'after', effect: 'changed' }])
  await lab.clock.advance(10)
  const lost = events.find((event) => event.kind === 'lost')
  assert.equal(lost?.count, 6000 - received)
  await lab.start(right, rightText(MANY))
  await lab.clock.advance(1000)
  assert.equal(left.selected().length, MANY.length)
  lab.close()
})

test('readers of events are limited, and one that goes makes room', async () => {
  const { lab, left } = await pair([])
  const streams: ReadableStream<Uint8Array>[] = []
  for (let i = 0; i < 64; i++) streams.push(await value(left.client.events()))
  const refused = await left.client.events()
  assert.ok(!refused.ok && refused.kind === 'refused' && refused.status === 503)
  await streams[5]!.cancel()
  await value(left.client.events())
  lab.close()
})

test('check and dry run say what a file would change, and change nothing', async () => {
  const { lab, left, leftText } = await pair(['198.18.0.0/24', '198.18.1.0/24', '203.0.113.0/24'])
  const before = left.selected()
  const text = leftText
    .replace('import: accept', 'import: strict')
    .concat(
      '\npolicies: { strict: [{ match: { prefix: [203.0.113.0/24] }, set: { local_pref: 300 }, verdict: accept }] }',
    )
    .concat('\nstatic: [{ prefix: 192.0.2.0/24, next_hop: 10.0.0.9 }]')
  const judgement = await value(left.client.config_check({ body: { text } }))
  assert.deepEqual(judgement, {
    ok: true,
    problems: [],
    changes: [
      { what: 'peer 10.0.0.2', effect: 'changed' },
      { what: 'static route 192.0.2.0/24 by 10.0.0.9', effect: 'added' },
    ],
  })
  const runs = await value(left.client.bgp_policy_dry_run({ body: { text, direction: 'import' } }))
  assert.equal(runs.length, 1)
  const { examined, newly_rejected: rejected, changed, differences } = runs[0]!
  assert.deepEqual([examined, rejected, changed], [3, 2, 1])
  assert.deepEqual(differences.map(({ prefix, change }) => `${prefix} ${change}`).toSorted(), [
    '198.18.0.0/24 newly-rejected',
    '198.18.1.0/24 newly-rejected',
    '203.0.113.0/24 changed',
  ])
  const wrong = await value(left.client.config_check({ body: { text: 'router: {}' } }))
  assert.equal(wrong.ok, false)
  assert.deepEqual(wrong.problems[0], { line: 1, column: 9, path: 'router', message: 'asn is missing' })
  const refused = await left.client.bgp_policy_dry_run({ body: { text: 'router: {}' } })
  assert.ok(!refused.ok && refused.kind === 'refused' && refused.status === 400)
  await lab.clock.advance(10_000)
  assert.deepEqual(left.selected(), before)
  lab.close()
})

test('reload through the interface applies the file, and says what is wrong with one that it does not apply', async () => {
  const { lab, left, leftText } = await pair(['198.18.0.0/24'])
  left.text = `${leftText}\nstatic: [{ prefix: 192.0.2.0/24, next_hop: 10.0.0.9 }]`
  const applied = await lab.clock.run(value(left.client.config_reload()))
  assert.deepEqual(applied.changes, [{ what: 'static route 192.0.2.0/24 by 10.0.0.9', effect: 'added' }])
  assert.equal(left.selected().length, 2)
  left.text = `${leftText}\nstatic: [{ prefix: 192.0.2.0/33, next_hop: 10.0.0.9 }]`
  const refused = await lab.clock.run(value(left.client.config_reload()))
  assert.equal(refused.ok, false)
  assert.equal(refused.problems[0]?.line, 3)
  assert.equal(left.selected().length, 2)
  const file = await value(left.client.config_file())
  assert.equal(file.name, 'left.yaml')
  const put = await left.client.config_apply({ body: {} })
  assert.ok(!put.ok && put.kind === 'refused' && put.status === 409)
  lab.close()
})

test('the places of the admin interface change with the configuration', async () => {
  const { lab, left, leftText } = await pair([])
  const get = async (place: string): Promise<number | string> => {
    const request = new Request(`http://${place}/metrics`)
    const answer = httpFetch(lab.network('asker', '10.0.0.50'), { clock: lab.clock, timeoutMs: 1000 })(request)
    return lab.clock.run(
      answer.then(
        ({ status }) => status,
        (error: { code?: string }) => error.code ?? 'failed',
      ),
    )
  }
  assert.equal(await get('10.0.0.1:4676'), 200)
  await lab.start(left, `${leftText}\nadmin: { listen: ["10.0.0.1:5000"] }\nmetrics: { listen: ["10.0.0.1:9000"] }`)
  await lab.clock.advance(1000)
  assert.equal(await get('10.0.0.1:4676'), 'ECONNREFUSED')
  assert.equal(await get('10.0.0.1:5000'), 200)
  assert.equal(await get('10.0.0.1:9000'), 200)
  // There and back before the old place was given up.
  await lab.start(left, leftText)
  await lab.start(left, `${leftText}\nadmin: { listen: ["10.0.0.1:5000"] }`)
  await lab.clock.advance(1000)
  assert.equal(await get('10.0.0.1:5000'), 200)
  assert.equal(await get('10.0.0.1:9000'), 'ECONNREFUSED')
  lab.close()
})

test('a page in a browser is refused', async () => {
  const { lab, left } = await pair([])
  const handler = left.daemon.handler()
  const request = (headers: Record<string, string>) =>
    handler(new Request('http://localhost/bgp/clear/neighbor', { method: 'POST', headers, body: '{}' }))
  assert.equal((await request({ origin: 'http://evil.example' })).status, 403)
  assert.equal((await request({})).status, 400)
  lab.close()
})

test('metrics are in the text format of Prometheus and follow the state', async () => {
  const { lab, left, right } = await pair(MANY)
  const metrics = async (): Promise<string> => new Response(await value(left.client.metrics())).text()
  const text = await metrics()
  for (const line of [
    'routed_bgp_peer_up{peer="10.0.0.2"} 1',
    `routed_bgp_peer_paths_received{peer="10.0.0.2"} ${MANY.length}`,
    `routed_rib_selected_prefixes ${MANY.length}`,
    `routed_rib_paths{protocol="bgp"} ${MANY.length}`,
    'routed_lower_routes{target="memory",state="programmed"} 250',
    'routed_bgp_listening{place="10.0.0.1:179"} 1',
    'routed_bgp_peer_events_total{peer="10.0.0.2",kind="sessions-established"} 1',
  ]) {
    assert.ok(text.split('\n').includes(line), line)
  }
  assert.match(text, /^# TYPE routed_bgp_peer_events_total counter$/m)
  right.daemon.close()
  await lab.clock.advance(1000)
  assert.match(await metrics(), /routed_bgp_peer_up\{peer="10\.0\.0\.2"\} 0/)
  lab.close()
})

test('dynamic neighbours come and go without being named', async () => {
  const lab = new DaemonLab()
  const hub = lab.add('hub', '10.0.0.1')
  await lab.start(
    hub,
    `${ROUTER('10.0.0.1', 65_001)}\ndynamic: [{ name: lan, range: 10.0.0.0/24, asn: external, limit: 2, import: accept, export: accept }]`,
  )
  const spokes: LabDaemon[] = []
  for (const n of [2, 3, 4]) {
    const spoke = lab.add(`s${n}`, `10.0.0.${n}`)
    spokes.push(spoke)
    await lab.start(
      spoke,
      [`router: { asn: 6500${n}, id: 10.0.0.${n}, originate: [198.18.${n}.0/24] }`, PEER('10.0.0.1', 65_001)].join(
        '\n',
      ),
    )
    await lab.clock.advance(10_000)
  }
  assert.equal(hub.established().length, 2, 'no more than the limit')
  assert.equal(hub.selected().length, 2)
  const peers = await value(hub.client.bgp_neighbors())
  assert.deepEqual(
    peers.map(({ name, dynamic }) => [name, dynamic]),
    [
      ['lan-10.0.0.2', true],
      ['lan-10.0.0.3', true],
    ],
  )
  spokes[0]!.daemon.close()
  await lab.clock.advance(20_000)
  assert.deepEqual(hub.established().toSorted(), ['lan-10.0.0.3', 'lan-10.0.0.4'])
  lab.close()
})
