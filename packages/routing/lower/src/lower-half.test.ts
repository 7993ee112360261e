import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, Rib } from '@lodestone/rib'
import { LowerHalf, type LowerHalfOptions } from './lower-half.ts'
import { MemoryTarget } from './memory-target.ts'
import { nextHopsKey } from './target.ts'

const P = Prefix.of('198.51.100.0/24')
const hop = (n: number): Ip => Ip.v4(0xcb007100 + n)

class Bench {
  readonly clock = new VirtualClock()
  readonly rib: Rib = new Rib({ nowMs: () => this.clock.nowMs(), fanOut: { static: 4 } })
  readonly target = new MemoryTarget()
  readonly fixed: Adjacency
  lower!: LowerHalf

  constructor() {
    this.fixed = this.rib.adjacency({ protocol: 'static', peer: '' })
  }

  start(options: Partial<LowerHalfOptions> = {}): LowerHalf {
    this.lower = new LowerHalf({ rib: this.rib, clock: this.clock, target: this.target, ...options })
    return this.lower
  }

  announce(prefix: Prefix, n: number, interfaceName: string | undefined = 'qsfp0'): void {
    this.fixed.announce(prefix, { nextHop: hop(n), nextHopInterface: interfaceName })
  }

  /** What the target must hold, from the RIB. */
  expected(): Map<string, string> {
    const out = new Map<string, string>()
    for (const { prefix, selected } of this.rib.snapshot()) {
      const hops = selected.map((path) => ({ via: path.nextHop, interface: path.nextHopInterface! }))
      out.set(prefix.toString(), nextHopsKey(hops))
    }
    return out
  }

  actual(): Map<string, string> {
    return new Map(this.target.routes().map(({ prefix, nextHops }) => [prefix.toString(), nextHopsKey(nextHops)]))
  }
}

test('what is selected is programmed, including what was selected before it started; changes follow', async () => {
  const bench = new Bench()
  bench.announce(P, 1)
  bench.start()
  await bench.clock.advance(10)
  assert.equal(bench.target.get(P)![0]!.via!.toString(), '203.0.113.1')
  bench.announce(P, 2)
  await bench.clock.advance(10)
  assert.equal(bench.target.get(P)![0]!.via!.toString(), '203.0.113.2')
  bench.fixed.withdraw(P)
  await bench.clock.advance(10)
  assert.equal(bench.target.get(P), undefined)
  assert.equal(bench.lower.isSettled, true)
})

test('multipath is written as one set, and losing one next hop keeps the others', async () => {
  const bench = new Bench()
  for (const n of [1, 2, 3]) {
    bench.fixed.announce(P, { nextHop: hop(n), nextHopInterface: `qsfp${n}`, pathId: n })
  }
  bench.start()
  await bench.clock.advance(10)
  assert.equal(bench.target.get(P)!.length, 3)
  bench.fixed.withdraw(P, 2)
  await bench.clock.advance(10)
  assert.deepEqual(
    bench.target.get(P)!.map((each) => each.interface),
    ['qsfp1', 'qsfp3'],
  )
})

test('changes that cancel out before they are written cost no write', async () => {
  const bench = new Bench()
  bench.start()
  await bench.clock.advance(10)
  bench.rib.batch(() => {
    bench.announce(P, 1)
    bench.fixed.withdraw(P)
  })
  await bench.clock.advance(10)
  assert.equal(bench.target.writes, 0)
})

test('a failing write is named with its reason, retried with growing pauses, and succeeds in the end', async () => {
  const bench = new Bench()
  let isBroken = true
  const at: number[] = []
  bench.target.fault = () => {
    at.push(bench.clock.nowMs())
    return isBroken ? { reason: 'table full', isApplied: false } : undefined
  }
  bench.start({ auditMs: 0 })
  bench.announce(P, 1)
  await bench.clock.advance(5000)
  const [failing] = bench.lower.status().failing
  assert.equal(failing?.reason, 'table full')
  assert.equal(failing?.operation, 'set')
  assert.equal(failing?.attempts, at.length)
  const pauses = at.slice(1).map((ms, i) => Math.round(ms - at[i]!))
  assert.deepEqual(pauses.slice(0, 5), [100, 200, 400, 800, 1600])
  isBroken = false
  await bench.clock.advance(10_000)
  assert.equal(bench.target.get(P)?.length, 1)
  assert.deepEqual(bench.lower.status().failing, [])
})

test('a removal that fails is not forgotten, though nothing in the RIB is left to remind of it', async () => {
  const bench = new Bench()
  bench.start({ auditMs: 0 })
  bench.announce(P, 1)
  await bench.clock.advance(10)
  let failures = 3
  bench.target.fault = () => (failures-- > 0 ? { reason: 'busy', isApplied: false } : undefined)
  bench.fixed.withdraw(P)
  await bench.clock.advance(250)
  assert.equal(bench.lower.status().failing[0]?.operation, 'remove')
  assert.notEqual(bench.target.get(P), undefined)
  await bench.clock.advance(5000)
  assert.equal(bench.target.get(P), undefined)
  assert.equal(bench.lower.isSettled, true)
})

