import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { Community } from './community.ts'
import { Lab } from './lab.fixture.ts'

const P4 = Prefix.of('198.51.100.0/24')
const P6 = Prefix.of('2001:db8:100::/40')

test('two speakers establish a session and exchange IPv4 and IPv6 routes', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b, { nextHop6: true })
  a.speaker.originate([P4, P6])
  await lab.clock.advance(5000)
  assert.equal(a.peer('b').status().state, 'Established')
  assert.equal(b.peer('a').status().state, 'Established')
  const learned = b.rib.get(P4)!.selected[0]!
  assert.equal(learned.nextHop.toString(), a.address)
  assert.equal(learned.attributes!.asPathText, '64512')
  assert.equal(b.rib.get(P6)!.selected[0]!.nextHop.toString(), a.address6)
  assert.deepEqual(b.peer('a').status().endOfRibReceived, [4, 6])

  a.speaker.originate([P6])
  await lab.clock.advance(10)
  assert.equal(b.rib.get(P4), undefined)
  assert.notEqual(b.rib.get(P6), undefined)
})

test('the hold timer ends a silent session with 4/0 and its routes go', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b, { config: { holdTimeS: 9 } })
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.notEqual(b.rib.get(P4), undefined)
  lab.cut(a, b)
  await lab.clock.advance(5000)
  assert.notEqual(b.rib.get(P4), undefined, 'the hold time has not passed')
  await lab.clock.advance(5000)
  assert.equal(b.rib.get(P4), undefined)
  const status = b.peer('a').status()
  assert.deepEqual([status.lastNotificationSent?.code, status.lastNotificationSent?.subcode], [4, 0])
  lab.mend(a, b)
  await lab.clock.advance(30_000)
  assert.equal(b.peer('a').status().state, 'Established')
  assert.notEqual(b.rib.get(P4), undefined)
})

test('keepalives hold a session for hours', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b, { config: { holdTimeS: 3, keepaliveS: 1 } })
  await lab.clock.advance(3_600_000 / 4)
  assert.equal(a.peer('b').status().counters['sessions-established'], 1)
  assert.equal(a.peer('b').status().state, 'Established')
})

test('a transit router prepends its AS, sets itself as next hop, drops LOCAL_PREF and MED', async () => {
  const lab = new Lab()
  const [a, b, c] = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('c', 4_200_000_000)]
  lab.link(a, b)
  lab.link(b, c, {
    configA: { import: {} },
    config: {
      export: {
        route: (_prefix, attributes) => ({ kind: 'accept', attributes: attributes.with({ communities: [7] }) }),
      },
    },
  })
  lab.link(a, b)
  b.peer('a').reconfigure({
    ...b.peer('a').config,
    import: {
      route: (_prefix, attributes) => ({ kind: 'accept', attributes: attributes.with({ localPref: 300, med: 9 }) }),
    },
  })
  a.speaker.originate([P4])
  c.speaker.originate([Prefix.of('192.0.2.0/24')])
  await lab.clock.advance(5000)
  const learned = c.rib.get(P4)!.selected[0]!
  assert.equal(learned.attributes!.asPathText, '64513 64512')
  assert.equal(learned.nextHop.toString(), b.address)
  assert.equal(learned.attributes!.effectiveLocalPref, 100)
  assert.equal(learned.attributes!.effectiveMed, 0)
  assert.equal(b.rib.get(P4)!.selected[0]!.attributes!.effectiveLocalPref, 300)
  assert.equal(a.rib.get(Prefix.of('192.0.2.0/24'))!.selected[0]!.attributes!.asPathText, '64513 4200000000')

  a.speaker.originate([])
  await lab.clock.advance(10)
  assert.equal(c.rib.get(P4), undefined, 'the withdrawal crosses the transit router')
})

test('a route with our own AS in its path is unusable and withdraws the earlier one', async () => {
  const lab = new Lab()
  // x and z are in the same AS; y lies between.
  const [x, y, z] = [await lab.router('x', 64512), await lab.router('y', 64513), await lab.router('z', 64512)]
  lab.link(x, y)
  lab.link(y, z)
  x.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.deepEqual(z.rib.get(P4)!.selected, [])
  assert.equal(z.rib.explain(P4)!.paths[0]!.step, 'as-loop')

  // The other way round: a good path first, then the peer changes to one that loops.
  const w = await lab.router('w', 64514)
  lab.link(w, y)
  y.peer('x').stop()
  w.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.equal(z.rib.get(P4)!.selected[0]!.attributes!.asPathText, '64513 64514')
  y.peer('x').start()
  w.speaker.originate([])
  await lab.clock.advance(5000)
  assert.deepEqual(z.rib.get(P4)!.selected, [], 'the looping path replaced the good one')
})

