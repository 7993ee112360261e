import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '@lodestone/host'
import { DelayDrivenPaths } from './delay-driven-paths.ts'
import { DEFAULT_MULTIPATH, type MultipathOptions, PROBE_COST_BYTES } from './multipath-options.ts'
import { stampOf } from './timestamp.ts'

const PEER = 3
const BOTH = 0b11
const BYTES = 1500

/** Sleds with paths of given one-way delays, and a receiver whose clock is off. */
class Bench {
  readonly paths: DelayDrivenPaths
  nowUs = 5_000_000
  /** One way and back, of each path; Infinity loses what is sent. */
  readonly there: number[]
  readonly back: number[]
  clockOffsetUs = 12_345_678
  /** What waits in front of our own cables, µs; on top of `there`. */
  readonly backlogUs: number[]
  readonly limitUs: number[]
  readonly #answers: { atUs: number; path: number; id: number; stamp: number; receiver: number }[] = []
  #flow = 0

  constructor(
    there: number[],
    options: Partial<MultipathOptions> = {},
    back = there.map((each) => Math.min(each, 50)),
  ) {
    this.there = there
    this.back = back
    this.backlogUs = there.map(() => 0)
    this.limitUs = there.map(() => Infinity)
    this.paths = new DelayDrivenPaths(
      new SeededRandom(1),
      { pathCount: there.length, ...options },
      { backlogUs: (path) => this.backlogUs[path]!, limitUs: (path) => this.limitUs[path]! },
    )
  }

  get all(): number {
    return (1 << this.there.length) - 1
  }

  /** One packet of a flow; telemetry goes its way. @returns its path */
  send(flowHash: number, mask = this.all): number {
    const path = this.paths.choose(PEER, mask, flowHash, BYTES, this.nowUs)
    this.#measure(path)
    const other = this.paths.duePath(PEER, mask, path, this.nowUs)
    if (other >= 0) this.#measure(other)
    return path
  }

  /** Lets time pass with the timer that repeats lost measurements. @returns how many packets it sent on each path */
  wait(us: number): number[] {
    const untilUs = this.nowUs + us
    const sent = this.there.map(() => 0)
    while (this.paths.nextDueUs <= untilUs) {
      this.advance(Math.max(0, this.paths.nextDueUs - this.nowUs))
      for (let next = this.paths.overdue(this.nowUs); next >= 0; next = this.paths.overdue(this.nowUs)) {
        assert.equal(next >> 3, PEER)
        sent[next & 7]!++
        this.#measure(next & 7, true)
      }
    }
    this.advance(untilUs - this.nowUs)
    return sent
  }

