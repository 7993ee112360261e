/**
 * What a broken BGP message costs the rack, sent from where an upstream router stands: the session that it came by and its routes, or
 * only the routes of that UPDATE (RFC 7606); never another session, nor traffic that has another way. Afterwards a correct session
 * works. (Which NOTIFICATION answers which message: bgp-malformed.sim.)
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import type { Peer, PeerConfig, Speaker } from '@lodestone/bgp'
import { Prefix } from '@lodestone/net'
import { attributes, BgpWire, KEEPALIVE, MARKER, message, openMessage, updateMessage } from './bgp-wire.fixture.ts'
import { allowTcp, defaultRules } from './control-plane.fixture.ts'
import { RackLab } from './rack-lab.fixture.ts'
import { UPSTREAM_ASN, uplinkPrefix } from './rack-plan.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22' }
const FLOATING = '198.51.100.10'
const ROUTER = uplinkPrefix(0, 0).nth(1)
const SWITCH = uplinkPrefix(0, 0).nth(2)
const ASN = UPSTREAM_ASN[0]!
const DEFAULT = Prefix.of('0.0.0.0/0')
/** Routes that only the broken session brings. */
const TAUGHT = { prefix: Prefix.of('198.18.0.0/15'), nlri: '0f c612' }
const OTHER = { prefix: Prefix.of('100.64.0.0/10'), nlri: '0a 6440' }

const OPEN = openMessage({ asn: ASN, id: ROUTER })
const GOOD = attributes({ asn: ASN, nextHop: ROUTER })

let lab: RackLab
let ispConfig: PeerConfig
/** How often each session of the rack has come up, but that of isp0 and switch0. */
let sessions: ReadonlyMap<string, number>

before(async () => {
  lab = await RackLab.start()
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  await lab.boot({ name: 'web', sled: 1, vpc: VPC, ip: '172.30.0.5', floating: [FLOATING] })
  ispConfig = speakerOf('isp0').peer('switch0')!.config
  sessions = otherSessions()
  assert.equal(sessions.size, 10, 'both ends of four uplinks and of two links of the client, but for one session')
})
afterEach(async () => {
  // A correct session takes the broken one's place.
  const isp0 = speakerOf('isp0')
  if (isp0.peer('switch0') === undefined) isp0.addPeer(ispConfig)
  const isBack = (): boolean => lab.isReady && pathsTo(DEFAULT) === 2
  assert.ok(await lab.clock.until(isBack, 60_000), 'both upstream routers offer the default route again')
  assert.equal(pathsTo(TAUGHT.prefix), 0, 'what the broken session taught is gone')
  assert.deepEqual(otherSessions(), sessions, 'no other session has gone down')
  await checkService()
})
after(() => lab.close())

type Stage = 'OpenSent' | 'Established'

/** What is broken, in which state, the message, and code, subcode and data that answer it. */
const FATAL: readonly (readonly [string, Stage, string, string])[] = [
  ['a marker that is not all ones', 'OpenSent', `${'ff'.repeat(15)}fe 0013 04`, '0101'],
  ['an OPEN with a hold time of 2 s', 'OpenSent', openMessage({ asn: ASN, id: ROUTER, holdS: 2 }), '0206'],
  ['message type 9', 'Established', `${MARKER} 0013 09`, '010309'],
  ['an attribute list longer than its UPDATE', 'Established', message(2, `0000 00ff ${GOOD} ${OTHER.nlri}`), '0301'],
  ['an unknown well-known attribute', 'Established', updateMessage(`${GOOD} 406300`, OTHER.nlri), '0302406300'],
]

for (const [name, stage, broken, expected] of FATAL) {
  test(`${name} in ${stage} ends that session and takes its routes; traffic goes on by the other router`, async () => {
    const wire = await impostor(stage)
    if (stage === 'Established') {
      await wire.send(updateMessage(GOOD, TAUGHT.nlri))
      assert.equal(pathsTo(TAUGHT.prefix), 1)
    }
    await wire.send(broken)
    assert.deepEqual(wire.messages().at(-1), { type: 3, body: expected })
    assert.equal(wire.isEnded, true, 'the connection is closed behind the NOTIFICATION')
    assert.equal(peer().status().state, 'Idle')
    assert.equal(pathsTo(TAUGHT.prefix), 0)
    assert.equal(pathsTo(DEFAULT), 1)
    await checkService()
  })
}

