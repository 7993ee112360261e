import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SESSION_STATES, type SessionState } from './control-packet.ts'
import { Diagnostic } from './diagnostic.ts'
import {
  type BfdEvent,
  createSession,
  detectionTimeUs,
  sessionDeadlineMs,
  step,
  transmitIntervalUs,
} from './session.ts'
import { configOf, hears, LOCAL, packetOf, REMOTE, sends, sessionIn } from './session.fixture.ts'

// RFC 5880 §6.8.6: rows are our state, columns what is heard: AdminDown, Down, Init, Up.
const TABLE: Readonly<Record<SessionState, readonly SessionState[]>> = {
  AdminDown: ['AdminDown', 'AdminDown', 'AdminDown', 'AdminDown'],
  Down: ['Down', 'Init', 'Up', 'Down'],
  Init: ['Down', 'Init', 'Up', 'Up'],
  Up: ['Down', 'Down', 'Up', 'Up'],
}

for (const state of SESSION_STATES) {
  SESSION_STATES.forEach((heard, column) => {
    const expected = TABLE[state][column]!
    test(`in ${state}, hearing ${heard} leads to ${expected}`, () => {
      const session = sessionIn(state)
      assert.equal(session.state, state)
      const actions = step(session, hears(heard), 10)
      assert.equal(session.state, expected)
      const transitions = actions.filter(({ kind }) => kind === 'transition')
      assert.equal(transitions.length, state === expected ? 0 : 1)
      if (state === 'AdminDown') {
        assert.deepEqual(actions[0], { kind: 'refused', reason: 'admin-down' })
      } else if (state !== expected) {
        assert.equal(sends(actions)[0]?.state, expected, 'the peer is told at once')
      }
      if (expected === 'Down' && state !== 'Down') {
        assert.equal(session.diagnostic, Diagnostic.neighborSignaledSessionDown)
      }
      if (expected === 'Up') assert.equal(session.diagnostic, Diagnostic.none)
    })
  })
}

test('a lost path is a failure, a peer that is switched off is none (RFC 5882 §4.2)', () => {
  const failure = (event: BfdEvent, atMs = 10): unknown => {
    const actions = step(sessionIn('Up'), event, atMs)
    const transition = actions.find((action) => action.kind === 'transition')
    return transition?.kind === 'transition' ? transition.isFailure : undefined
  }
  assert.equal(failure(hears('Down')), true)
  assert.equal(failure({ kind: 'tick' }, 900), true)
  assert.equal(failure({ kind: 'fail', diagnostic: Diagnostic.pathDown }), true)
  assert.equal(failure(hears('AdminDown')), false)
  assert.equal(failure({ kind: 'disable' }), false)
})

test('starts Down with its own discriminator and one packet a second', () => {
  const session = createSession(configOf(), LOCAL, 1, 5)
  assert.equal(sessionDeadlineMs(session), 5)
  const [packet] = sends(step(session, { kind: 'tick' }, 5))
  assert.deepEqual(packet, {
    ...packetOf('Down'),
    myDiscriminator: LOCAL,
    yourDiscriminator: 0,
    desiredMinTxUs: 1_000_000,
  })
  assert.equal(sessionDeadlineMs(session), 5 + 875)
})

test('coming Up asks for the configured interval with a poll, and answers with F first', () => {
  const session = sessionIn('Init')
  const packets = sends(step(session, hears('Up', { isPoll: true }), 10))
  assert.deepEqual(
    packets.map(({ state, isPoll, isFinal, desiredMinTxUs }) => ({ state, isPoll, isFinal, desiredMinTxUs })),
    [
      { state: 'Up', isPoll: false, isFinal: true, desiredMinTxUs: 300_000 },
      { state: 'Up', isPoll: true, isFinal: false, desiredMinTxUs: 300_000 },
    ],
  )
  assert.equal(transmitIntervalUs(session), 300_000, 'quicker sending needs no confirmation')
  step(session, hears('Up', { isFinal: true }), 20)
  assert.equal(session.isPolling, false)
})

test('the detection time is the peer’s multiplier times the slower of both wishes (§6.8.4)', () => {
  const session = sessionIn('Up')
  step(session, hears('Up', { detectMult: 5, desiredMinTxUs: 100_000 }), 10)
  assert.equal(detectionTimeUs(session), 1_500_000)
  step(session, hears('Up', { detectMult: 2, desiredMinTxUs: 400_000 }), 20)
  assert.equal(detectionTimeUs(session), 800_000)
  assert.equal(session.detectAtMs, 820)
})

test('goes Down when the detection time is up, not before, and forgets the peer', () => {
  const session = sessionIn('Up')
  step(session, { kind: 'tick' }, 899.9)
  assert.equal(session.state, 'Up')
  const actions = step(session, { kind: 'tick' }, 900)
  assert.equal(session.state, 'Down')
  const [packet] = sends(actions)
  assert.equal(packet?.diagnostic, Diagnostic.controlDetectionTimeExpired)
  assert.equal(packet?.yourDiscriminator, 0)
  assert.equal(packet?.desiredMinTxUs, 1_000_000)
})

