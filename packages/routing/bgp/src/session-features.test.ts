/** What sessions can do beyond RFC 4271, speaker against speaker in virtual time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { Community } from './community.ts'
import { Lab, type LabRouter } from './lab.fixture.ts'
import { ACCEPT_ALL } from './policy.ts'
import type { SpeakerEvent } from './speaker-events.ts'

const P4 = Prefix.of('198.51.100.0/24')
const Q4 = Prefix.of('192.0.2.0/24')
const P6 = Prefix.of('2001:db8:100::/40')

const pathsOf = (router: LabRouter, prefix: Prefix): readonly string[] =>
  (router.rib.get(prefix)?.paths ?? []).map((path) => path.source.peer).toSorted()

test('RFC 4724: a helper keeps the routes of a peer whose connection broke, until it is back', async () => {
  const lab = new Lab()
  const [a, b, c] = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('c', 64514)]
  lab.link(a, b, { config: { gracefulRestart: { restartTimeS: 60 } } })
  lab.link(b, c)
  a.speaker.originate([P4, Q4])
  await lab.clock.advance(5000)
  let changes = 0
  c.rib.watch(() => changes++)
  // a dies without a word and comes back without one of its prefixes.
  b.peer('a').breakConnection()
  await lab.clock.advance(1)
  assert.equal(b.peer('a').status().gracefulRestart?.stalePaths, 2)
  assert.equal(b.rib.get(P4)!.selected[0]!.isStale, true)
  a.speaker.originate([P4])
  await lab.clock.advance(20_000)
  assert.equal(b.peer('a').status().state, 'Established')
  assert.equal(b.rib.get(P4)!.selected[0]!.isStale, false)
  assert.equal(b.rib.get(Q4), undefined, 'what did not come again went with the end-of-RIB marker')
  assert.equal(c.rib.get(P4)!.selected.length, 1)
  assert.equal(changes, 1, 'only the prefix that went was told on')
})

test('RFC 4724: routes go when the peer does not come back within its restart time', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  lab.link(a, b, { config: { gracefulRestart: { restartTimeS: 10 } } })
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  lab.cut(a, b)
  b.peer('a').breakConnection()
  await lab.clock.advance(9000)
  assert.equal(b.rib.get(P4)!.selected.length, 1)
  await lab.clock.advance(1500)
  assert.equal(b.rib.get(P4), undefined)
})

test('RFC 4724: a NOTIFICATION withdraws at once, restart or not', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  lab.link(a, b, { config: { gracefulRestart: {} } })
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  a.peer('b').stop()
  await lab.clock.advance(10)
  assert.equal(b.rib.get(P4), undefined)
})

test('RFC 4724: a restarting speaker tells nothing before its peers have told everything', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  const r = await lab.router('r', 64514, undefined, { isRestarting: true, selectionDeferralS: 60 })
  lab.link(a, r, { config: { gracefulRestart: {} } })
  lab.link(b, r, { config: { gracefulRestart: {} }, configA: { isPassive: true }, configB: { isPassive: true } })
  a.speaker.originate([P4])
  await lab.clock.advance(10_000)
  assert.equal(r.speaker.isDeferring, true, 'b has not come')
  assert.equal(a.peer('r').status().prefixesAdvertised, 1)
  assert.equal(r.peer('a').status().counters['updates-sent'], 0)
  await lab.clock.advance(60_000)
  assert.equal(r.speaker.isDeferring, false)
  assert.ok(r.peer('a').status().counters['updates-sent'] > 0)
})

test('RFC 7313: what is not sent again between the markers of a refresh is gone', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  lab.link(a, b)
  a.speaker.originate([P4, P6])
  await lab.clock.advance(5000)
  assert.equal(b.peer('a').status().isEnhancedRefresh, true)
  // A path that a does not know of: it must go with the refresh.
  const adjacency = [...b.rib.adjacencies].find(({ source }) => source.peer === 'a')!
  const { nextHop, attributes } = b.rib.get(P4)!.selected[0]!
  adjacency.announce(Q4, { nextHop, attributes })
  assert.equal(b.peer('a').requestRefresh(), true)
  await lab.clock.advance(100)
  assert.equal(b.rib.get(Q4), undefined)
  assert.equal(b.rib.get(P4)!.selected[0]!.isStale, false)
  assert.equal(b.peer('a').status().counters['sessions-established'], 1)
  const types = b
    .peer('a')
    .messages()
    .map(({ direction, type }) => `${direction} ${type}`)
  assert.ok(types.includes('sent 5') && types.includes('received 5'))
})

test('RFC 7911: all paths travel with add-path, and each is withdrawn by its own identifier', async () => {
  const lab = new Lab()
  const [a, b, r, c] = [
    await lab.router('a', 64512),
    await lab.router('b', 64513),
    await lab.router('r', 64514),
    await lab.router('c', 64515),
  ]
  lab.link(a, r)
  lab.link(b, r)
  lab.link(r, c, { configA: { addPath: { send: [4] } }, configB: { addPath: { receive: [4] } } })
  a.speaker.originate([P4])
  b.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.deepEqual(c.peer('r').status().addPathReceive, [4])
  const paths = c.rib
    .get(P4)!
    .paths.map((path) => path.attributes!.asPathText)
    .toSorted()
  assert.deepEqual(paths, ['64514 64512', '64514 64513'])
  assert.equal(new Set(c.rib.get(P4)!.paths.map(({ pathId }) => pathId)).size, 2)
  a.speaker.originate([])
  await lab.clock.advance(100)
  assert.deepEqual(
    c.rib.get(P4)!.paths.map((path) => path.attributes!.asPathText),
    ['64514 64513'],
  )
  b.speaker.originate([])
  await lab.clock.advance(100)
  assert.equal(c.rib.get(P4), undefined)
})

test('RFC 7911: at most the configured number of paths is sent, the best first', async () => {
  const lab = new Lab()
  const sources = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('d', 64516)]
  const [r, c] = [await lab.router('r', 64514), await lab.router('c', 64515)]
  for (const source of sources) lab.link(source, r)
  lab.link(r, c, { configA: { addPath: { send: [4], maxPaths: 2 } }, configB: { addPath: { receive: [4] } } })
  for (const source of sources) source.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.equal(c.rib.get(P4)!.paths.length, 2)
})

test('RFC 4456: a reflector tells clients everything and others what clients said; clusters do not loop', async () => {
  const lab = new Lab()
  const [r, one, two, plain, other] = [
    await lab.router('r', 64512),
    await lab.router('one', 64512),
    await lab.router('two', 64512),
    await lab.router('plain', 64512),
    await lab.router('other', 64512),
  ]
  lab.link(r, one, { configA: { isRouteReflectorClient: true } })
  lab.link(r, two, { configA: { isRouteReflectorClient: true } })
  lab.link(r, plain)
  lab.link(r, other)
  one.speaker.originate([P4])
  plain.speaker.originate([Q4])
  await lab.clock.advance(5000)
  assert.deepEqual(pathsOf(two, P4), ['r'])
  assert.deepEqual(pathsOf(plain, P4), ['r'], 'a client is reflected to non-clients')
  assert.deepEqual(pathsOf(two, Q4), ['r'], 'a non-client is reflected to clients')
  assert.deepEqual(pathsOf(other, Q4), [], 'but not to other non-clients')
  const learned = two.rib.get(P4)!.selected[0]!
  assert.equal(learned.nextHop.toString(), one.address, 'the next hop stays')
  assert.equal(learned.attributes!.originatorId, Ip.of('10.255.0.2').word(0))
  assert.equal(learned.attributes!.clusterListLength, 1)
  // A second reflector of the same cluster refuses what has been through it.
  const twin = await lab.router('twin', 64512, undefined, { clusterId: Ip.of('10.255.0.1') })
  lab.link(r, twin)
  await lab.clock.advance(5000)
  assert.equal(twin.rib.explain(P4)!.paths[0]!.step, 'cluster-loop')
})

test('a client that stops being one is no longer told internal routes', async () => {
  const lab = new Lab()
  const [r, one, two] = [await lab.router('r', 64512), await lab.router('one', 64512), await lab.router('two', 64512)]
  lab.link(r, one)
  lab.link(r, two, { configA: { isRouteReflectorClient: true } })
  one.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.deepEqual(pathsOf(two, P4), ['r'])
  r.speaker.setPeers([r.peer('one').config, { ...r.peer('two').config, isRouteReflectorClient: false }])
  await lab.clock.advance(100)
  assert.deepEqual(pathsOf(two, P4), [])
  assert.equal(two.peer('r').status().counters['sessions-established'], 1)
})

test('RFC 9234: roles that do not fit end the session with 2/11, those that fit keep routes from leaking', async () => {
  const lab = new Lab()
  const [provider, me, peer] = [
    await lab.router('p', 64512),
    await lab.router('m', 64513),
    await lab.router('q', 64514),
  ]
  lab.link(provider, me, { configA: { role: 'provider' }, configB: { role: 'customer' } })
  lab.link(me, peer, { config: { role: 'peer' } })
  provider.speaker.originate([P4])
  me.speaker.originate([Q4])
  await lab.clock.advance(5000)
  assert.equal(me.peer('p').status().role, 'customer')
  assert.equal(me.rib.get(P4)!.selected.length, 1)
  assert.equal(peer.rib.get(P4), undefined, "a provider's route is not for a peer")
  const why = me.peer('q').explainExport(P4)!
  assert.equal(why.kind === 'suppress' && why.code, 'only-to-customer')
  assert.deepEqual(pathsOf(peer, Q4), ['m'])

  const stranger = await lab.router('s', 64515)
  lab.link(provider, stranger, { config: { role: 'provider' } })
  await lab.clock.advance(3000)
  const said = provider.peer('s').status().lastNotificationSent ?? provider.peer('s').status().lastNotificationReceived
  assert.deepEqual([said?.code, said?.subcode], [2, 11])
})

test('RFC 8326: a shutdown announced beforehand moves traffic away while the routes are still there', async () => {
  const lab = new Lab()
  const [a, b, c] = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('c', 64514)]
  lab.link(a, c)
  lab.link(b, c)
  a.speaker.originate([P4])
  b.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.equal(c.rib.get(P4)!.selected[0]!.source.peer, 'a')
  a.speaker.setGracefulShutdown(true)
  await lab.clock.advance(100)
  assert.equal(c.rib.get(P4)!.selected[0]!.source.peer, 'b')
  const leaving = c.rib.get(P4)!.paths.find((path) => path.source.peer === 'a')!
  assert.equal(leaving.attributes!.effectiveLocalPref, 0)
  a.speaker.setGracefulShutdown(false)
  await lab.clock.advance(100)
  assert.equal(c.rib.get(P4)!.selected[0]!.source.peer, 'a')
})

test('RFC 8212: without policies external peers exchange nothing and internal ones everything', async () => {
  const lab = new Lab()
  const [a, b, c] = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('c', 64512)]
  lab.link(a, b, { config: { requiresPolicy: true } })
  lab.link(a, c, { config: { requiresPolicy: true } })
  a.speaker.originate([P4])
  b.speaker.originate([Q4])
  await lab.clock.advance(5000)
  assert.equal(b.rib.get(P4), undefined)
  const why = a.peer('b').explainExport(P4)!
  assert.equal(why.kind === 'suppress' && why.code, 'no-export-policy')
  assert.deepEqual(pathsOf(c, P4), ['a'])
  a.speaker.setPeers([{ ...a.peer('b').config, import: ACCEPT_ALL, export: ACCEPT_ALL }, a.peer('c').config])
  b.speaker.setPeers([{ ...b.peer('a').config, import: ACCEPT_ALL }])
  await lab.clock.advance(100)
  assert.deepEqual(pathsOf(b, P4), ['a'])
  assert.equal(b.peer('a').status().counters['sessions-established'], 1)
})

test('dynamic neighbours are accepted within their range and limit, and forgotten with their session', async () => {
  const lab = new Lab()
  const hub = await lab.router('hub', 64512)
  hub.speaker.setDynamicNeighbours([
    { name: 'rack', range: Prefix.of('203.0.113.0/24'), limit: 2, template: { remoteAsn: 'external' } },
  ])
  const spokes = [await lab.router('a', 64513), await lab.router('b', 64514), await lab.router('c', 64515)]
  for (const spoke of spokes) {
    spoke.speaker.addPeer({ name: 'hub', remoteAddress: Ip.of(hub.address), remoteAsn: 64512 })
  }
  spokes[0]!.speaker.originate([P4])
  await lab.clock.advance(5000)
  const dynamic = [...hub.speaker.peers()]
  assert.equal(dynamic.length, 2)
  assert.ok(dynamic.every((peer) => peer.isDynamic && peer.isEstablished))
  assert.equal(hub.speaker.peer(`rack-${spokes[0]!.address}`)!.status().remoteAsn, 64513)
  assert.equal(hub.rib.get(P4)!.selected.length, 1)
  assert.ok(hub.speaker.strangersRefused > 0)
  spokes[0]!.speaker.close()
  await lab.clock.advance(10_000)
  assert.equal(hub.speaker.peer(`rack-${spokes[0]!.address}`), undefined)
  assert.equal(hub.rib.get(P4), undefined)
  assert.ok([...hub.speaker.peers()].length === 2, 'the third took the place')
})

test('an unnumbered peer is connected when its router advertisement arrives', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  for (const router of [a, b]) {
    const localAddress = Ip.of(router.address6)
    router.speaker.addPeer({ name: 'swp0', interface: 'eth0', remoteAsn: 'external', localAddress })
  }
  a.speaker.originate([P4, P6])
  await lab.clock.advance(5000)
  assert.equal(a.peer('swp0').status().state, 'Idle')
  assert.equal(a.peer('swp0').status().remoteAddress.toString(), '::')
  // The memory network has no link-local scope; the address stands for one.
  a.speaker.neighbourDiscovered('eth0', Ip.of(b.address6))
  b.speaker.neighbourDiscovered('eth0', Ip.of(a.address6))
  await lab.clock.advance(5000)
  assert.equal(b.peer('swp0').status().state, 'Established')
  assert.equal(b.peer('swp0').status().remoteAsn, 64512)
  const learned = b.rib.get(P4)!.selected[0]!
  assert.equal(learned.nextHop.toString(), a.address6, 'IPv4 over an IPv6 next hop (RFC 8950)')
  assert.equal(learned.nextHopInterface, 'eth0')
  b.speaker.setInterfaceUp('eth0', false)
  assert.equal(b.rib.get(P4), undefined)
  assert.equal(b.peer('swp0').status().remoteAddress.toString(), '::', 'whoever is there next has to announce itself')
})

test('a family over its limit ends the session with AFI, SAFI and limit, or takes no more', async () => {
  const many = Array.from({ length: 11 }, (_, i) => Prefix.of(`10.${i}.0.0/16`))
  const lab = new Lab()
  const [a, b, c] = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('c', 64514)]
  const events: SpeakerEvent[] = []
  b.speaker.observe({ event: (event) => void events.push(event) })
  lab.link(a, b, { configB: { maxPrefixes: { ipv4: { limit: 10, restartAfterS: 500 } } } })
  lab.link(a, c, { configB: { maxPrefixes: { ipv4: { limit: 10, action: 'ignore' } } } })
  a.speaker.originate(many)
  await lab.clock.advance(5000)
  const { lastNotificationSent } = b.peer('a').status()
  assert.deepEqual([lastNotificationSent?.code, lastNotificationSent?.subcode], [6, 1])
  assert.deepEqual([...lastNotificationSent!.data], [0, 1, 1, 0, 0, 0, 10])
  assert.ok(events.some((event) => event.kind === 'prefix-limit' && event.family === 4))
  await lab.clock.advance(400_000)
  assert.equal(b.peer('a').status().counters['sessions-established'], 1, 'it waits as long as configured')
  await lab.clock.advance(200_000)
  assert.ok(b.peer('a').status().counters['sessions-established'] > 1)
  assert.equal(c.rib.selectedCount, 10)
  assert.ok(c.peer('a').status().counters['prefixes-over-limit'] > 0)
  assert.equal(c.peer('a').status().state, 'Established')
})

test('BFD down withdraws at once with 6/10 and keeps the peer down until it is up', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  lab.link(a, b, { config: { gracefulRestart: {} } })
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  b.peer('a').setBfdUp(false)
  assert.equal(b.rib.get(P4), undefined, 'no time has passed, and graceful restart does not keep it')
  await lab.clock.advance(60_000)
  assert.equal(b.peer('a').status().state, 'Idle')
  const last = b.peer('a').status().lastNotificationSent
  assert.deepEqual([last?.code, last?.subcode], [6, 10])
  b.peer('a').setBfdUp(true)
  await lab.clock.advance(60_000)
  assert.equal(b.peer('a').status().state, 'Established')
})

test('a peer that takes nothing is told no more than a bounded amount, later states only, and nobody else waits', async () => {
  const lab = new Lab()
  const [a, b, c] = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('c', 64514)]
  lab.link(a, b)
  lab.link(a, c)
  await lab.clock.advance(5000)
  const flood = (n: number): void =>
    a.speaker.originate(
      Array.from({ length: 10_000 }, (_, i) => new Prefix(Ip.v4(0x0a000000 + (i + n * 10_000) * 256), 24)),
    )
  const release = a.peer('b').holdWrites()
  for (let n = 0; n < 8; n++) {
    flood(n)
    await lab.clock.advance(1500)
  }
  assert.ok(a.peer('b').status().queuedBytes < 1_000_000, `${a.peer('b').status().queuedBytes} bytes wait`)
  assert.equal(c.rib.selectedCount, 10_000)
  assert.equal(a.speaker.updateGroupCount, 2, 'the slow peer has a group of its own')
  release()
  await lab.clock.advance(5000)
  assert.equal(b.rib.selectedCount, 10_000)
  assert.equal(a.speaker.updateGroupCount, 1, 'and joins the others when it has caught up')
  const told = [...a.peer('b').exported()].map(({ prefix }) => prefix.toString()).toSorted()
  assert.deepEqual([...b.rib.routes()].map(({ prefix }) => prefix.toString()).toSorted(), told)
})

test('AS numbers of four octets travel whole', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 4_200_000_001), await lab.router('b', 64513)]
  lab.link(a, b)
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.equal(b.rib.get(P4)!.selected[0]!.attributes!.asPathText, '4200000001')
})

test('events tell sessions with both OPENs, and taps see every message', async () => {
  const lab = new Lab()
  const [a, b] = [await lab.router('a', 64512), await lab.router('b', 64513)]
  const events: SpeakerEvent[] = []
  const seen: string[] = []
  const stop = b.speaker.observe({
    event: (event) => void events.push(event),
    message: (identity, direction, bytes) => void seen.push(`${identity.name} ${direction} ${bytes[18]}`),
  })
  lab.link(a, b)
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  const up = events.find((event) => event.kind === 'session-up')
  assert.ok(up !== undefined && up.kind === 'session-up')
  assert.equal(up.receivedOpen[18], 1)
  assert.equal(up.sentOpen[18], 1)
  assert.equal(up.identity.remoteAsn, 64512)
  assert.ok(seen.includes('a received 2'))
  a.speaker.close()
  await lab.clock.advance(100)
  const down = events.find((event) => event.kind === 'session-down')
  assert.ok(down !== undefined && down.kind === 'session-down')
  assert.equal(down.notification?.direction, 'received')
  stop()
})

test('communities of well-known meaning keep routes where they belong', async () => {
  for (const [community, reaches] of [
    [Community.noAdvertise, []],
    [Community.noExport, ['c']],
  ] as const) {
    const lab = new Lab()
    const [a, b, c, d] = [
      await lab.router('a', 64512),
      await lab.router('b', 64513),
      await lab.router('c', 64513),
      await lab.router('d', 64514),
    ]
    const text = community === Community.noAdvertise ? 'no-advertise' : 'no-export'
    lab.link(a, b, {
      configA: {
        export: { statements: [{ set: [{ kind: 'community', operation: 'add', values: [text] }], verdict: 'accept' }] },
      },
    })
    lab.link(b, c)
    lab.link(b, d)
    a.speaker.originate([P4])
    await lab.clock.advance(5000)
    const told = [c, d].filter((router) => router.rib.get(P4) !== undefined).map(({ name }) => name)
    assert.deepEqual(told, reaches)
  }
})
