import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ECHO_PORT } from './control-packet.ts'
import { Diagnostic } from './diagnostic.ts'
import { Lab, LEFT, RIGHT } from './lab.fixture.ts'

const ECHOING = {
  speaker: { isEchoEnabled: true },
  left: { echoMinTxUs: 50_000 },
  right: { requiredMinEchoRxUs: 50_000 },
}

test('echoes go out at the agreed interval, come back, and make control packets rare', async () => {
  const lab = await new Lab({ ...ECHOING, delayMs: 2 }).up()
  await lab.clock.advance(5000)
  const { echo, counters, timers } = lab.peerOf(lab.left).status()
  assert.deepEqual([echo.isActive, echo.intervalUs, echo.roundTripMs], [true, 50_000, 4])
  assert.ok(counters['echoes-returned'] >= counters['echoes-sent'] - 1 && counters['echoes-sent'] > 90)
  assert.equal(timers.requiredMinRxUs, 1_000_000)
  assert.equal(timers.detectionTimeUs, 3_000_000)
  assert.equal(lab.peerOf(lab.right).status().timers.transmitIntervalUs, 1_000_000)
  assert.equal(lab.peerOf(lab.right).status().echo.isActive, false, 'each direction for itself')
})

test('lost echoes end the session long before control packets would', async () => {
  const lab = await new Lab(ECHOING).up()
  await lab.clock.advance(5000)
  lab.wire.loses = ({ toPort }) => toPort === ECHO_PORT
  const lostAtMs = lab.clock.nowMs()
  const before = lab.changes.length
  await lab.clock.advance(160)
  const change = lab.changes.slice(before).find(({ at }) => at === 'left')
  assert.equal(change?.diagnostic, Diagnostic.echoFunctionFailed)
  assert.ok(change !== undefined && change.atMs - lostAtMs <= 151)
  const theirs = lab.changes.slice(before).find(({ at }) => at === 'right')
  assert.equal(theirs?.diagnostic, Diagnostic.neighborSignaledSessionDown)
})

test('what is returned has a hop limit of 254, and what was returned once is not returned again', async () => {
  const lab = await new Lab({ ...ECHOING, left: { echoMinTxUs: 50_000, requiredMinEchoRxUs: 50_000 } }).up()
  await lab.clock.advance(1000)
  const limits = new Set<number>()
  lab.wire.onSent = ({ toPort, hopLimit, from }) => {
    if (toPort === ECHO_PORT && from === RIGHT) limits.add(hopLimit)
  }
  await lab.clock.advance(1000)
  assert.deepEqual([...limits], [254])
  const before = lab.peerOf(lab.left).status().counters['echoes-reflected']
  lab.forge(Uint8Array.of(1, 2, 3), { from: RIGHT, to: LEFT, toPort: ECHO_PORT, hopLimit: 254 })
  await lab.clock.advance(5)
  assert.equal(lab.peerOf(lab.left).status().counters['echoes-reflected'], before)
  assert.equal(lab.left.status().counters['echoes-unattributable'], 1)
})

test('a foreign echo that both sides return forever dies at the rate limit where hop limits are unknown', async () => {
  const both = { requiredMinEchoRxUs: 50_000 }
  const lab = await new Lab({ both, speaker: { isEchoEnabled: true } }).up()
  lab.wire.tellsHopLimit = false
  let count = 0
  lab.wire.onSent = ({ toPort }) => {
    if (toPort === ECHO_PORT) count++
  }
  for (let i = 0; i < 100; i++) lab.forge(Uint8Array.of(i), { toPort: ECHO_PORT })
  await lab.clock.advance(10_000)
  assert.ok(count < 120, `${count} echo packets`)
})

test('echoes for strangers, for sessions that are down, and with a forged nonce are refused', async () => {
  const lab = await new Lab(ECHOING).up()
  await lab.clock.advance(1000)
  lab.forge(Uint8Array.of(1), { from: '198.51.100.7', toPort: ECHO_PORT })
  await lab.clock.advance(5)
  assert.equal(lab.right.status().counters['echoes-unattributable'], 1)
  let captured: Uint8Array | undefined
  lab.wire.onSent = ({ from, toPort, payload }) => {
    if (from === LEFT && toPort === ECHO_PORT) captured = payload
  }
  await lab.clock.advance(100)
  const forged = captured!.slice()
  forged[12] = forged[12]! ^ 1
  lab.forge(forged, { from: RIGHT, to: LEFT, toPort: ECHO_PORT, hopLimit: 254 })
  await lab.clock.advance(5)
  assert.equal(lab.peerOf(lab.left).status().counters['echoes-refused'], 1)
})
