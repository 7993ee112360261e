import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeControlPacket, SESSION_STATES } from './control-packet.ts'
import { type BfdEvent, sessionDeadlineMs, step } from './session.ts'
import { configOf, hears, sends, sessionIn } from './session.fixture.ts'
import { jitteredMs } from './session-timing.ts'

const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('jitter takes 0 to 25 % off an interval, and at least 10 % when no packet may be missed (RFC 5880 §6.8.7)', () => {
  fc.assert(
    fc.property(fraction, fc.integer({ min: 1, max: 255 }), fc.integer({ min: 1000, max: 1e9 }), (f, mult, us) => {
      const ratio = jitteredMs(us, mult, f) / (us / 1000)
      assert.ok(ratio >= 0.75 - 1e-9)
      assert.ok(ratio <= (mult === 1 ? 0.9 : 1) + 1e-9)
    }),
  )
})

test('packets leave within the jitter’s bounds whatever the intervals, multiplier and alignment', () => {
  const settings = fc.record({
    ownUs: fc.integer({ min: 10_000, max: 2_000_000 }),
    peerUs: fc.integer({ min: 10_000, max: 2_000_000 }),
    detectMult: fc.integer({ min: 1, max: 5 }),
    alignmentMs: fc.constantFrom(0, 1, 5, 20),
    fractions: fc.array(fraction, { minLength: 1, maxLength: 20 }),
  })
  fc.assert(
    fc.property(settings, ({ ownUs, peerUs, detectMult, alignmentMs, fractions }) => {
      let turn = 0
      const jitter = (): number => fractions[turn++ % fractions.length]!
      const session = sessionIn('Up', configOf({ desiredMinTxUs: ownUs, detectMult, alignmentMs, jitter }))
      step(session, hears('Up', { isFinal: true, requiredMinRxUs: peerUs, desiredMinTxUs: 4_000_000 }), 0)
      const intervalMs = Math.max(ownUs, peerUs) / 1000
      for (let i = 0; i < 20; i++) {
        const before = session.lastSentAtMs
        const atMs = session.nextSendAtMs
        step(session, hears('Up', { requiredMinRxUs: peerUs, desiredMinTxUs: 4_000_000 }), Math.max(before, atMs - 1))
        const sent = sends(step(session, { kind: 'tick' }, atMs))
        assert.equal(sent.length + (session.lastSentAtMs < atMs ? 1 : 0), 1)
        const gapMs = session.lastSentAtMs - before
        assert.ok(gapMs >= intervalMs * 0.75 - 0.01, `${gapMs} of ${intervalMs}`)
        assert.ok(gapMs <= intervalMs * (detectMult === 1 ? 0.9 : 1) + 0.01, `${gapMs} of ${intervalMs}`)
      }
    }),
    { numRuns: 100 },
  )
})

const u32 = fc.integer({ min: 0, max: 0xffffffff })

const event: fc.Arbitrary<BfdEvent> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .record({
        state: fc.constantFrom(...SESSION_STATES),
        isPoll: fc.boolean(),
        isFinal: fc.boolean(),
        isDemand: fc.boolean(),
        detectMult: fc.integer({ min: 1, max: 255 }),
        desiredMinTxUs: fc.oneof(u32, fc.integer({ min: 0, max: 1_000_000 })),
        requiredMinRxUs: fc.oneof(u32, fc.integer({ min: 0, max: 1_000_000 })),
        requiredMinEchoRxUs: fc.oneof(fc.constant(0), u32),
      })
      .map(({ state, ...more }) => hears(state, more)),
  },
  { weight: 6, arbitrary: fc.constant<BfdEvent>({ kind: 'tick' }) },
  fc.constantFrom<BfdEvent>({ kind: 'enable' }, { kind: 'disable' }, { kind: 'fail', diagnostic: 5 }),
  fc.integer({ min: 0, max: 20 }).map((sequence): BfdEvent => ({ kind: 'echo', sequence })),
  fc
    .record({
      desiredMinTxUs: fc.integer({ min: 1000, max: 2_000_000 }),
      requiredMinRxUs: fc.integer({ min: 1000, max: 2_000_000 }),
      detectMult: fc.integer({ min: 1, max: 10 }),
      echoMinTxUs: fc.constantFrom(undefined, 50_000),
      isPassive: fc.boolean(),
    })
    .map((more): BfdEvent => ({ kind: 'configure', config: configOf(more) })),
)

test('whatever happens, packets are well formed, P and F exclude each other, and no timer is stuck in the past', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(event, fc.double({ min: 0, max: 2000, noNaN: true })), { maxLength: 60 }), (run) => {
      const session = sessionIn('Down')
      let nowMs = 0
      for (const [next, delayMs] of run) {
        nowMs += delayMs
        const actions = step(session, next, nowMs)
        for (const action of actions) {
          if (action.kind !== 'send') continue
          assert.deepEqual(decodeControlPacket(action.bytes), { ok: true, packet: action.packet })
          assert.ok(!(action.packet.isPoll && action.packet.isFinal))
          if (action.packet.state !== 'Up') assert.ok(action.packet.desiredMinTxUs >= 1_000_000)
        }
        // One tick settles what is due: the clock may then sleep until the deadline.
        step(session, { kind: 'tick' }, nowMs)
        assert.ok(sessionDeadlineMs(session) > nowMs, 'a deadline that is due stays due')
        if (session.state !== 'Up') assert.equal(session.isPolling, false)
        if (session.state === 'Init' || session.state === 'Up') assert.notEqual(session.detectAtMs, Infinity)
      }
    }),
    { numRuns: 400 },
  )
})
