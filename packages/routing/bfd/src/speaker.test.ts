import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryFabric, SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip } from '@lodestone/net'
import { encodeControlPacket, MULTIHOP_PORT } from './control-packet.ts'
import { Diagnostic } from './diagnostic.ts'
import { Lab, LEFT, RIGHT } from './lab.fixture.ts'
import { packetOf } from './session.fixture.ts'
import { BfdSpeaker } from './speaker.ts'

const SECRET = new TextEncoder().encode('correct horse')

function keyed(kind: 'keyed-sha1' | 'meticulous-keyed-sha1' | 'simple-password', secret = SECRET) {
  return { authentication: { kind, keys: [{ id: 1, secret: secret.subarray(0, 16) }] } }
}

test('sessions come up from both sides over the memory fabric, and fall when the path is cut', async () => {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock)
  const make = (name: string, address: string, seed: number): BfdSpeaker =>
    new BfdSpeaker({ clock, random: new SeededRandom(seed), network: fabric.network(name, [address]) })
  const left = make('left', '2001:db8::1', 1)
  const right = make('right', '2001:db8::2', 2)
  await Promise.all([left.listen(), right.listen()])
  const [a, b] = [Ip.of('2001:db8::1'), Ip.of('2001:db8::2')]
  left.addPeer({ name: 'right', remoteAddress: b, localAddress: a })
  right.addPeer({ name: 'left', remoteAddress: a, localAddress: b })
  assert.ok(await clock.until(() => left.peer('right')!.isUp && right.peer('left')!.isUp, 5000))
  await clock.advance(5000)
  fabric.setReachable('left', 'right', false)
  await clock.advance(950)
  assert.equal(left.peer('right')!.status().state, 'Down')
  assert.equal(right.peer('left')!.status().diagnosticText, 'control detection time expired')
  fabric.setReachable('left', 'right', true)
  assert.ok(await clock.until(() => left.peer('right')!.isUp && right.peer('left')!.isUp, 5000))
})

test('it does not matter which side begins, nor whether one is passive', async () => {
  for (const passive of ['left', 'right'] as const) {
    const lab = await new Lab({ [passive]: { isPassive: true } }).listen()
    lab.left.addPeer(lab.config('left'))
    await lab.clock.advance(3000)
    assert.equal(lab.peerOf(lab.left).isUp, false)
    lab.right.addPeer(lab.config('right'))
    assert.ok(await lab.clock.until(() => lab.isUp, 5000), `passive ${passive}`)
  }
  const both = await new Lab({ both: { isPassive: true } }).listen()
  both.left.addPeer(both.config('left'))
  both.right.addPeer(both.config('right'))
  await both.clock.advance(5000)
  assert.equal(both.peerOf(both.left).status().counters['packets-sent'], 0)
})

test('sends from ports of its own in 49152 … 65535 with hop limit 255, the same port for a whole session', async () => {
  const lab = await new Lab().listen()
  const sent = lab.record(LEFT)
  lab.left.addPeer(lab.config('left'))
  lab.right.addPeer(lab.config('right'))
  await lab.clock.advance(10_000)
  assert.ok(sent.length > 20)
  const ports = new Set(sent.map(({ sent: { fromPort } }) => fromPort))
  assert.equal(ports.size, 1)
  const [port] = ports
  assert.ok(port! >= 49152 && port! <= 65535)
  assert.ok(sent.every(({ sent: { hopLimit } }) => hopLimit === 255))
  assert.equal(lab.peerOf(lab.left).status().sourcePort, port)
})

test('a dead path is detected within multiplier × interval and not before it could be', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const both = { desiredMinTxUs: 100_000, requiredMinRxUs: 100_000, detectMult: 3 }
    const lab = await new Lab({ both, seed, speaker: { alignmentMs: seed % 2 === 0 ? 5 : 0 } }).up()
    await lab.clock.advance(2000)
    const lostAtMs = lab.clock.nowMs()
    lab.wire.loses = () => true
    await lab.clock.advance(320)
    for (const side of ['left', 'right'] as const) {
      const change = lab.changes.findLast(({ at }) => at === side)
      assert.equal(change?.to, 'Down', `seed ${seed}`)
      assert.equal(change?.diagnostic, Diagnostic.controlDetectionTimeExpired)
      assert.ok(change !== undefined && change.isFailure)
      const tookMs = change.atMs - lostAtMs
      assert.ok(tookMs >= 200 - 1 && tookMs <= 300 + 5.2, `${tookMs} ms with seed ${seed}`)
    }
  }
})