  #measure(path: number, isUrgent = false): void {
    const id = this.paths.stamp(PEER, path, PROBE_COST_BYTES, this.nowUs, isUrgent)
    if (id < 0 || this.there[path] === Infinity) return
    const arrivesUs = this.nowUs + this.backlogUs[path]! + this.there[path]!
    this.#answers.push({
      atUs: arrivesUs + this.back[path]!,
      path,
      id,
      stamp: stampOf(this.nowUs),
      receiver: stampOf(arrivesUs + this.clockOffsetUs),
    })
  }

  /** Lets time pass; answers arrive. @returns how many of all were refused so far, which only some tests allow */
  advance(us: number, mayRefuse = false): number {
    const untilUs = this.nowUs + us
    for (;;) {
      this.#answers.sort((a, b) => a.atUs - b.atUs)
      if (this.#answers.length === 0 || this.#answers[0]!.atUs > untilUs) break
      const next = this.#answers.shift()!
      this.nowUs = next.atUs
      const problem = this.paths.onAnswer(PEER, next.id, next.stamp, next.receiver, this.nowUs)
      if (!mayRefuse) assert.equal(problem, undefined)
    }
    this.nowUs = untilUs
    return this.paths.problems['not-pending']
  }

  /** Packets of always new flows, one every 10 µs. @returns how many took each path */
  traffic(packets: number, mask = this.all): number[] {
    const counts = this.there.map(() => 0)
    for (let i = 0; i < packets; i++) {
      counts[this.send(Math.imul(++this.#flow, 0x9e3779b1), mask)]!++
      this.advance(10)
    }
    return counts
  }
}

test('without measurements flows split evenly over any number of paths', () => {
  for (const count of [1, 2, 3, 5, 8]) {
    const paths = new DelayDrivenPaths(new SeededRandom(1), { pathCount: count })
    const counts = Array.from({ length: count }, () => 0)
    for (let i = 0; i < 8000; i++) counts[paths.choose(PEER, (1 << count) - 1, Math.imul(i, 0x9e3779b1), BYTES, i)]!++
    for (const each of counts) assert.ok(Math.abs(each / 8000 - 1 / count) < 0.05, `${counts}`)
  }
})

test('new flows take paths in proportion to the inverse of their delay', () => {
  const bench = new Bench([300, 100], { exponent: 1 }, [100, 100])
  bench.traffic(2000)
  const counts = bench.traffic(8000)
  // 100/400 and 300/400.
  assert.ok(Math.abs(counts[0]! / 8000 - 0.25) < 0.03, `${counts}`)
})

test('the way back does not count, nor does the offset of the clocks', () => {
  for (const offset of [0, 1, 8_388_608, 16_777_215]) {
    const bench = new Bench([100, 100], { exponent: 1 }, [50, 2000])
    bench.clockOffsetUs = offset
    bench.traffic(3000)
    const counts = bench.traffic(6000)
    assert.ok(Math.abs(counts[0]! / 6000 - 0.5) < 0.06, `offset ${offset}: ${counts}`)
  }
})

test('measurements go on across the wrap of the stamps', () => {
  const bench = new Bench([400, 100])
  bench.nowUs = 2 ** 24 - 20_000
  bench.traffic(6000)
  const [slow] = bench.paths.status(PEER, BOTH, bench.nowUs)
  assert.ok(Math.abs(slow!.delayUs! - 400) < 60, `${slow!.delayUs}`)
  assert.equal(bench.paths.problems['not-pending'], 0)
})

test('a measurement is booked on the path and peer that its id names', () => {
  const { paths } = new Bench([1, 1])
  const id = paths.stamp(PEER, 1, 0, 1000)
  paths.stamp(PEER, 0, 0, 1000)
  paths.stamp(PEER + 1, 1, 0, 1000)
  assert.equal(paths.onAnswer(PEER, id, stampOf(1000), -1, 1400), undefined)
  assert.deepEqual(
    paths.status(PEER, BOTH, 1400).map((each) => each.answered),
    [0, 1],
  )
  assert.deepEqual(
    paths.status(PEER + 1, BOTH, 1400).map((each) => each.answered),
    [0, 0],
  )
})

test('measurements are smoothed: one that stands out counts by the time since the last, and what lasts is believed', () => {
  const { paths } = new Bench([1, 1], { smoothingUs: 300 })
  let nowUs = 1000
  const measure = (rttUs: number): number => {
    const id = paths.stamp(PEER, 0, 0, nowUs)
    assert.equal(paths.onAnswer(PEER, id, stampOf(nowUs), -1, nowUs + rttUs), undefined)
    nowUs += 3000
    return paths.status(PEER, BOTH, nowUs)[0]!.delayUs!
  }
  assert.equal(measure(200), 100)
  nowUs -= 2700 // 300 µs between the two answers
  assert.equal(measure(200), 100)
  nowUs -= 2700
  // Its answer comes 1100 µs after the last one.
  assert.ok(Math.abs(measure(1000) - (100 + (400 * 1100) / 1400)) < 1)
  for (let i = 0; i < 4; i++) measure(1000)
  assert.ok(Math.abs(measure(1000) - 500) < 1)
})

test('answers that nobody waits for are refused and counted', () => {
  const { paths } = new Bench([1, 1])
  const id = paths.stamp(PEER, 1, 0, 1000)
  assert.equal(paths.onAnswer(9, id, stampOf(1000), -1, 1400), 'unknown-peer')
  assert.equal(paths.onAnswer(PEER, 0xff, stampOf(1000), -1, 1400), 'unknown-path')
  assert.equal(paths.onAnswer(PEER, id ^ 1, stampOf(1000), -1, 1400), 'not-pending')
  assert.equal(paths.onAnswer(PEER, id, stampOf(1001), -1, 1400), 'not-pending')
  assert.equal(paths.onAnswer(PEER, id, stampOf(1000), -1, 1400), undefined)
  assert.equal(paths.onAnswer(PEER, id, stampOf(1000), -1, 1500), 'not-pending')
  assert.deepEqual(paths.problems, { 'unknown-peer': 1, 'unknown-path': 1, 'not-pending': 3 })
})

test('there is at most one measurement a path and round trip, and telemetry stays within its budget', () => {
  const bench = new Bench([500, 200])
  let last = -Infinity
  let measured = 0
  for (let i = 0; i < 20_000; i++) {
    if (bench.paths.isDue(PEER, 0, bench.nowUs)) {
      const before = bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.sent
      bench.send(i)
      if (bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.sent > before) {
        if (measured++ > 0) assert.ok(bench.nowUs - last >= 540, `${bench.nowUs - last}`)
        last = bench.nowUs
      }
    } else bench.send(i)
    bench.advance(12)
  }
  const sent = bench.paths.status(PEER, BOTH, bench.nowUs).reduce((sum, each) => sum + each.sent, 0)
  const { budgetRatio, budgetBytes, budgetBytesPerSecond } = DEFAULT_MULTIPATH
  const allowed = 20_000 * BYTES * budgetRatio + budgetBytes + 0.24 * budgetBytesPerSecond
  assert.ok(sent * PROBE_COST_BYTES <= allowed, `${sent}`)
  assert.ok(measured > 100, `${measured}`)
})

test('old measurements fade: a silent while after a slow path was seen, flows split evenly again', () => {
  const bench = new Bench([2000, 100])
  bench.traffic(3000)
  bench.advance(3000)
  assert.ok(bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.weight < 0.01)
  const weights: number[] = []
  for (let i = 0; i < 12; i++) {
    weights.push(bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.weight)
    bench.advance(DEFAULT_MULTIPATH.staleUs / 10)
  }
  for (let i = 1; i < weights.length; i++) assert.ok(weights[i]! >= weights[i - 1]! - 1e-9, weights.join(' '))
  assert.equal(weights.at(-1), 0.5)
})

test('what all peers say of a path stands in for a peer that was not measured', () => {
  const bench = new Bench([2000, 100])
  bench.traffic(3000)
  const [slow] = bench.paths.status(PEER + 1, BOTH, bench.nowUs)
  assert.ok(slow!.weight < 0.01, `${slow!.weight}`)
})

test('a long flow moves only after a pause that is longer than the delay it saves', () => {
  const bench = new Bench([100, 100], { patienceUs: Infinity, budgetRatio: 1 })
  const flow = 77
  bench.traffic(1000)
  while (bench.send(flow) !== 0) bench.advance(DEFAULT_MULTIPATH.staleUs + 100)
  for (let sent = 0; sent < DEFAULT_MULTIPATH.smallFlowBytes; sent += BYTES) bench.send(flow)
  bench.there[0] = 2000
  // Packets every 1000 µs: less than what the move would save.
  for (let i = 0; i < 50; i++) {
    for (let k = 0; k < 20; k++) {
      bench.send(1000 + i * 20 + k)
      bench.advance(50)
    }
    if (i > 5) assert.equal(bench.send(flow), 0, `packet ${i}`)
    else bench.paths.choose(PEER, 0b01, flow, BYTES, bench.nowUs)
  }
  for (let k = 0; k < 120; k++) {
    bench.send(5000 + k)
    bench.advance(50)
  }
  assert.equal(bench.send(flow), 1)
})

test('a long flow stays while the other path is not below 0.7 of its delay, however long it pauses; a small one until it is not below 0.85', () => {
  for (const [slowUs, isLong, stays] of [
    [130, true, true],
    [130, false, false],
    [113, false, true],
  ] as const) {
    const bench = new Bench([slowUs, 100])
    bench.traffic(2000)
    const flow = 78
    let sent = 0
    do bench.send(flow, 0b01)
    while (isLong && (sent += BYTES) < DEFAULT_MULTIPATH.smallFlowBytes)
    const paths = new Set<number>()
    for (let i = 0; i < 50; i++) {
      for (let k = 0; k < 10; k++) {
        bench.send(100_000 + i * 10 + k)
        bench.advance(40)
      }
      paths.add(bench.send(flow))
    }
    assert.equal(paths.has(1), !stays, `${slowUs} ${isLong}`)
  }
})

test('a small flow moves after half of the pause that keeps the order of a long one', () => {
  const moved = (isLong: boolean): number => {
    const bench = new Bench([2000, 100], { patienceUs: Infinity, budgetRatio: 1 })
    bench.traffic(2000)
    let count = 0
    for (let flow = 0; flow < 40; flow++) {
      let sent = 0
      do bench.send(flow, 0b01)
      while (isLong && (sent += BYTES) < DEFAULT_MULTIPATH.smallFlowBytes)
      // 1900 µs would be saved, the margin is 100, and measurements are at most a round trip of 2050 µs old.
      for (let k = 0; k < 43; k++) {
        bench.send(100_000 + flow * 100 + k)
        bench.advance(50)
      }
      count += bench.send(flow)
    }
    return count
  }
  assert.ok(moved(false) > 35, `${moved(false)}`)
  assert.ok(moved(true) < 15, `${moved(true)}`)
})

test('a flow that never pauses leaves a much slower path when its patience ends', () => {
  const bench = new Bench([100, 100], { patienceUs: 100_000 })
  bench.traffic(1000)
  const flow = 79
  bench.send(flow, 0b01)
  bench.there[0] = 2500
  let leftAtUs = 0
  const startUs = bench.nowUs
  for (let i = 0; i < 30_000 && leftAtUs === 0; i++) {
    if (i % 5 === 0) bench.send(200_000 + i)
    if (i > 200 ? bench.send(flow) === 1 : (bench.send(flow, 0b01), false)) leftAtUs = bench.nowUs
    bench.advance(10)
  }
  assert.ok(leftAtUs > 0 && leftAtUs - startUs <= 210_000, `${leftAtUs - startUs}`)
})

test('an answer that comes too late tells how slow the path is, and the next measurements wait for it', () => {
  const bench = new Bench([8000, 100])
  let late = 0
  for (let i = 0; i < 40_000; i++) {
    bench.send(Math.imul(i, 0x9e3779b1))
    late = bench.advance(10, true)
  }
  const [slow] = bench.paths.status(PEER, BOTH, bench.nowUs)
  assert.ok(slow!.answered > 5 && slow!.delayUs! > 7000, `${slow!.answered} answers, ${slow!.delayUs} µs`)
  assert.equal(slow!.isDead, false)
  assert.ok(late < 10, `${late} too late for any use`)
})

test('a path that stops answering is left within three lost measurements, without a pause, and found again', () => {
  const bench = new Bench([100, 100])
  bench.traffic(1000)
  bench.there[0] = Infinity
  const startUs = bench.nowUs
  let lastUs = 0
  for (let i = 0; i < 4000; i++) {
    if (bench.send(i & 15) === 0) lastUs = bench.nowUs
    bench.advance(10)
  }
  const { minTimeoutUs } = DEFAULT_MULTIPATH
  assert.ok(lastUs - startUs < 3 * (minTimeoutUs + 1000), `${lastUs - startUs} µs`)
  assert.equal(bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.isDead, true)
  bench.there[0] = 100
  bench.traffic(20_000)
  assert.equal(bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.isDead, false)
  const counts = bench.traffic(4000)
  assert.ok(Math.abs(counts[0]! / 4000 - 0.5) < 0.1, `${counts}`)
})

test('one packet into the dark is enough: its measurement is repeated, and after three the path is dead', () => {
  const bench = new Bench([100, 100])
  bench.there[0] = Infinity
  bench.send(1, 0b01)
  const { minTimeoutUs, deadAfter } = DEFAULT_MULTIPATH
  assert.deepEqual(bench.wait(deadAfter * minTimeoutUs - 1), [deadAfter - 1, 0])
  assert.equal(bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.isDead, false)
  assert.deepEqual(bench.wait(1), [0, 0])
  assert.equal(bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.isDead, true)
  assert.equal(bench.send(1), 1, 'the next packet of the flow leaves by the other path')
  bench.wait(10_000)
  assert.equal(bench.paths.nextDueUs, Infinity, 'an idle host has no timer')
})

test('what is measured again is so once, and not when the answer comes late', () => {
  const bench = new Bench([5000, 100])
  bench.send(1, 0b01)
  assert.deepEqual(bench.wait(3000), [1, 0])
  assert.deepEqual(bench.wait(2500), [0, 0], 'the late answer says that the path lives')
  const [slow] = bench.paths.status(PEER, BOTH, bench.nowUs)
  assert.deepEqual([slow!.isDead, slow!.answered], [false, 1])
})

test('the death of our own cable is known for every peer, a peer that has gone does not take the cable with it', () => {
  const bench = new Bench([100, 100])
  bench.traffic(1000)
  bench.advance(DEFAULT_MULTIPATH.staleUs)
  bench.there[0] = Infinity
  bench.send(1, 0b01)
  bench.wait(20_000)
  assert.equal(bench.paths.choose(PEER + 1, BOTH, 4711, BYTES, bench.nowUs), 1)
  // Another peer answers by it.
  const id = bench.paths.stamp(PEER + 1, 0, 0, bench.nowUs)
  assert.equal(bench.paths.onAnswer(PEER + 1, id, stampOf(bench.nowUs), -1, bench.nowUs + 200), undefined)
  const dead = (peer: number): boolean => bench.paths.status(peer, BOTH, bench.nowUs + 200)[0]!.isDead
  assert.deepEqual([dead(PEER), dead(PEER + 1), dead(PEER + 2)], [true, false, false])
})

test('the budget keeps a reserve for paths of which nothing is known', () => {
  const { paths } = new Bench([100, 100], { budgetBytes: 1000, reserveBytes: 500 })
  const measure = (peer: number, nowUs: number): boolean => {
    const id = paths.stamp(peer, 0, 250, nowUs)
    if (id >= 0) paths.onAnswer(peer, id, stampOf(nowUs), -1, nowUs + 10)
    return id >= 0
  }
  assert.deepEqual(
    [0, 100, 200, 300].map((us) => measure(PEER, 1000 + us)),
    [true, true, false, false],
  )
  assert.deepEqual(
    [1, 2, 3].map((peer) => measure(PEER + peer, 1400)),
    [true, true, false],
  )
})

test('what a silence saves of the budget is bounded', () => {
  const { paths } = new Bench([100, 100])
  paths.choose(PEER, BOTH, 1, BYTES, 1000)
  paths.choose(PEER, BOTH, 1, BYTES, 3600e6)
  let measured = 0
  for (let peer = 0; peer < 200; peer++) if (paths.stamp(peer, 0, PROBE_COST_BYTES, 3600e6) >= 0) measured++
  assert.equal(measured, Math.floor(DEFAULT_MULTIPATH.budgetBytes / PROBE_COST_BYTES))
})

test('an answer that is overdue raises the delay before it comes', () => {
  const bench = new Bench([100, 100], { budgetRatio: 1 })
  bench.traffic(1000)
  bench.advance(500)
  bench.there[0] = 2500
  bench.send(1, 0b01)
  bench.advance(140)
  const weight = (): number => bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.weight
  assert.ok(weight() > 0.3, `not yet due: ${weight()}`)
  bench.advance(1000)
  assert.ok(weight() < 0.05, `${weight()}`)
})

test('a clock that jumps makes no delay longer than the round trip, and one that drifts none at all', () => {
  const { paths } = new Bench([1, 1])
  /** @returns the delay that is known after a packet that took 100 µs there, by a receiver's clock that reads this much more */
  const measure = (nowUs: number, aheadUs: number, backUs: number): number => {
    const id = paths.stamp(PEER, 0, 0, nowUs)
    const far = stampOf(nowUs + 100 + aheadUs)
    assert.equal(paths.onAnswer(PEER, id, stampOf(nowUs), far, nowUs + 100 + backUs), undefined)
    return paths.status(PEER, BOTH, nowUs + 100 + backUs)[0]!.delayUs!
  }
  // 50 parts per million, for a minute; what comes back waits now and then, so that the round trip says little.
  let longest = 0
  for (let i = 0; i < 6000; i++)
    longest = Math.max(longest, measure(1e6 + 10_000 * i, 0.5 * i, i % 2 === 0 ? 50 : 2000))
  assert.ok(longest < 75 + 2 * 50 + 10, `${longest}`)
  for (let i = 0; i < 8; i++) longest = measure(61e6 + 10_000 * i, 500_000, 50)
  assert.ok(longest <= 150, `${longest}`)
})

test('of several paths that wait for a packet of their own, the one measured longest ago is next', () => {
  const { paths } = new Bench([1, 1, 1])
  const order: number[] = []
  for (let i = 0; i < 9; i++) {
    const path = paths.duePath(PEER, 0b111, -1, 1000 + 100 * i)
    order.push(path)
    const id = paths.stamp(PEER, path, 0, 1000 + 100 * i)
    paths.onAnswer(PEER, id, stampOf(1000 + 100 * i), -1, 1010 + 100 * i)
  }
  assert.deepEqual(order, [0, 1, 2, 0, 1, 2, 0, 1, 2])
})

test('the queue of our own cable counts as it is now, not as it was measured', () => {
  const bench = new Bench([100, 100], { exponent: 1 })
  bench.backlogUs[0] = 700
  bench.traffic(2000)
  const weight = (): number => bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.weight
  assert.ok(Math.abs(weight() - 100 / 900) < 0.03, `${weight()}`)
  bench.backlogUs[0] = 0
  assert.ok(Math.abs(weight() - 0.5) < 0.06, `at once: ${weight()}`)
  bench.backlogUs[1] = 300
  assert.ok(Math.abs(weight() - 0.8) < 0.06, `${weight()}`)
})

test('a small flow avoids a queue of our own that is nearly full, although it is the shorter one; a long flow does not', () => {
  const bench = new Bench([100, 100])
  const { smallFlowBytes, crowdedRatio } = DEFAULT_MULTIPATH
  bench.traffic(1000)
  bench.limitUs[0] = 2000
  bench.limitUs[1] = 4000
  bench.backlogUs[1] = 2200
  const fresh = (): number => bench.traffic(400)[0]! / 400
  bench.backlogUs[0] = 2000 * crowdedRatio
  assert.ok(fresh() > 0.6, 'the shorter one')
  bench.backlogUs[0] += 1
  assert.ok(fresh() < 0.2, 'the one that has room')
  assert.equal(bench.paths.status(PEER, BOTH, bench.nowUs)[0]!.weight < 0.2, true)
  bench.limitUs[0] = Infinity
  assert.ok(fresh() > 0.6, 'what has no limit is never full')
  bench.limitUs[0] = 2000

  // A flow that waits for its place on path 1, small or long, with pauses long enough to move.
  for (const [bytes, isMoving] of [
    [smallFlowBytes - 2 * BYTES, false],
    [smallFlowBytes, true],
  ] as const) {
    bench.backlogUs[0] = 0
    const flow = 4711 + bytes
    for (let sent = 0; sent < bytes; sent += BYTES) bench.send(flow, 0b10)
    bench.backlogUs[0] = 2000 * crowdedRatio + 1
    bench.backlogUs[1] = 3000
    let moved = false
    for (let i = 0; i < 1 || (i < 40 && isMoving); i++) {
      for (let k = 0; k < 60; k++) {
        bench.send(900_000 + k)
        bench.advance(50)
      }
      moved ||= bench.send(flow) === 0
    }
    assert.equal(moved, isMoving, `${bytes} bytes`)
  }
})

test('receivers of one path each have clocks of their own, and compare by what is above their least delay', () => {
  const { paths } = new Bench([1, 1], { exponent: 1 })
  paths.split(PEER)
  const measure = (path: number, thereUs: number, nowUs: number): void => {
    const id = paths.stamp(PEER, path, 0, nowUs)
    const far = stampOf(nowUs + thereUs + 1_000_000 * (1 + path))
    assert.equal(paths.onAnswer(PEER, id, stampOf(nowUs), far, nowUs + thereUs + 50), undefined)
  }
  for (let i = 0; i < 50; i++) {
    measure(0, 50, 1000 + 300 * i)
    measure(1, i < 5 ? 50 : 150, 1000 + 300 * i)
  }
  const [near, far] = paths.status(PEER, BOTH, 1000 + 300 * 49 + 200)
  assert.ok(Math.abs(near!.delayUs! - 50) < 2 && Math.abs(far!.delayUs! - 150) < 5, `${near!.delayUs} ${far!.delayUs}`)
  // The way to a switch says nothing about the way to a sled.
  assert.equal(paths.status(PEER + 1, BOTH, 16_000)[0]!.weight, 0.5)
})

test('where nothing answers, the path that answered last carries the traffic', () => {
  const bench = new Bench([100, 100])
  bench.traffic(1000)
  bench.there[0] = Infinity
  bench.traffic(10_000)
  bench.there[1] = Infinity
  bench.traffic(10_000)
  const counts = bench.traffic(2000)
  assert.ok(counts[1]! > counts[0]!, `${counts}`)
})

test('paths that routing does not offer are never chosen nor measured', () => {
  const bench = new Bench([100, 100, 100])
  assert.equal(bench.traffic(3000, 0b101)[1], 0)
  assert.equal(bench.paths.status(PEER, 0b101, bench.nowUs)[1]!.sent, 0)
})

test('the same seed gives the same choices', () => {
  const run = (): number[] => new Bench([200, 100, 150]).traffic(3000)
  assert.deepEqual(run(), run())
})