test('a path without a known interface is reported as unresolved until someone knows it', async () => {
  const bench = new Bench()
  const known = new Map<string, string>()
  bench.start({ interfaceOf: (path) => known.get(path.nextHop.toString()) })
  bench.fixed.announce(P, { nextHop: hop(1) })
  await bench.clock.advance(10)
  assert.deepEqual(bench.lower.status().unresolved.map(String), [P.toString()])
  known.set('203.0.113.1', 'qsfp3')
  bench.lower.refresh()
  await bench.clock.advance(10)
  assert.equal(bench.target.get(P)?.[0]?.interface, 'qsfp3')
  assert.deepEqual(bench.lower.status().unresolved, [])
})

test('only accepted paths are programmed', async () => {
  const bench = new Bench()
  bench.rib.adjacency({ protocol: 'ddm', peer: 'nic0' }).announce(Prefix.of('fd00::/64'), {
    nextHop: Ip.of('fe80::1'),
    nextHopInterface: 'nic0',
  })
  bench.announce(P, 1)
  bench.start({ accepts: (path) => path.source.protocol === 'ddm' })
  await bench.clock.advance(10)
  assert.deepEqual([...bench.actual().keys()], ['fd00::/64'])
})

test('what an earlier life left behind is removed, what is right is not written again, strangers are left alone', async () => {
  const bench = new Bench()
  const [stale, foreign] = [Prefix.of('10.0.0.0/8'), Prefix.of('192.0.2.0/24')]
  for (const prefix of [stale, foreign]) {
    await bench.target.setRoute(prefix, [{ via: hop(9), interface: 'qsfp9' }])
  }
  bench.start({ isForeign: (prefix) => prefix.equals(foreign) })
  bench.announce(P, 1)
  await bench.clock.advance(100)
  assert.deepEqual([...bench.actual().keys()].toSorted(), ['192.0.2.0/24', '198.51.100.0/24'])
})

test('what someone else removes or changes is put back by the next audit', async () => {
  const bench = new Bench()
  bench.start()
  bench.announce(P, 1)
  await bench.clock.advance(100)
  await bench.target.removeRoute(P)
  await bench.clock.advance(31_000)
  assert.equal(bench.target.get(P)?.length, 1)
  await bench.target.setRoute(P, [{ via: hop(7), interface: 'qsfp7' }])
  await bench.clock.advance(31_000)
  assert.equal(bench.target.get(P)?.[0]?.interface, 'qsfp0')
  assert.equal(bench.lower.status().counters['audit-repairs'], 2)
})

test('closing leaves the routes where they are', async () => {
  const bench = new Bench()
  bench.start()
  bench.announce(P, 1)
  await bench.clock.advance(100)
  bench.lower.close()
  bench.fixed.withdraw(P)
  await bench.clock.advance(60_000)
  assert.notEqual(bench.target.get(P), undefined)
})

for (const everyNth of [2, 3, 7]) {
  for (const isApplied of [false, true]) {
    test(`chaos: every ${everyNth}. write fails${isApplied ? ' after having been applied' : ''}, and the table still ends right`, async () => {
      const bench = new Bench()
      const random = new SeededRandom(everyNth)
      bench.target.fault = (_prefix, write) => (write % everyNth === 0 ? { reason: 'chaos', isApplied } : undefined)
      bench.start({ auditMs: 0, maxRetryMs: 1000 })
      const prefixes = Array.from({ length: 40 }, (_, i) => Prefix.of(`10.0.${i}.0/24`))
      for (let i = 0; i < 400; i++) {
        const prefix = prefixes[random.below(prefixes.length)]!
        if (random.below(3) === 0) bench.fixed.withdraw(prefix)
        else bench.announce(prefix, random.below(5))
        if (random.below(4) === 0) await bench.clock.advance(random.below(50))
      }
      await bench.clock.advance(60_000)
      assert.deepEqual(bench.actual(), bench.expected())
      assert.equal(bench.lower.isSettled, true)
      assert.deepEqual(bench.lower.status().failing, [])
      assert.ok(bench.lower.status().counters.failures > 20)
    })
  }
}

test('6000 routes that become 2000 leave exactly 2000', async () => {
  const bench = new Bench()
  bench.target.fault = (_prefix, write) => (write % 5 === 0 ? { reason: 'busy', isApplied: false } : undefined)
  bench.start({ auditMs: 0 })
  const prefixes = Array.from({ length: 6000 }, (_, i) => new Prefix(Ip.v4(0x0a000000 + i * 256), 24))
  bench.rib.batch(() => prefixes.forEach((prefix) => bench.announce(prefix, 1)))
  await bench.clock.advance(5000)
  bench.rib.batch(() => prefixes.slice(2000).forEach((prefix) => bench.fixed.withdraw(prefix)))
  await bench.clock.advance(5000)
  assert.equal(bench.target.routes().length, 2000)
})