test('a clock that ran late does not kill the session before waiting packets are read', () => {
  const session = sessionIn('Up')
  const late = step(session, { kind: 'tick' }, 1500)
  assert.ok(late.some((action) => action.kind === 'stalled' && action.latenessMs === 600))
  assert.equal(session.state, 'Up')
  step(session, hears('Up', { desiredMinTxUs: 300_000 }), 1505)
  step(session, { kind: 'tick' }, 1510)
  assert.equal(session.state, 'Up')
  step(session, { kind: 'tick' }, 3000)
  step(session, { kind: 'tick' }, 3010)
  assert.equal(session.state, 'Down', 'nothing was waiting')
})

test('slower sending waits for the peer to confirm; quicker sending does not (§6.8.3)', () => {
  const session = sessionIn('Up')
  const slower = configOf({ desiredMinTxUs: 2_000_000 })
  const [poll] = sends(step(session, { kind: 'configure', config: slower }, 10))
  assert.equal(poll?.isPoll, true)
  assert.equal(poll?.desiredMinTxUs, 2_000_000)
  assert.equal(transmitIntervalUs(session), 300_000)
  step(session, hears('Up'), 20)
  assert.equal(transmitIntervalUs(session), 300_000, 'a packet without F confirms nothing')
  step(session, hears('Up', { isFinal: true }), 30)
  assert.equal(transmitIntervalUs(session), 2_000_000)
  step(session, { kind: 'configure', config: configOf({ desiredMinTxUs: 500_000 }) }, 40)
  assert.equal(transmitIntervalUs(session), 500_000)
})

test('quicker detection waits for the peer to confirm; slower detection does not (§6.8.3)', () => {
  const session = sessionIn('Up')
  step(session, hears('Up', { desiredMinTxUs: 10_000 }), 5)
  assert.equal(detectionTimeUs(session), 900_000)
  step(session, { kind: 'configure', config: configOf({ requiredMinRxUs: 50_000 }) }, 10)
  assert.equal(detectionTimeUs(session), 900_000)
  step(session, hears('Up', { desiredMinTxUs: 10_000, isFinal: true }), 20)
  assert.equal(detectionTimeUs(session), 150_000)
  step(session, { kind: 'configure', config: configOf({ requiredMinRxUs: 400_000 }) }, 30)
  assert.equal(detectionTimeUs(session), 1_200_000)
  assert.equal(session.detectAtMs, 20 + 1200)
})

test('a change during a poll sequence is confirmed by a second one', () => {
  const session = sessionIn('Up')
  step(session, { kind: 'configure', config: configOf({ desiredMinTxUs: 1_000_000 }) }, 10)
  step(session, { kind: 'configure', config: configOf({ desiredMinTxUs: 5_000_000 }) }, 11)
  step(session, hears('Up', { isFinal: true }), 20)
  assert.equal(session.isPolling, true)
  assert.equal(transmitIntervalUs(session), 300_000)
  step(session, hears('Up', { isFinal: true }), 30)
  assert.equal(session.isPolling, false)
  assert.equal(transmitIntervalUs(session), 5_000_000)
})

test('a final answer nobody asked for changes nothing', () => {
  const session = sessionIn('Up')
  const actions = step(session, hears('Up', { isFinal: true }), 10)
  assert.ok(actions.every(({ kind }) => kind === 'timers'))
})

test('the peer’s required interval slows us down at once and lets us be quick again', () => {
  const session = sessionIn('Up')
  step(session, hears('Up', { requiredMinRxUs: 3_000_000 }), 10)
  assert.equal(transmitIntervalUs(session), 3_000_000)
  assert.ok(session.nextSendAtMs > 2000)
  step(session, hears('Up', { requiredMinRxUs: 100_000 }), 20)
  assert.ok(session.nextSendAtMs <= 20 + 300)
})

test('a peer that requires no packets at all gets none periodically (§6.8.7)', () => {
  const session = sessionIn('Up')
  step(session, hears('Up', { requiredMinRxUs: 0 }), 10)
  assert.equal(session.nextSendAtMs, Infinity)
  const [answer] = sends(step(session, hears('Up', { requiredMinRxUs: 0, isPoll: true }), 20))
  assert.equal(answer?.isFinal, true)
  step(session, hears('Up', { requiredMinRxUs: 300_000 }), 30)
  assert.ok(session.nextSendAtMs < 400)
})

test('a peer in demand mode is left alone while both are Up, but its polls are answered (§6.6)', () => {
  const session = sessionIn('Up')
  step(session, hears('Up', { isDemand: true }), 10)
  assert.equal(session.nextSendAtMs, Infinity)
  assert.equal(sends(step(session, hears('Up', { isDemand: true, isPoll: true }), 20))[0]?.isFinal, true)
  const polls = sends(step(session, { kind: 'configure', config: configOf({ desiredMinTxUs: 400_000 }) }, 30))
  assert.equal(polls[0]?.isPoll, true)
  assert.notEqual(session.nextSendAtMs, Infinity, 'polls are repeated until answered')
  step(session, hears('Up', { isDemand: true, isFinal: true }), 40)
  assert.equal(session.nextSendAtMs, Infinity)
  step(session, hears('Up'), 50)
  assert.notEqual(session.nextSendAtMs, Infinity)
})

