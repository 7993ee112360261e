import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { Rib } from '@lodestone/rib'
import { LowerHalf, MemoryTarget } from './index.ts'

test('the README example does what it says', async () => {
  const clock = new VirtualClock()
  const rib = new Rib({ nowMs: () => clock.nowMs() })
  const target = new MemoryTarget()
  target.fault = (_prefix, write) => (write === 1 ? { reason: 'busy', isApplied: false } : undefined)
  const lower = new LowerHalf({ rib, clock, target })

  const fixed = rib.adjacency({ protocol: 'static', peer: '' })
  fixed.announce(Prefix.of('198.51.100.0/24'), { nextHop: Ip.of('203.0.113.1'), nextHopInterface: 'qsfp0' })
  await clock.advance(50)
  assert.equal(lower.status().failing[0]?.reason, 'busy')
  await clock.advance(100)
  assert.equal(target.routes().length, 1)
})
