// Two hosts and a switch. Run it: node examples/two-hosts.ts launch, then exec left -- ping 10.0.0.2, then destroy.
import { lab, run } from '@lodestone/lab'

const l = lab('two-hosts')
const left = l.host('left', { address: '10.0.0.1/24' })
const right = l.host('right', { address: '10.0.0.2/24' })
const hub = l.switch('hub', { program: 'hub' })
l.link(left, hub, 'metro')
l.link(right, hub, { delayMs: 5, loss: 0.001 })

l.test('left reaches right', async (t) => {
  await t.eventually(() => t.pings('left', '10.0.0.2'))
})

l.test('right is alone while its cable is out', async (t) => {
  await t.fault({ kind: 'down', target: 'right-hub' })
  await t.never(() => t.pings('left', '10.0.0.2'), 2000)
})

await run(l)