test('a passive session is silent until it hears the peer, and again after the peer fell silent', () => {
  const session = createSession(configOf({ isPassive: true }), LOCAL, 1, 0)
  assert.equal(sessionDeadlineMs(session), Infinity)
  assert.deepEqual(sends(step(session, { kind: 'tick' }, 1000)), [])
  const [packet] = sends(step(session, hears('Down', { yourDiscriminator: 0 }), 2000))
  assert.equal(packet?.state, 'Init')
  assert.equal(packet?.yourDiscriminator, REMOTE)
  assert.deepEqual(sends(step(session, { kind: 'tick' }, 5000)), [])
  assert.equal(session.state, 'Down')
  assert.equal(sessionDeadlineMs(session), Infinity)
})

test('AdminDown is said at once with its diagnostic and then once a second; enabling starts over', () => {
  const session = sessionIn('Up')
  const [packet] = sends(step(session, { kind: 'disable' }, 10))
  assert.equal(packet?.state, 'AdminDown')
  assert.equal(packet?.diagnostic, Diagnostic.administrativelyDown)
  assert.equal(packet?.yourDiscriminator, REMOTE)
  assert.equal(session.nextSendAtMs, 10 + 875)
  assert.equal(session.detectAtMs, Infinity)
  step(session, hears('Down', { isPoll: true }), 20)
  assert.equal(session.state, 'AdminDown')
  const [again] = sends(step(session, { kind: 'enable' }, 30))
  assert.equal(again?.state, 'Down')
  assert.equal(again?.yourDiscriminator, 0)
})

test('a packet for another discriminator is refused and keeps nothing alive', () => {
  const session = sessionIn('Up')
  const actions = step(session, hears('Down', { yourDiscriminator: LOCAL + 1 }), 100)
  assert.deepEqual(actions, [{ kind: 'refused', reason: 'your-discriminator' }])
  assert.equal(session.state, 'Up')
  assert.equal(session.detectAtMs, 900)
})

test('a peer that started over is met with Down and comes back with its new discriminator', () => {
  const session = sessionIn('Up')
  step(session, hears('Down', { yourDiscriminator: 0, myDiscriminator: 77 }), 100)
  assert.equal(session.state, 'Down')
  const [packet] = sends(step(session, hears('Down', { yourDiscriminator: 0, myDiscriminator: 77 }), 200))
  assert.equal(packet?.state, 'Init')
  assert.equal(packet?.yourDiscriminator, 77)
})

test('alignment makes sessions share wake-ups without leaving the jitter’s bounds', () => {
  const session = sessionIn('Up', configOf({ alignmentMs: 10, jitter: () => 0.333 }))
  let atMs = session.nextSendAtMs
  for (let i = 0; i < 50; i++) {
    const before = session.lastSentAtMs
    step(session, hears('Up', { desiredMinTxUs: 300_000 }), atMs - 1)
    step(session, { kind: 'tick' }, atMs)
    assert.equal(session.lastSentAtMs, atMs)
    assert.ok(atMs - before >= 225 && atMs - before <= 300)
    assert.equal(session.nextSendAtMs % 10, 0)
    atMs = session.nextSendAtMs
  }
})

test('an echo that does not come back ends the session; while echoes run, control packets are rare', () => {
  const session = sessionIn('Up', configOf({ echoMinTxUs: 50_000 }))
  assert.equal(session.echo.isActive, false, 'the peer does not return any')
  const heard = { requiredMinEchoRxUs: 100_000, desiredMinTxUs: 300_000 }
  const actions = step(session, hears('Up', heard), 10)
  assert.deepEqual(
    actions.find(({ kind }) => kind === 'send-echo'),
    { kind: 'send-echo', sequence: 1 },
  )
  assert.equal(session.requiredMinRxUs, 1_000_000)
  assert.equal(session.isPolling, true)
  step(session, { kind: 'echo', sequence: 1 }, 20)
  assert.equal(session.echo.detectAtMs, 320)
  step(session, { kind: 'echo', sequence: 1 }, 200)
  step(session, { kind: 'echo', sequence: 9 }, 200)
  assert.equal(session.echo.detectAtMs, 320, 'neither a repeated echo nor one never sent counts')
  step(session, { kind: 'tick' }, 320)
  assert.equal(session.state, 'Down')
  assert.equal(session.diagnostic, Diagnostic.echoFunctionFailed)
  assert.equal(session.echo.isActive, false)
})

test('echoes stop when the peer no longer returns them (§6.8.6)', () => {
  const session = sessionIn('Up', configOf({ echoMinTxUs: 50_000 }))
  step(session, hears('Up', { requiredMinEchoRxUs: 50_000 }), 10)
  step(session, hears('Up', { requiredMinEchoRxUs: 0 }), 20)
  assert.equal(session.echo.isActive, false)
  assert.equal(session.echo.detectAtMs, Infinity)
  assert.equal(session.requiredMinRxUs, 300_000)
})
