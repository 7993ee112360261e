/** A running laboratory becomes another one: every kind of change, and changes that cannot be made. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lab, type Lab, type LabDocument, LabUnderTest, startVirtualLab, type VirtualLab } from './index.ts'

type Context = { after(fn: () => Promise<void>): void }

async function running(l: Lab, t: Context): Promise<{ virtual: VirtualLab; on: LabUnderTest }> {
  const virtual = await startVirtualLab(l.document(), { behaviours: l.behaviours, predicates: l.predicates })
  t.after(() => virtual.close())
  return { virtual, on: new LabUnderTest(virtual.client, virtual.clock) }
}

const plan = (virtual: VirtualLab, body: LabDocument) => virtual.run(virtual.client.plan({ body }))
const apply = (virtual: VirtualLab, body: LabDocument) => virtual.run(virtual.client.apply({ body }))

interface SwitchShape {
  readonly entries?: Parameters<Lab['switch']>[1]['entries']
  readonly defaults?: Parameters<Lab['switch']>[1]['defaults']
  readonly hosts?: number
  readonly program?: string
}

/** Hosts on a switch. */
function onSwitch({ entries = [], defaults = {}, hosts = 2, program = 'ndn' }: SwitchShape = {}): Lab {
  const l = lab('apply-test')
  const sw = l.switch('sw', { program, entries, defaults })
  for (let i = 1; i <= hosts; i++) l.link(l.host(`h${i}`, { address: `10.0.0.${i}/24` }), sw)
  return l
}

const FIB = { table: 'fib', keys: ['0x0001000000000000/16'], action: 'produce', args: [2] }

test('what a switch cannot have is refused before anything has changed, and what ran goes on', async (t) => {
  const { virtual, on } = await running(onSwitch({ entries: [FIB] }), t)
  const before = await virtual.run(on.table('sw', fibOf(virtual)))
  const wrong: readonly (readonly [SwitchShape, RegExp])[] = [
    [{ entries: [{ ...FIB, table: 'routes' }] }, /there is no table routes/],
    [{ entries: [{ ...FIB, action: 'nowhere' }] }, /noSuchAction/],
    [{ entries: [FIB, { ...FIB, args: [3] }] }, /exists/],
    [{ defaults: { fib: { action: 'nowhere', args: [] } } }, /noSuchAction/],
    [{ program: '/nowhere.p4' }, /nowhere\.p4/],
  ]
  for (const [shape, reason] of wrong) {
    const wanted = onSwitch({ hosts: 3, ...shape }).document()
    const refused = await apply(virtual, wanted)
    assert.ok(!refused.ok)
    assert.match(refused.message, reason)
    const again = await plan(virtual, wanted)
    assert.ok(again.ok && again.value.steps.length > 0, 'there is still something to do')
    assert.equal((await virtual.run(on.info())).nodes.length, 3)
    assert.deepEqual(await virtual.run(on.table('sw', fibOf(virtual))), before)
  }
  const same = await plan(virtual, onSwitch({ entries: [FIB] }).document())
  assert.deepEqual(same.ok && same.value.steps, [])
})

function fibOf(virtual: VirtualLab): string {
  const tables = virtual.runtime.live.get('sw')!.tables!()
  return tables.find(({ name }) => name.endsWith('fib'))!.name
}

test('a default action that the document has no more is again the program’s', async (t) => {
  const { virtual } = await running(onSwitch({ defaults: { fib: { action: 'produce', args: [2] } } }), t)
  const steps = await apply(virtual, onSwitch().document())
  assert.equal(steps.ok && steps.value.text, '~ node sw: defaults')
  // An interest in a name that nobody has announced.
  const name = Uint8Array.of(5, 16, 0, 0, 0, 9, 0, 7, 0, 0, 0, 0, 0, 0)
  assert.equal(await crosses(virtual, name), false)
  await apply(virtual, onSwitch({ defaults: { fib: { action: 'produce', args: [2] } } }).document())
  assert.equal(await crosses(virtual, name), true)
})

/** Whether a frame of the named-data type that enters at port 1 leaves at port 2. */
async function crosses(virtual: VirtualLab, payload: Uint8Array): Promise<boolean> {
  const { arena } = virtual.runtime.world
  const frame = new Uint8Array(60)
  frame.fill(0xff, 0, 6)
  frame.set([2, 0, 0, 0, 0, 1, 0x86, 0x24], 6)
  frame.set(payload, 14)
  const [into, out] = [virtual.runtime.link('h1-sw'), virtual.runtime.link('h2-sw')]
  const before = out.counters('b-to-a').framesIn
  into.a.send(Int32Array.of(arena.from(frame)), 1)
  await virtual.clock.advance(100)
  return out.counters('b-to-a').framesIn > before
}

test('a port goes with its cable, and the switch sends nothing there any more', async (t) => {
  const { virtual } = await running(onSwitch({ hosts: 3, program: 'hub' }), t)
  const steps = await apply(virtual, onSwitch({ program: 'hub' }).document())
  assert.match(steps.ok ? steps.value.text : '', /~ node sw: ports/)
  const state = virtual.runtime.live.get('sw')!.state.detail
  assert.match(state, /2 ports/)
})