test('two lost packets in a row are survived with multiplier 3', async () => {
  const lab = await new Lab().up()
  const count = new Map<string, number>()
  lab.wire.loses = ({ from }) => {
    const n = (count.get(from) ?? 0) + 1
    count.set(from, n)
    return n % 3 !== 0
  }
  // What decides is the jittered gap between packets that arrive: three intervals at most.
  await lab.clock.advance(60_000)
  assert.ok(lab.changes.every(({ to }) => to !== 'Down'))
})

test('random loss ends a session only after as many losses in a row as the multiplier says, as often as chance has it', async () => {
  const HOURS = 1
  for (const [share, multiplier] of [
    [0.1, 3],
    [0.3, 5],
  ] as const) {
    const lab = await new Lab({ both: { detectMult: multiplier }, seed: 3 }).up()
    const random = new SeededRandom(11)
    const lostInRow = new Map<string, number>()
    /** Runs of at least as many losses, by sender. */
    const runs = new Map<string, number>([
      [LEFT, 0],
      [RIGHT, 0],
    ])
    let packets = 0
    lab.wire.loses = ({ from }) => {
      packets++
      const isLost = random.float() < share
      const inRow = isLost ? (lostInRow.get(from) ?? 0) + 1 : 0
      lostInRow.set(from, inRow)
      if (inRow === multiplier) runs.set(from, runs.get(from)! + 1)
      return isLost
    }
    const seen = { left: 0, right: 0 }
    let unexplained = 0
    for (const [speaker, other, at, sender] of [
      [lab.left, lab.right, 'left', RIGHT],
      [lab.right, lab.left, 'right', LEFT],
    ] as const) {
      let counted = 0
      speaker.onState(({ from, to, diagnostic }) => {
        if (from !== 'Up' || to !== 'Down' || diagnostic !== Diagnostic.controlDetectionTimeExpired) return
        // One that has gone Down itself sends once a second, and that is soon missed.
        if (!lab.peerOf(other).isUp) return
        seen[at]++
        if (runs.get(sender)! <= counted) unexplained++
        counted = runs.get(sender)!
      })
    }
    await lab.clock.advance(HOURS * 3_600_000)
    assert.equal(unexplained, 0)
    const expected = packets * share ** multiplier * (1 - share)
    const bound = expected + 5 * Math.sqrt(expected)
    const failures = seen.left + seen.right
    assert.ok(
      failures > 0 && failures <= bound,
      `${failures} failures in ${packets} packets, ${bound.toFixed(0)} at most`,
    )
  }
})

test('asymmetric wishes: each direction runs at the slower of what its two ends want', async () => {
  const lab = await new Lab({
    left: { desiredMinTxUs: 50_000, requiredMinRxUs: 400_000, detectMult: 4 },
    right: { desiredMinTxUs: 100_000, requiredMinRxUs: 200_000, detectMult: 2 },
  }).up()
  await lab.clock.advance(2000)
  const left = lab.peerOf(lab.left).status().timers
  const right = lab.peerOf(lab.right).status().timers
  assert.equal(left.transmitIntervalUs, 200_000)
  assert.equal(right.transmitIntervalUs, 400_000)
  assert.equal(left.detectionTimeUs, 2 * 400_000)
  assert.equal(right.detectionTimeUs, 4 * 200_000)
  const [leftSent, rightSent] = [lab.record(LEFT), lab.record(RIGHT)]
  await lab.clock.advance(20_000)
  const meanMs = 0.875
  assert.ok(Math.abs(leftSent.length - 100 / meanMs) < 8, `${leftSent.length}`)
  assert.ok(Math.abs(rightSent.length - 50 / meanMs) < 6, `${rightSent.length}`)
  assert.ok(lab.isUp)
})

test('packets of a session that is up are apart by 75 to 100 % of the interval', async () => {
  for (const detectMult of [1, 3]) {
    const lab = await new Lab({ both: { detectMult } }).up()
    await lab.clock.advance(2000)
    const sent = lab.record(LEFT)
    await lab.clock.advance(60_000)
    const gaps = sent.slice(1).map(({ atMs }, i) => atMs - sent[i]!.atMs)
    assert.ok(Math.min(...gaps) >= 225 - 0.01 && Math.max(...gaps) <= (detectMult === 1 ? 270 : 300) + 0.01)
    assert.ok(Math.max(...gaps) - Math.min(...gaps) > 20, 'they are not all the same')
    assert.ok(lab.isUp)
  }
})

