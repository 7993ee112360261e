// A rack whose sleds have learnt their routes by DDM from two switches, of which one dies: everything goes through the other one.
import { lab, run } from '@lodestone/lab'

const l = lab('ddm-dying-switch')
l.rack('rack', { sleds: 3 })
const sleds = [0, 1, 2].map((index) => ({ name: `rack-sled${index}`, address: `fd00:1122:3344:10${index + 1}::1` }))

l.test('sleds reach each other', async (t) => {
  for (const from of sleds) {
    for (const to of sleds) {
      if (from !== to)
        await t.eventually(() => t.pings(from.name, to.address), { because: `${from.name} reaches ${to.name}` })
    }
  }
})

l.test('a dying switch costs less than a second', async (t) => {
  await t.eventually(() => t.pings('rack-sled0', sleds[2]!.address))
  await t.fault({ kind: 'off', target: 'rack-switch0' })
  const before = t.clock.nowMs()
  await t.eventually(() => t.pings('rack-sled0', sleds[2]!.address), { withinMs: 3000, everyMs: 10 })
  t.claim(t.clock.nowMs() - before < 1500, `it took ${Math.round(t.clock.nowMs() - before)} ms`)
  await t.stable(() => t.pings('rack-sled0', sleds[2]!.address), 5000, { everyMs: 500 })
})

l.test('it comes back, and the other one may die', async (t) => {
  await t.fault({ kind: 'off', target: 'rack-switch0' })
  await t.sleep(2000)
  await t.fault({ kind: 'on', target: 'rack-switch0' })
  const routes = async (): Promise<number> =>
    (await t.table('rack-sled0', 'rib')).filter((row) => row[0] === 'fd00:1122:3344:103::/64').length
  await t.eventually(async () => (await routes()) === 2, { because: 'two ways to sled2' })
  await t.fault({ kind: 'off', target: 'rack-switch1' })
  await t.eventually(() => t.pings('rack-sled0', sleds[2]!.address))
})

await run(l)