test('a changed timeline goes on from where it is, and a bound of lateness counts at once', async (t) => {
  const at = (...times: readonly number[]): Lab => {
    const l = onSwitch()
    for (const ms of times) l.at(ms, { kind: 'down', target: ms < 5000 ? 'h1-sw' : 'h2-sw' })
    return l
  }
  const { virtual } = await running(at(20_000), t)
  const isUp = (name: string): boolean => virtual.runtime.link(name).isUp
  await virtual.clock.advance(6000)
  const steps = await apply(virtual, at(1000, 8000).latenessBound(77).document())
  assert.equal(steps.ok && steps.value.text, '~ laboratory: timeline, latenessBoundMs')
  await virtual.clock.advance(1000)
  assert.deepEqual([isUp('h1-sw'), isUp('h2-sw')], [true, true], 'what lies before now is over')
  await virtual.clock.advance(1500)
  assert.deepEqual([isUp('h1-sw'), isUp('h2-sw')], [true, false])
  assert.equal((await virtual.run(virtual.client.info())).ok, true)
  const wrong = await apply(virtual, onSwitch().at(1, { kind: 'down', target: 'nobody' }).document())
  assert.ok(!wrong.ok)
  assert.match(wrong.message, /timeline at 1 ms: there is no node, link or group nobody/)
})

test('another name is another laboratory', async (t) => {
  const { virtual } = await running(onSwitch(), t)
  const refused = await plan(virtual, { ...onSwitch().document(), name: 'other' })
  assert.ok(!refused.ok)
  assert.match(refused.message, /the laboratory that runs is called apply-test, not other/)
})

test('guests come, change and go while their rack runs on; a new front port does start it anew', async (t) => {
  const racked = (guests: readonly number[], address = 5): Lab => {
    const l = lab('guests-test')
    l.rack('rack', { sleds: 2 })
    for (const sled of guests) {
      const last = sled === 0 ? address : 9
      l.guest(`g${sled}`, { rack: 'rack', sled, address: `172.30.0.${last}`, subnet: '172.30.0.0/22' })
    }
    return l
  }
  const { virtual, on } = await running(racked([0]), t)
  const sled = virtual.runtime.rackNode('rack-sled0')
  const grown = await apply(virtual, racked([0, 1]).document())
  assert.ok(grown.ok, JSON.stringify(grown))
  assert.equal(grown.value.text, '+ node g1 (guest)')
  assert.equal(virtual.runtime.rackNode('rack-sled0'), sled, 'the rack runs on')
  await virtual.run(on.eventually(() => on.pings('g0', '172.30.0.9')))
  const moved = await apply(virtual, racked([0, 1], 6).document())
  assert.equal(moved.ok && moved.value.text, '! node g0 starts anew: address changed')
  await virtual.run(on.eventually(() => on.pings('g1', '172.30.0.6')))
  assert.equal(await virtual.run(on.pings('g1', '172.30.0.5')), false)
  const shrunk = await apply(virtual, racked([0], 6).document())
  assert.equal(shrunk.ok && shrunk.value.text, '- node g1 (guest)')
  await assert.rejects(virtual.run(on.exec('g1', 'ip')), /there is no node g1/)
  assert.equal(await virtual.run(on.pings('g0', '172.30.0.9')), false)
  const lost = await plan(virtual, racked([0, 1, 2], 6).document())
  const refused = await apply(virtual, racked([0, 1, 2], 6).document())
  assert.ok(lost.ok && !refused.ok)
  assert.match(refused.message, /guest g2: rack has no sled 2/)
  const l = racked([0], 6)
  l.link(l.host('outside', { address: '192.0.2.1/30' }), { node: 'rack-switch0', port: 'qsfp3' })
  const wider = await plan(virtual, l.document())
  assert.match(wider.ok ? wider.value.text : '', /everything starts anew: front ports of rack change/)
})

test('losses by a filter and by a function, each direction counted alone; a snapshot knows them', async (t) => {
  const asked: number[] = []
  const l = lab('loss-test')
  const [left, right] = [l.host('left', { address: '10.0.0.1/24' }), l.host('right', { address: '10.0.0.2/24' })]
  l.link(left, right, {
    both: { lossModel: { kind: 'filter', filter: 'icmp', frames: [2, 3] } },
    bToA: {
      lossModel: {
        kind: 'predicate',
        isLost: (frame, number) => {
          asked.push(number)
          return frame[23] === 1 && frame[34] === 0 && number === 6
        },
      },
    },
  })
  const { virtual, on } = await running(l, t)
  // Requests 2 and 3 are lost on the way there. Of the way back: 1 is ARP or neighbour discovery, and one answer is lost.
  const ping = await virtual.run(on.exec('left', 'ping -c 8 10.0.0.2'))
  const drops = virtual.runtime.link('left-right').counters('a-to-b').drops
  assert.equal(drops['LINK_LOSS'], 2)
  assert.ok(asked.includes(6))
  const back = virtual.runtime.link('left-right').counters('b-to-a').drops['LINK_LOSS'] ?? 0
  assert.match(ping.stdout, new RegExp(`${6 - back} of 8 answered`))
  await virtual.run(
    on.fault({ kind: 'shape', target: 'left-right', change: { lossModel: { kind: 'filter', filter: 'arp' } } }),
  )
  const taken = await virtual.run(virtual.client.snapshot())
  assert.ok(taken.ok)
  assert.deepEqual(taken.value.links['left-right']?.aToB, { lossModel: { kind: 'filter', filter: 'arp' } })
  await virtual.run(on.fault({ kind: 'heal' }))
  const restored = await virtual.run(virtual.client.restore({ body: JSON.parse(JSON.stringify(taken.value)) }))
  assert.ok(restored.ok, JSON.stringify(restored))
  const again = await virtual.run(virtual.client.snapshot())
  assert.deepEqual(again.ok && again.value, taken.value)
  const refused = await apply(virtual, {
    ...l.document(),
    links: { x: { ...l.document().links['left-right']!, both: { lossModel: { kind: 'filter', filter: 'teepee' } } } },
  })
  assert.ok(!refused.ok)
  assert.match(refused.message, /link x: filter of a loss model: there is no header "teepee"/)
})