test('while a session is down, at most one packet a second leaves', async () => {
  const lab = await new Lab().listen()
  lab.left.addPeer(lab.config('left', { desiredMinTxUs: 10_000 }))
  const sent = lab.record(LEFT)
  await lab.clock.advance(60_000)
  const gaps = sent.slice(1).map(({ atMs }, i) => atMs - sent[i]!.atMs)
  assert.ok(sent.length >= 60 && Math.min(...gaps) >= 750 - 0.01)
})

test('changed intervals are negotiated by a poll sequence without a flap, even over a lossy path', async () => {
  const lab = await new Lab().up()
  await lab.clock.advance(2000)
  const before = lab.peerOf(lab.left).status()
  const changesBefore = lab.changes.length
  const random = new SeededRandom(7)
  lab.wire.loses = () => random.float() < 0.1
  const intervals = [1_000_000, 50_000, 2_000_000, 300_000]
  for (const us of intervals) {
    lab.left.setPeers([lab.config('left', { desiredMinTxUs: us, requiredMinRxUs: us, detectMult: 6 })])
    lab.right.setPeers([lab.config('right', { desiredMinTxUs: us, requiredMinRxUs: us, detectMult: 6 })])
    await lab.clock.advance(20_000)
    for (const speaker of [lab.left, lab.right]) {
      const { timers } = lab.peerOf(speaker).status()
      assert.equal(timers.transmitIntervalUs, us)
      assert.equal(timers.detectionTimeUs, 6 * us)
      assert.equal(timers.isPolling, false)
    }
  }
  const after = lab.peerOf(lab.left).status()
  assert.equal(lab.changes.length, changesBefore, 'no state changed')
  assert.ok(after.counters['polls-finished'] - before.counters['polls-finished'] >= 4)
  assert.equal(after.localDiscriminator, before.localDiscriminator)
})

test('setting the same peers again changes nothing; removing one says AdminDown, which is no failure', async () => {
  const lab = await new Lab().up()
  await lab.clock.advance(1000)
  const sent = lab.record(LEFT)
  lab.left.setPeers([lab.config('left')])
  assert.equal(sent.length, 0)
  lab.left.setPeers([])
  assert.equal(sent[0]?.packet.state, 'AdminDown')
  await lab.clock.advance(10)
  const [ownChange, theirChange] = lab.changes.slice(-2)
  assert.deepEqual([ownChange?.at, ownChange?.to, ownChange?.isFailure], ['left', 'AdminDown', false])
  assert.deepEqual([theirChange?.at, theirChange?.to, theirChange?.isFailure], ['right', 'Down', false])
  await lab.clock.advance(5000)
  assert.equal(sent.length, 1, 'and then nothing more')
  lab.left.addPeer(lab.config('left'))
  assert.ok(await lab.clock.until(() => lab.isUp, 5000))
})

test('a disabled peer holds the other side down until it is enabled', async () => {
  const lab = await new Lab().up()
  lab.left.setPeers([lab.config('left', { isEnabled: false })])
  await lab.clock.advance(10_000)
  const { state, remote } = lab.peerOf(lab.right).status()
  assert.equal(state, 'Down')
  assert.equal(remote.state, 'AdminDown')
  lab.left.setPeers([lab.config('left')])
  assert.ok(await lab.clock.until(() => lab.isUp, 5000))
})

test('another secret is counted and never accepted; the right one comes up', async () => {
  for (const kind of ['simple-password', 'keyed-sha1', 'meticulous-keyed-sha1'] as const) {
    const other = new TextEncoder().encode('battery staple')
    const lab = await new Lab({ left: keyed(kind), right: keyed(kind, other) }).listen()
    lab.left.addPeer(lab.config('left'))
    lab.right.addPeer(lab.config('right'))
    await lab.clock.advance(10_000)
    const { counters, remote } = lab.peerOf(lab.left).status()
    assert.ok(counters['refused-authentication-mismatch'] >= 9)
    assert.equal(counters['refused-authentication-mismatch'], counters['packets-received'])
    assert.equal(remote.discriminator, 0)
    assert.equal(lab.changes.length, 0)
    lab.right.setPeers([lab.config('right', keyed(kind))])
    assert.ok(await lab.clock.until(() => lab.isUp, 5000), kind)
    await lab.clock.advance(30_000)
    assert.ok(lab.isUp)
  }
})

test('replayed packets of a meticulous session keep nothing alive', async () => {
  const lab = await new Lab({ both: keyed('meticulous-keyed-sha1') }).up()
  await lab.clock.advance(2000)
  const sent = lab.record(LEFT)
  await lab.clock.advance(1000)
  const captured = sent.map(({ sent: { payload } }) => payload)
  assert.ok(captured.length >= 3)
  lab.wire.loses = ({ fromPort }) => fromPort !== 50_000 // what the forger uses
  for (let i = 0; i < 40; i++) {
    for (const payload of captured) lab.forge(payload)
    await lab.clock.advance(50)
  }
  const { state, counters } = lab.peerOf(lab.right).status()
  assert.equal(state, 'Down')
  assert.ok(counters['refused-authentication-sequence'] > 30)
})

