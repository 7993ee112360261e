/**
 * The thermal loop against the physics: below critical for any load while a fan lives; off before damage when none does. The
 * whole board runs, registers and firmware, in virtual time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Board } from './device/board.ts'
import { Rig } from './rig.fixture.ts'

const phase = fc.record({
  seconds: fc.integer({ min: 5, max: 240 }),
  processor: fc.constantFrom(0, 0.3, 0.7, 1),
  network: fc.constantFrom(0, 0.3, 0.7, 1),
  /** Which fan breaks at the beginning of the phase; none when it is the last. */
  fan: fc.nat(7),
  airC: fc.constantFrom(15, 24, 30, 35),
})

function hottest(board: Board): { readonly overCriticalK: number; readonly name: string } {
  let worst = { overCriticalK: -Infinity, name: '' }
  board.profile.parts.forEach((part, index) => {
    const over = board.plant.temperaturesC[index]! - part.criticalC
    if (over > worst.overCriticalK) worst = { overCriticalK: over, name: part.name }
  })
  return worst
}

for (const kind of ['sled', 'switch'] as const) {
  test(`a ${kind} stays below critical for any load in air of up to 35 °C while one fan lives`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(phase, { minLength: 3, maxLength: 9 }), async (phases) => {
        const rig = await Rig.start()
        const { board, sp } = kind === 'sled' ? rig.sleds[0]! : rig.switches[0]!
        for (const { seconds, processor, network, fan, airC } of phases) {
          rig.load = () => ({ processor, network })
          board.airC = airC
          if (fan < board.profile.fanCount && board.fans.living > 1) board.fans.setFan(fan, 'dead')
          for (let second = 0; second < seconds; second++) {
            await rig.clock.advance(1000)
            const { overCriticalK, name } = hottest(board)
            assert.ok(overCriticalK < 0, `${name} is ${overCriticalK.toFixed(1)} K above critical`)
          }
        }
        assert.equal(sp.firmware?.power.status.state, 'A0PlusHP')
        assert.equal(board.plant.isDamaged, false)
        rig.close()
      }),
      { numRuns: 12 },
    )
  })

  test(`a ${kind} without a living fan throttles, is shut down before anything breaks, and says so`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(0.5, 0.7, 1),
        fc.integer({ min: 0, max: 300 }),
        fc.constantFrom(15, 24, 35),
        async (load, warmUpS, airC) => {
          const rig = await Rig.start({ load: () => ({ processor: load, network: load }) })
          const { board, sp } = kind === 'sled' ? rig.sleds[0]! : rig.switches[0]!
          let throttledFirst = false
          board.listen({ onThrottle: (isThrottled) => (throttledFirst ||= isThrottled && board.isHostOn) })
          board.airC = airC
          await rig.clock.advance(warmUpS * 1000)
          for (let fan = 0; fan < board.profile.fanCount; fan++) board.fans.setFan(fan, 'dead')
          assert.ok(await rig.clock.until(() => !board.isHostOn, 3_600_000), 'it was never shut down')
          assert.ok(throttledFirst, 'it was throttled before')
          await rig.clock.advance(600_000)
          assert.equal(board.plant.isDamaged, false)
          assert.equal(sp.firmware?.power.status.state, 'A2')
          assert.equal(sp.firmware?.power.status.reason, 'Overheat')
          rig.close()
        },
      ),
      { numRuns: 10 },
    )
  })

  test(`a ${kind} whose service processor is dead is not damaged either: fans run up, and hardware ends its power`, async () => {
    const rig = await Rig.start({ load: () => ({ processor: 1, network: 1 }) })
    const { board, sp } = kind === 'sled' ? rig.sleds[0]! : rig.switches[0]!
    await rig.clock.advance(60_000)
    sp.inject({ kind: 'unresponsive' })
    await rig.clock.advance(30_000)
    assert.ok(
      board.plant.rpm.every((rpm) => rpm > 13_000),
      'the watchdog of the fans expired',
    )
    for (let fan = 0; fan < board.profile.fanCount; fan++) board.fans.setFan(fan, 'dead')
    assert.ok(await rig.clock.until(() => !board.isHostOn, 3_600_000))
    await rig.clock.advance(600_000)
    assert.equal(board.plant.isDamaged, false)
    rig.close()
  })
}

test('a silent sensor is taken to warm up until its board is shut down; a stuck one does not hide the others', async () => {
  const rig = await Rig.start()
  const { board, sp } = rig.sleds[0]!
  await rig.clock.advance(5000)
  sp.inject({ kind: 'sensor', sensor: 0, fault: { kind: 'timeout' } })
  assert.ok(await rig.clock.until(() => sp.firmware?.thermal.status.state === 'Critical', 120_000))
  sp.clear()
  assert.ok(await rig.clock.until(() => sp.firmware?.thermal.status.state === 'Running', 60_000))
  sp.inject({ kind: 'sensor', sensor: 0, fault: { kind: 'missing' } })
  assert.ok(await rig.clock.until(() => !board.isHostOn, 600_000))
  assert.equal(sp.firmware?.power.status.reason, 'Overheat')
  rig.close()
})
