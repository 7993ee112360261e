/** BFD and what follows it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DaemonLab, type LabDaemon } from './daemon.fixture.ts'

const BFD = 'bfd: { profiles: { fast: { min_tx_ms: 50, min_rx_ms: 50 } } }'
const config = (id: number, other: number, more: string): string =>
  [
    `router: { asn: 6500${id}, id: 10.0.0.${id}, listen: ["10.0.0.${id}:179"], originate: [198.18.${id}.0/24] }`,
    BFD,
    more.replaceAll('OTHER', `10.0.0.${other}`).replaceAll('ASN', `6500${other}`),
  ].join('\n')

const PEER = 'peers: [{ address: OTHER, asn: ASN, import: accept, export: accept, bfd: fast, idle_hold_s: 0.5 }]'
const STATIC =
  'static: [{ prefix: 192.0.2.0/24, next_hop: OTHER, bfd: fast }, { prefix: 192.0.2.0/24, next_hop: 10.0.0.99, priority: 9 }]'

async function pair(more: string): Promise<{ lab: DaemonLab; a: LabDaemon; b: LabDaemon }> {
  const lab = new DaemonLab()
  const a = lab.add('a', '10.0.0.1')
  const b = lab.add('b', '10.0.0.2')
  assert.ok((await lab.start(a, config(1, 2, more))).ok)
  assert.ok((await lab.start(b, config(2, 1, more))).ok)
  await lab.clock.advance(20_000)
  return { lab, a, b }
}

test('a neighbour that BFD loses takes its BGP session and routes away at once, long before the hold time', async () => {
  const { lab, a } = await pair(PEER)
  assert.deepEqual(a.selected(), ['198.18.2.0/24 10.0.0.2'])
  lab.fabric.setReachable('a', 'b', false)
  await lab.clock.advance(250)
  assert.deepEqual(a.selected(), [])
  assert.deepEqual(a.established(), [])
  const history = await a.client.bgp_fsm_history({ params: { peer: '10.0.0.2' } })
  assert.ok(history.ok)
  assert.match(history.value.at(-1)!.reason, /BFD/)
  lab.fabric.setReachable('a', 'b', true)
  await lab.clock.advance(60_000)
  assert.deepEqual(a.selected(), ['198.18.2.0/24 10.0.0.2'])
  lab.close()
})

test('a static route is used only while its next hop answers', async () => {
  const { lab, a, b } = await pair(STATIC)
  const used = (): string => a.selected().join()
  assert.equal(used(), '192.0.2.0/24 10.0.0.2')
  lab.fabric.setReachable('a', 'b', false)
  await lab.clock.advance(250)
  assert.equal(used(), '192.0.2.0/24 10.0.0.99')
  const explained = await a.client.rib_explain({ query: { destination: '192.0.2.0/24' } })
  assert.ok(explained.ok)
  assert.match(explained.value.paths.map(({ sentence }) => sentence).join(), /BFD does not reach 10\.0\.0\.2/)
  lab.fabric.setReachable('a', 'b', true)
  await lab.clock.advance(5000)
  assert.equal(used(), '192.0.2.0/24 10.0.0.2')
  // Switched off on the other side, which is no failure (RFC 5882 §4.2).
  await lab.start(b, config(2, 1, ''))
  await lab.clock.advance(5000)
  assert.equal(used(), '192.0.2.0/24 10.0.0.2')
  lab.close()
})

test('one session serves everybody who follows the neighbour, and a reload does not disturb it', async () => {
  const { lab, a } = await pair(`${PEER}\n${STATIC}`)
  const sessions = async () => {
    const status = await a.client.bfd_status()
    assert.ok(status.ok)
    return status.value.sessions
  }
  const [session, ...rest] = (await sessions()).filter(({ state }) => state === 'Up')
  assert.equal(rest.length, 0)
  assert.deepEqual(session?.users, ['bgp 10.0.0.2', 'static 10.0.0.2'])
  assert.equal(session?.detection_time_ms, 150)
  await lab.start(a, config(1, 2, `${PEER}\n${STATIC.replace('priority: 9', 'priority: 8')}`))
  await lab.clock.advance(1000)
  assert.equal((await sessions())[0]?.counters['sessions-up'], 1)
  // Without anybody who follows it there is none.
  await lab.start(a, config(1, 2, PEER.replace(', bfd: fast', '')))
  await lab.clock.advance(1000)
  assert.deepEqual(await sessions(), [])
  assert.deepEqual(a.established(), ['10.0.0.2'], 'and the BGP session goes on')
  lab.close()
})

test('a dynamic neighbour is followed from when it comes to when it goes', async () => {
  const lab = new DaemonLab()
  const hub = lab.add('hub', '10.0.0.1')
  const spoke = lab.add('spoke', '10.0.0.2')
  const range = 'dynamic: [{ name: lan, range: 10.0.0.0/24, asn: external, import: accept, export: accept, bfd: fast }]'
  await lab.start(hub, config(1, 2, range))
  await lab.start(spoke, config(2, 1, PEER))
  await lab.clock.advance(20_000)
  assert.deepEqual(hub.established(), ['lan-10.0.0.2'])
  const users = async (): Promise<string[]> => {
    const status = await hub.client.bfd_status()
    assert.ok(status.ok)
    return status.value.sessions.map(({ state, users: names }) => `${state} ${names.join()}`)
  }
  assert.deepEqual(await users(), ['Up bgp lan-10.0.0.2'])
  lab.fabric.setReachable('hub', 'spoke', false)
  await lab.clock.advance(250)
  assert.deepEqual(hub.selected(), [])
  await lab.clock.advance(1000)
  assert.deepEqual(await users(), [], 'the neighbour is nobody any more')
  // The other side waits for BFD, which nobody begins here before BGP has come: not for ever.
  lab.fabric.setReachable('hub', 'spoke', true)
  await lab.clock.advance(60_000)
  assert.deepEqual(await users(), ['Up bgp lan-10.0.0.2'])
  assert.deepEqual(hub.selected(), ['198.18.2.0/24 10.0.0.2'])
  lab.close()
})