test('a single-hop packet that crossed a router is refused (RFC 5881 §5)', async () => {
  const lab = await new Lab().listen()
  lab.wire.hops = 1
  lab.left.addPeer(lab.config('left'))
  lab.right.addPeer(lab.config('right'))
  await lab.clock.advance(5000)
  assert.equal(lab.changes.length, 0)
  const { counters } = lab.left.status()
  assert.ok(counters['hop-limit-wrong'] >= 5)
  assert.equal(counters['hop-limit-wrong'], counters['packets-received'])
})

test('where the network does not tell hop limits, the option decides, and they are counted', async () => {
  for (const unknownHopLimit of ['accept', 'refuse'] as const) {
    const lab = await new Lab({ speaker: { unknownHopLimit } }).listen()
    lab.wire.tellsHopLimit = false
    lab.left.addPeer(lab.config('left'))
    lab.right.addPeer(lab.config('right'))
    await lab.clock.advance(5000)
    assert.equal(lab.isUp, unknownHopLimit === 'accept')
    assert.ok(lab.left.status().counters['hop-limit-unknown'] > 0)
  }
})

test('a multihop session runs on port 4784 over as many routers as its least hop limit allows', async () => {
  const mode = 'multihop' as const
  const lab = await new Lab({ both: { mode, minHopLimit: 250 } }).listen()
  const ports = new Set<number>()
  lab.wire.onSent = ({ toPort }) => ports.add(toPort)
  lab.wire.hops = 5
  lab.left.addPeer(lab.config('left'))
  lab.right.addPeer(lab.config('right'))
  assert.ok(await lab.clock.until(() => lab.isUp, 5000))
  assert.deepEqual([...ports], [MULTIHOP_PORT])
  await lab.clock.advance(2000)
  assert.ok(lab.isUp)
  lab.wire.hops = 6
  await lab.clock.advance(2000)
  assert.equal(lab.isUp, false)
  assert.ok(lab.peerOf(lab.left).status().counters['hop-limit-too-low'] > 0)
})

test('single-hop and multihop sessions with the same peer are two sessions', async () => {
  const lab = await new Lab().up()
  const more = { name: 'far', mode: 'multihop' } as const
  lab.left.addPeer(lab.config('left', more))
  lab.right.addPeer(lab.config('right', more))
  assert.ok(await lab.clock.until(() => lab.left.peer('far')!.isUp && lab.right.peer('far')!.isUp, 5000))
  assert.ok(lab.isUp)
})

test('packets with wrong discriminators, from strangers or on the wrong port are counted and change nothing', async () => {
  const lab = await new Lab().up()
  await lab.clock.advance(1000)
  const { localDiscriminator } = lab.peerOf(lab.right).status()
  const before = lab.changes.length
  const down = (yourDiscriminator: number): Uint8Array => encodeControlPacket(packetOf('Down', { yourDiscriminator }))
  lab.forge(down((localDiscriminator ^ 1) >>> 0))
  lab.forge(down(0), { from: '198.51.100.7' })
  lab.forge(down(localDiscriminator), { toPort: MULTIHOP_PORT })
  lab.forge(down(0), { from: 'nonsense' })
  lab.forge(Uint8Array.of(1, 2, 3))
  lab.forge(encodeControlPacket(packetOf('Up', { yourDiscriminator: 0 })))
  await lab.clock.advance(5)
  assert.equal(lab.changes.length, before)
  const { counters } = lab.right.status()
  assert.equal(counters['discriminator-unknown'], 1)
  assert.equal(counters['source-unknown'], 2)
  assert.equal(counters['mode-mismatch'], 1)
  assert.equal(counters['malformed-truncated'], 1)
  assert.equal(counters['malformed-your-discriminator-missing'], 1)
})