test('an interface that goes down ends the session at once, and its return starts a new one', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b, { config: { interface: 'qsfp0', holdTimeS: 90 } })
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.notEqual(b.rib.get(P4), undefined)
  b.speaker.setInterfaceUp('qsfp0', false)
  assert.equal(b.rib.get(P4), undefined, 'no time has passed')
  assert.equal(b.peer('a').status().state, 'Idle')
  await lab.clock.advance(20_000)
  assert.equal(b.peer('a').status().state, 'Idle')
  b.speaker.setInterfaceUp('qsfp0', true)
  await lab.clock.advance(20_000)
  assert.equal(b.peer('a').status().state, 'Established')
})

test('allow lists in both directions, with a reason for what is refused', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  const wide = Prefix.of('10.0.0.0/8')
  const [inside, outside, never] = ['10.1.0.0/16', '172.16.0.0/12', '192.0.2.0/24'].map((text) => Prefix.of(text))
  lab.link(a, b, {
    configA: { export: { allow: [{ prefix: wide, maxLength: 24 }, { prefix: outside! }] } },
    configB: { import: { allow: [{ prefix: wide, maxLength: 24 }] } },
  })
  a.speaker.originate([inside!, outside!, never!])
  await lab.clock.advance(5000)
  assert.equal(b.rib.get(inside!)!.selected.length, 1)
  assert.equal(b.rib.explain(outside!)!.paths[0]!.step, 'import-allow-list')
  assert.equal(b.rib.get(never!), undefined)
  const why = a.peer('b').explainExport(never!)!
  assert.equal(why.kind === 'suppress' && why.code, 'export-allow-list')

  a.speaker.setPeers([{ ...a.peer('b').config, export: {} }])
  b.speaker.setPeers([{ ...b.peer('a').config, import: {} }])
  await lab.clock.advance(100)
  assert.equal(b.rib.get(never!)!.selected.length, 1, 'a changed policy takes effect without a new session')
  assert.equal(b.rib.get(outside!)!.selected.length, 1)
  assert.equal(b.peer('a').status().counters['sessions-established'], 1)
})

test('internal peers keep the path and LOCAL_PREF and are not told internal routes', async () => {
  const lab = new Lab()
  const [e, a, b, c] = [
    await lab.router('e', 65001),
    await lab.router('a', 64512),
    await lab.router('b', 64512),
    await lab.router('c', 64512),
  ]
  lab.link(e, a)
  lab.link(a, b, { configA: { nextHopSelf: true } })
  lab.link(b, c)
  e.speaker.originate([P4])
  await lab.clock.advance(5000)
  const learned = b.rib.get(P4)!.selected[0]!
  assert.equal(learned.attributes!.asPathText, '65001')
  assert.equal(learned.nextHop.toString(), a.address)
  assert.equal(c.rib.get(P4), undefined)
  const why = b.peer('c').explainExport(P4)!
  assert.equal(why.kind === 'suppress' && why.code, 'ibgp-split-horizon')
})

test('NO_EXPORT stays inside the AS', async () => {
  const lab = new Lab()
  const [a, b, c] = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('c', 64514)]
  lab.link(a, b, {
    configA: {
      export: {
        route: (_prefix, attributes) => ({
          kind: 'accept',
          attributes: attributes.with({ communities: [Community.noExport] }),
        }),
      },
    },
  })
  lab.link(b, c)
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.equal(b.rib.get(P4)!.selected.length, 1)
  assert.equal(c.rib.get(P4), undefined)
})

test('5000 prefixes travel in few messages, none over 4096 bytes', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b, { nextHop6: true, configB: { isPassive: true } })
  const prefixes = Array.from({ length: 2500 }, (_, i) => new Prefix(Ip.v4(0x0a000000 + i * 256), 24)).concat(
    Array.from({ length: 2500 }, (_, i) => Prefix.of(`2001:db8:${i.toString(16)}::/48`)),
  )
  a.speaker.originate(prefixes)
  await lab.clock.advance(5000)
  assert.equal(b.rib.selectedCount, 5000)
  const sent = a.peer('b').status().counters
  assert.ok(sent['updates-sent'] <= 12, `${sent['updates-sent']} updates`)
  assert.equal(sent['notifications-sent'] + b.peer('a').status().counters['notifications-sent'], 0)
  a.speaker.originate([])
  await lab.clock.advance(100)
  assert.equal(b.rib.routeCount, 0)
})

test('a refresh request brings every route again without a flap', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b)
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  let changes = 0
  b.rib.watch(() => changes++)
  const before = b.peer('a').status().counters['prefixes-announced-received']
  assert.equal(b.peer('a').requestRefresh(), true)
  await lab.clock.advance(100)
  assert.equal(b.peer('a').status().counters['prefixes-announced-received'], before + 1)
  assert.equal(changes, 0)
})

