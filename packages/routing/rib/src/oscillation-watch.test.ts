import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { type Adjacency, type Oscillation, Rib } from './index.ts'

const P = Prefix.of('198.51.100.0/24')
const QUIET_MS = 120_000

class Bench {
  nowMs = 0
  readonly rib = new Rib({ nowMs: () => this.nowMs })
  readonly found: Oscillation[] = []
  readonly fixed: Adjacency
  readonly moody: Adjacency

  constructor() {
    this.rib.onOscillation((oscillation) => this.found.push(oscillation))
    this.fixed = this.rib.adjacency({ protocol: 'static', peer: 'fixed', preference: 5 })
    this.moody = this.rib.adjacency({ protocol: 'static', peer: 'moody', preference: 1 })
  }

  /** The better path comes or goes, `stepMs` apart. */
  flip(times: number, stepMs: number, prefix = P): void {
    for (let i = 0; i < times; i++) {
      this.nowMs += stepMs
      if (!this.moody.withdraw(prefix)) this.moody.announce(prefix, { nextHop: Ip.of('203.0.113.1') })
    }
  }
}

test('two paths that take turns are an oscillation, told once, whether every millisecond or every half minute', () => {
  for (const stepMs of [1, 30_000]) {
    const bench = new Bench()
    bench.fixed.announce(P, { nextHop: Ip.of('203.0.113.2') })
    bench.flip(16, stepMs)
    assert.deepEqual(bench.found, [], `${stepMs} ms: too soon to say`)
    bench.flip(100, stepMs)
    assert.equal(bench.found.length, 1)
    const [listed] = bench.rib.oscillations()
    assert.ok(listed !== undefined && listed.prefix.equals(P))
    assert.deepEqual(listed.selections.toSorted(), ['static fixed via 203.0.113.2', 'static moody via 203.0.113.1'])
    assert.ok(listed.changes > 90)
  }
})

test('one that has come to rest is no longer listed, and is told again when it begins anew', () => {
  const bench = new Bench()
  bench.fixed.announce(P, { nextHop: Ip.of('203.0.113.2') })
  bench.flip(40, 10)
  bench.nowMs += QUIET_MS + 1
  assert.deepEqual(bench.rib.oscillations(), [])
  bench.flip(40, 10)
  assert.equal(bench.found.length, 2)
  assert.equal(bench.rib.oscillations().length, 1)
})

test('a prefix that only comes and goes does not oscillate', () => {
  const bench = new Bench()
  bench.flip(200, 10)
  assert.deepEqual(bench.found, [])
})

test('a selection that is never the same twice does not oscillate', () => {
  const bench = new Bench()
  for (let i = 0; i < 200; i++) bench.fixed.announce(P, { nextHop: Ip.v4(0x0a000000 + i) })
  assert.deepEqual(bench.found, [])
})

test('one oscillating prefix is found in a table of 20 000 whose best paths change three times each', () => {
  const bench = new Bench()
  bench.fixed.announce(P, { nextHop: Ip.of('203.0.113.2') })
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 20_000; i++) {
      bench.fixed.announce(new Prefix(Ip.v4(0x0a000000 + i * 256), 24), { nextHop: Ip.v4(0xcb007100 + round) })
      if (i % 20 === 0) bench.flip(1, 1)
    }
  }
  assert.deepEqual(
    bench.found.map(({ prefix }) => `${prefix}`),
    [`${P}`],
  )
})

test('the number of a prefix that has gone says nothing about the next one', () => {
  const bench = new Bench()
  bench.fixed.announce(P, { nextHop: Ip.of('203.0.113.2') })
  bench.flip(13, 1)
  for (const adjacency of [bench.fixed, bench.moody]) adjacency.withdraw(P)
  const other = Prefix.of('192.0.2.0/24')
  bench.fixed.announce(other, { nextHop: Ip.of('203.0.113.2') })
  bench.flip(8, 1, other)
  assert.deepEqual(bench.found, [])
})