test('every truncation and ten thousand random datagrams leave sessions up and peers without a trace', async () => {
  const lab = await new Lab({ speaker: { isEchoEnabled: true } }).up()
  await lab.clock.advance(1000)
  const { localDiscriminator } = lab.peerOf(lab.right).status()
  const whole = encodeControlPacket(packetOf('Down', { yourDiscriminator: localDiscriminator }))
  for (let length = 0; length < whole.length; length++) lab.forge(whole.subarray(0, length))
  const random = new SeededRandom(5)
  for (let i = 0; i < 10_000; i++) {
    const payload = random.bytes(random.below(60))
    if (i % 2 === 0 && payload.length >= 24) {
      payload[0] = 0x20 | (payload[0]! & 0x1f)
      payload[3] = 24 + random.below(30)
    }
    lab.forge(payload, { toPort: 3784 + random.below(2), from: random.below(2) === 0 ? LEFT : '198.51.100.7' })
  }
  await lab.clock.advance(10)
  assert.ok(lab.isUp)
  assert.equal(lab.right.status().counters['malformed-truncated'] >= 24, true)
  assert.equal(lab.right.status().peers.length, 1)
})

test('the same link-local address on two links is two peers, told apart by the link', async () => {
  const lab = await new Lab().listen()
  const remoteAddress = Ip.of('169.254.0.9')
  for (const link of ['eth0', 'eth1']) lab.right.addPeer({ name: link, remoteAddress, interface: link })
  const say = (zone: string): void => {
    lab.forge(encodeControlPacket(packetOf('Down', { yourDiscriminator: 0 })), { from: `169.254.0.9${zone}` })
  }
  say('%eth1')
  say('%eth2')
  say('')
  await lab.clock.advance(5)
  assert.deepEqual(
    lab.right.status().peers.map(({ name, state }) => [name, state]),
    [
      ['eth0', 'Down'],
      ['eth1', 'Init'],
    ],
  )
  assert.equal(lab.right.status().counters['source-unknown'], 2)
})

test('a link that goes down takes its sessions with it at once', async () => {
  const lab = await new Lab({ left: { interface: 'eth0' } }).up()
  lab.left.interfaceDown('eth1')
  assert.ok(lab.isUp)
  lab.left.interfaceDown('eth0')
  const change = lab.changes.at(-1)
  assert.deepEqual([change?.to, change?.diagnostic, change?.isFailure], ['Down', Diagnostic.pathDown, true])
})

test('an address that is not there yet is tried again until it is', async () => {
  const lab = await new Lab().listen()
  const address = '203.0.113.77'
  lab.left.addPeer(lab.config('left', { localAddress: Ip.of(address) }))
  await lab.clock.advance(2500)
  const { socketError, counters } = lab.peerOf(lab.left).status()
  assert.match(socketError!, /EADDRNOTAVAIL/)
  assert.ok(counters['bind-failures'] >= 3)
  assert.equal(counters['packets-sent'], 0)
  lab.left.close()
  await lab.clock.advance(5000)
  assert.equal(lab.left.status().peers.length, 0)
})

test('the history is bounded and tells how the session came up', async () => {
  const lab = await new Lab({ both: { requiredMinRxUs: 50_000, desiredMinTxUs: 50_000 } }).up()
  await lab.clock.advance(2000)
  const kinds = lab
    .peerOf(lab.left)
    .history()
    .flatMap((entry) => (entry.kind === 'transition' ? [`${entry.from} ${entry.to}`] : []))
  assert.ok(kinds.join(', ') === 'Down Init, Init Up' || kinds.join(', ') === 'Down Up', kinds.join(', '))
  for (let i = 0; i < 100; i++) {
    lab.left.setPeers([lab.config('left', { isEnabled: i % 2 === 1 })])
    await lab.clock.advance(10)
  }
  assert.equal(lab.peerOf(lab.left).history().length, 64)
})

test('peers that make no sense are refused as a whole, before anything changes', async () => {
  const lab = await new Lab().up()
  const good = lab.config('left')
  const remoteAddress = Ip.of(RIGHT)
  const refusals: ReadonlyArray<readonly [RegExp, object]> = [
    [/two peers called/, {}],
    [/has a session already/, { name: 'other' }],
    [/detect multiplier/, { name: 'other', detectMult: 0 }],
    [/desired min TX/, { name: 'other', desiredMinTxUs: 10 }],
    [/echo function is not enabled/, { name: 'other', echoMinTxUs: 50_000 }],
    [/no echo function/, { name: 'other', mode: 'multihop', echoMinTxUs: 50_000 }],
    [/needs an interface/, { name: 'other', remoteAddress: Ip.of('fe80::1') }],
    [/families/, { name: 'other', localAddress: Ip.of('2001:db8::1') }],
    [/no address of a peer/, { name: 'other', remoteAddress: Ip.of('0.0.0.0') }],
  ]
  for (const [pattern, more] of refusals) {
    const configs = [good, { ...good, remoteAddress, ...more }]
    assert.match(lab.left.checkPeers(configs)!, pattern)
    assert.throws(() => lab.left.setPeers(configs), pattern)
  }
  assert.ok(lab.isUp)
})
