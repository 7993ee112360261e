import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lab, LabUnderTest, startVirtualLab } from './index.ts'

test('the example of the README does what it says', async () => {
  const l = lab('readme')
  const left = l.host('left', { address: '10.0.0.1/24' })
  const right = l.host('right', { address: '10.0.0.2/24' })
  const hub = l.switch('hub', { program: 'hub' })
  l.link(left, hub, 'metro')
  l.link(right, hub, { both: { delayMs: 5 }, aToB: { loss: 0.5 } })

  const virtual = await startVirtualLab(l.document(), { seed: 1 })
  const t = new LabUnderTest(virtual.client, virtual.clock)
  await virtual.run(t.eventually(() => t.pings('left', '10.0.0.2')))
  await virtual.run(t.fault({ kind: 'down', target: 'right-hub' }))
  await virtual.run(t.never(() => t.pings('left', '10.0.0.2'), 2000))
  await virtual.close()
  assert.ok(virtual.clock.nowMs() > 2000)
})