/** Attributes whose damage leaves no doubt which routes they belong to (RFC 7606 §4, §7.1, §7.4). */
const BORNE: readonly (readonly [string, string])[] = [
  ['an ORIGIN of 9', attributes({ asn: ASN, nextHop: ROUTER, origin: 9 })],
  ['an attribute that overruns the list', `${GOOD} 80 04 08 00`],
  ['a MULTI_EXIT_DISC of three bytes', `${GOOD} 80 04 03 000000`],
]

for (const [name, damaged] of BORNE) {
  test(`${name} withdraws the routes of its UPDATE and no others, and the session lives (RFC 7606)`, async () => {
    const wire = await impostor('Established')
    await wire.send(updateMessage(GOOD, `${TAUGHT.nlri} ${OTHER.nlri}`))
    assert.deepEqual([pathsTo(TAUGHT.prefix), pathsTo(OTHER.prefix)], [1, 1])
    const borneBefore = peer().status().counters['updates-treated-as-withdraw']
    await wire.send(updateMessage(damaged, TAUGHT.nlri))
    assert.deepEqual([pathsTo(TAUGHT.prefix), pathsTo(OTHER.prefix)], [0, 1])
    assert.equal(peer().status().counters['updates-treated-as-withdraw'], borneBefore + 1)
    assert.equal(peer().status().state, 'Established')
    assert.equal(
      wire.messages().some(({ type }) => type === 3),
      false,
    )
    await wire.send(updateMessage(GOOD, TAUGHT.nlri))
    assert.equal(pathsTo(TAUGHT.prefix), 1, 'a correct UPDATE brings the route back')
    wire.close()
    await lab.clock.advance(20)
    assert.equal(pathsTo(OTHER.prefix), 0)
  })
}

test('random bytes are answered with "connection not synchronized", time after time', async () => {
  const random = lab.world.random.fork('noise')
  for (let round = 0; round < 5; round++) {
    const wire = await impostor('OpenSent')
    await wire.send(Buffer.from(random.bytes(1 + random.below(2000))).toString('hex'))
    assert.deepEqual(wire.messages().at(-1), { type: 3, body: '0101' })
  }
})

test('a session that says nothing more is given up after its hold time, with NOTIFICATION 0400', async () => {
  const wire = await impostor('Established')
  await lab.clock.advance(6001) // the switch's own hold time is the smaller
  assert.deepEqual(wire.messages().at(-1), { type: 3, body: '0400' })
})

/** Takes the router's place at the end of the session with switch0. */
async function impostor(stage: Stage): Promise<BgpWire> {
  speakerOf('isp0').removePeer('switch0')
  // After a failure the switch refuses connections for a while that grows with each.
  const isWilling = (): boolean => ['Active', 'Connect'].includes(peer().status().state)
  assert.ok(await lab.clock.until(isWilling, 60_000), `the switch is in ${peer().status().state}`)
  const wire = await BgpWire.connect({ lab, host: 'isp0', localAddress: ROUTER, address: SWITCH })
  await lab.clock.advance(20)
  assert.equal(wire.messages()[0]?.type, 1, 'the switch begins with its OPEN')
  if (stage === 'Established') {
    await wire.send(OPEN)
    await wire.send(KEEPALIVE)
  }
  assert.equal(peer().status().state, stage)
  return wire
}

async function checkService(): Promise<void> {
  assert.equal((await lab.fetch(lab.client.stack, `http://${FLOATING}/`)).status, 200)
}

function speakerOf(name: 'switch0' | 'isp0'): Speaker {
  return lab.emulation.nodes.get(name)!.routed!.speaker!
}

function peer(): Peer {
  return speakerOf('switch0').peer('isp0')!
}

/** Usable paths of switch0 to a prefix. */
function pathsTo(prefix: Prefix): number {
  const paths = lab.emulation.nodes.get('switch0')!.routed!.rib.get(prefix)?.paths ?? []
  return paths.filter((path) => path.unusable === undefined).length
}

function otherSessions(): ReadonlyMap<string, number> {
  const out = new Map<string, number>()
  for (const [name, { routed }] of lab.emulation.nodes) {
    for (const each of routed?.speaker?.peers() ?? []) {
      const { name: other, counters } = each.status()
      const key = `${name} ${other}`
      if (key !== 'switch0 isp0' && key !== 'isp0 switch0') out.set(key, counters['sessions-established'])
    }
  }
  return out
}