test('a prefix we originate is not learned, until we no longer originate it', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b)
  a.speaker.originate([P4])
  b.speaker.originate([P4])
  await lab.clock.advance(5000)
  assert.equal(b.rib.explain(P4)!.paths[0]!.step, 'locally-originated')
  b.speaker.originate([])
  await lab.clock.advance(100)
  assert.equal(b.rib.get(P4)!.selected.length, 1)
})

test('a peer over its path limit gets 6/1 and is tried again ever more slowly', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b, { configB: { maxPaths: 10 } })
  a.speaker.originate(Array.from({ length: 11 }, (_, i) => Prefix.of(`10.${i}.0.0/16`)))
  await lab.clock.advance(60_000)
  const status = b.peer('a').status()
  assert.deepEqual([status.lastNotificationSent?.code, status.lastNotificationSent?.subcode], [6, 1])
  assert.ok(status.counters['sessions-established'] >= 2 && status.counters['sessions-established'] < 10)
  assert.equal(b.rib.routeCount, 0)
})

test('both sides connecting at once end with one connection, whichever identifier is higher', async () => {
  for (const higher of ['a', 'b']) {
    const lab = new Lab()
    const a = await lab.router('a', 64512, higher === 'a' ? '10.0.0.9' : '10.0.0.1')
    const b = await lab.router('b', 64513, '10.0.0.5')
    lab.link(a, b)
    a.speaker.originate([P4])
    await lab.clock.advance(10_000)
    for (const peer of [a.peer('b'), b.peer('a')]) {
      assert.equal(peer.status().state, 'Established')
      assert.equal(peer.status().counters['sessions-lost'], 0)
    }
    assert.equal(b.rib.get(P4)!.selected.length, 1)
    const states = a
      .peer('b')
      .history()
      .map(({ to }) => to)
    assert.deepEqual(states, ['Connect', 'OpenSent', 'OpenConfirm', 'Established'])
  }
})

test('passive peers wait, and two passive ones wait forever', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b, { configB: { isPassive: true } })
  await lab.clock.advance(10_000)
  assert.equal(b.peer('a').status().state, 'Established')
  assert.equal(b.peer('a').status().counters['connect-attempts'], 0)
  const c = await lab.router('c', 64514)
  lab.link(b, c, { config: { isPassive: true } })
  await lab.clock.advance(10_000)
  assert.equal(c.peer('b').status().state, 'Active')
})

test('a stranger is refused and a wrong AS gets 2/2', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  a.speaker.addPeer({ name: 'b', remoteAddress: Ip.of(b.address), remoteAsn: 64513 })
  await lab.clock.advance(2000)
  assert.ok(b.speaker.strangersRefused > 0)
  b.speaker.addPeer({ name: 'a', remoteAddress: Ip.of(a.address), remoteAsn: 65000 })
  await lab.clock.advance(10_000)
  const sent = b.peer('a').status().lastNotificationSent!
  assert.deepEqual([sent.code, sent.subcode], [2, 2])
  assert.equal(a.peer('b').status().lastNotificationReceived?.text, 'OPEN error: bad peer AS (2/2)')
})

test('removing a peer says 6/3 and closing the speaker 6/2; nothing is left in the RIB', async () => {
  const lab = new Lab()
  const [a, b, c] = [await lab.router('a', 64512), await lab.router('b', 64513), await lab.router('c', 64514)]
  lab.link(a, b)
  lab.link(b, c)
  a.speaker.originate([P4])
  await lab.clock.advance(5000)
  b.speaker.removePeer('a')
  await lab.clock.advance(100)
  assert.equal(a.peer('b').status().lastNotificationReceived?.subcode, 3)
  assert.equal(b.rib.routeCount, 0)
  assert.equal(c.rib.routeCount, 0)
  b.speaker.close()
  await lab.clock.advance(100)
  assert.equal(c.peer('b').status().lastNotificationReceived?.subcode, 2)
})

test('exactly one slice of routes, and then one more, both arrive', async () => {
  const lab = new Lab()
  const a = await lab.router('a', 64512)
  const b = await lab.router('b', 64513)
  lab.link(a, b)
  await lab.clock.advance(5000)
  const prefixes = Array.from({ length: 4097 }, (_, i) => new Prefix(Ip.v4(0x0a000000 + i * 256), 24))
  a.speaker.originate(prefixes.slice(0, 4096))
  await lab.clock.advance(100)
  assert.equal(b.rib.selectedCount, 4096)
  a.speaker.originate(prefixes)
  await lab.clock.advance(100)
  assert.equal(b.rib.selectedCount, 4097)
})
