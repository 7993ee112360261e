/** What links do to frames, against what theory says they do: fixed seeds, three standard deviations. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Tracer } from '@lodestone/probe'
import { type Impairments, LINK_PROFILES, Link, type LossModel, meanLoss } from './index.ts'
import { Jitter, type JitterDistribution } from './jitter.ts'
import { LossProcess } from './loss-process.ts'
import { Codel } from './queue/codel.ts'
import { markCongestion } from './queue/ecn-mark.ts'
import { Red } from './queue/red.ts'
import { OutageClock, waveMs } from './weather.ts'

const FRAMES = 400_000

function losses(model: LossModel, frames = FRAMES, seed = 7): Uint8Array {
  const process = new LossProcess(model)
  const random = new SeededRandom(seed)
  return Uint8Array.from({ length: frames }, () => (process.isLost(random, undefined) ? 1 : 0))
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/** Lengths of the runs of ones. */
function bursts(lost: Uint8Array): readonly number[] {
  const lengths: number[] = []
  let run = 0
  for (const each of lost) {
    if (each === 1) run++
    else if (run > 0) {
      lengths.push(run)
      run = 0
    }
  }
  return lengths
}

function correlation(values: ArrayLike<number>): number {
  const average = mean(values)
  let [top, bottom] = [0, 0]
  for (let i = 1; i < values.length; i++) top += (values[i]! - average) * (values[i - 1]! - average)
  for (let i = 0; i < values.length; i++) bottom += (values[i]! - average) ** 2
  return top / bottom
}

describe('loss models', () => {
  for (const [toBad, toGood] of [
    [0.01, 0.25],
    [0.001, 0.1],
    [0.05, 0.5],
  ] as const) {
    test(`Gilbert-Elliott ${toBad}/${toGood}: share and length of bursts are those of the chain`, () => {
      const model = { kind: 'gilbert-elliott', toBad, toGood } as const
      const lost = losses(model)
      const share = toBad / (toBad + toGood)
      assert.equal(meanLoss(model), share)
      // The variance of the mean of a two-state chain: p(1-p)/n · (1+ρ)/(1-ρ), ρ = 1 - toBad - toGood.
      const rho = 1 - toBad - toGood
      const sigma = Math.sqrt(((share * (1 - share)) / FRAMES) * ((1 + rho) / (1 - rho)))
      assert.ok(Math.abs(mean(lost) - share) < 3 * sigma, `${mean(lost)} is not ${share} ± ${3 * sigma}`)
      const lengths = bursts(lost)
      const deviation = Math.sqrt(1 - toGood) / toGood
      assert.ok(Math.abs(mean(lengths) - 1 / toGood) < (3 * deviation) / Math.sqrt(lengths.length), `${mean(lengths)}`)
    })
  }

  test('Gilbert-Elliott with loss in both states', () => {
    const model = { kind: 'gilbert-elliott', toBad: 0.05, toGood: 0.5, goodLoss: 0.001, badLoss: 0.8 } as const
    const share = (0.8 * 0.05 + 0.001 * 0.5) / 0.55
    assert.ok(Math.abs(meanLoss(model)! - share) < 1e-12)
    assert.ok(Math.abs(mean(losses(model)) - share) < 3 * Math.sqrt((share * 3) / FRAMES))
  })

  test('four states: the share is the stationary one', () => {
    const model = { kind: 'markov4', p13: 0.01, p31: 0.3, p32: 0.2, p23: 0.4, p14: 0.005 } as const
    const share = meanLoss(model)!
    const [p3, p2] = [0.01 / 0.3, ((0.01 / 0.3) * 0.2) / 0.4]
    assert.ok(Math.abs(share - (p3 + 0.005) / (1 + p3 + p2 + 0.005)) < 1e-12)
    assert.ok(
      Math.abs(mean(losses(model)) - share) < 3 * Math.sqrt((share * 5) / FRAMES),
      `${mean(losses(model))} ${share}`,
    )
  })

  test('four states: bursts are as long as the chain makes them', () => {
    const [p13, p31, p32, p23, p14] = [0.01, 0.3, 0.2, 0.4, 0.005]
    const lengths = bursts(losses({ kind: 'markov4', p13, p31, p32, p23, p14 }))
    // Weights of states 1 and 2; a burst begins with 1 → 3 or 2 → 3 and goes on with 1 - p31 - p32, or is a single 1 → 4.
    const inside = ((p13 / p31) * p32) / p23
    const [long, alone] = [p13 + inside * p23, p14]
    const expected = (long / (p31 + p32) + alone) / (long + alone)
    assert.ok(
      Math.abs(mean(lengths) - expected) < (3 * 1.5) / Math.sqrt(lengths.length),
      `${mean(lengths)} ${expected}`,
    )
  })

  test('independent losses have their share, and neighbours know nothing of each other', async () => {
    const frames = 40_000
    for (const loss of [0.01, 0.3]) {
      const { lost } = await through({ loss }, frames)
      assert.ok(Math.abs(mean(lost) - loss) < 3 * Math.sqrt((loss * (1 - loss)) / frames), `${mean(lost)}`)
      assert.ok(Math.abs(correlation(lost)) < 3 / Math.sqrt(frames), `${correlation(lost)}`)
      const lengths = bursts(lost)
      const deviation = Math.sqrt(loss) / (1 - loss)
      assert.ok(Math.abs(mean(lengths) - 1 / (1 - loss)) < (3 * deviation) / Math.sqrt(lengths.length))
    }
  })

  test('lists, every nth and predicates lose exactly what they say', () => {
    assert.deepEqual([...losses({ kind: 'list', frames: [1, 4] }, 6)], [1, 0, 0, 1, 0, 0])
    assert.deepEqual([...losses({ kind: 'every', nth: 3 }, 7)], [0, 0, 1, 0, 0, 1, 0])
    const process = new LossProcess({ kind: 'predicate', isLost: (frame, number) => frame[0] === 9 && number > 1 })
    const random = new SeededRandom(1)
    assert.deepEqual(
      [9, 9, 8].map((byte) => process.isLost(random, Uint8Array.of(byte))),
      [false, true, false],
    )
  })

  test('correlated losses keep their share, and neighbours are correlated as asked', async () => {
    const frames = 40_000
    const { lost } = await through({ loss: 0.1, lossCorrelation: 0.4 }, frames)
    const sigma = Math.sqrt(((0.1 * 0.9) / frames) * (1.4 / 0.6))
    assert.ok(Math.abs(mean(lost) - 0.1) < 3 * sigma, `${mean(lost)}`)
    assert.ok(Math.abs(correlation(lost) - 0.4) < 0.04, `${correlation(lost)}`)
  })
})

describe('jitter', () => {
  const sample = (
    distribution: JitterDistribution,
    rho = 0,
    table?: readonly number[],
    count = 100_000,
  ): Float64Array => {
    const jitter = new Jitter(distribution, rho, table)
    const random = new SeededRandom(11)
    return Float64Array.from({ length: count }, () => jitter.next(random))
  }
  const variance = (values: Float64Array): number => {
    const average = mean(values)
    return mean(values.map((value) => (value - average) ** 2))
  }
  const quantile = (values: Float64Array, share: number): number =>
    values.toSorted()[Math.floor(share * values.length)]!

  test('uniform, normal and exponential have the moments of their kind', () => {
    assert.ok(Math.abs(mean(sample('uniform'))) < 3 / Math.sqrt(3e5))
    assert.ok(Math.abs(variance(sample('uniform')) - 1 / 3) < 0.005)
    assert.ok(Math.abs(mean(sample('normal'))) < 3 / Math.sqrt(1e5))
    assert.ok(Math.abs(variance(sample('normal')) - 1) < 0.02)
    const exponential = sample('exponential')
    assert.ok(Math.abs(mean(exponential) - 1) < 0.01)
    assert.ok(Math.abs(quantile(exponential, 0.5) - Math.LN2) < 0.01)
    assert.ok(exponential.every((value) => value >= 0))
  })

  test('pareto has the quantiles of its tail, and a mean of zero', () => {
    const values = sample('pareto')
    for (const share of [0.5, 0.9, 0.99]) {
      const expected = ((1 - share) ** (-1 / 3) - 1.5) / Math.sqrt(0.75)
      assert.ok(Math.abs(quantile(values, share) - expected) < 0.1 * Math.max(0.2, Math.abs(expected)), `${share}`)
    }
    assert.ok(Math.abs(mean(values)) < 0.02)
  })

  test('pareto-normal is a quarter of the one and three quarters of the other', () => {
    const values = sample('pareto-normal')
    assert.ok(Math.abs(mean(values)) < 0.02, `${mean(values)}`)
    // The normal's part of the variance is 1/16. Of the pareto's the tail beyond the table is missing.
    const expected = 1 / 16 + (9 / 16) * variance(sample('pareto'))
    assert.ok(Math.abs(variance(values) / expected - 1) < 0.15, `${variance(values)} ${expected}`)
    assert.ok(quantile(values, 0.99) > -3 * quantile(values, 0.01), 'late frames are later than early ones are early')
  })

  test('a table of one’s own is read between its points', () => {
    const values = sample('table', 0, [0, 1, 3])
    assert.ok(Math.abs(quantile(values, 0.25) - 0.5) < 0.02)
    assert.ok(Math.abs(quantile(values, 0.75) - 2) < 0.05)
  })

  test('correlation is that of neighbours, and leaves the variance alone', () => {
    for (const rho of [0.25, 0.8]) {
      const values = sample('normal', rho)
      assert.ok(Math.abs(correlation(values) - rho) < 0.01)
      assert.ok(Math.abs(variance(values) - 1) < 0.05)
    }
  })
})

describe('queues', () => {
  const BUSY = { rateBps: 8e6, overheadBytes: 0 } // 1000 bytes take a millisecond

  test('drop-head gives way to the new, drop-tail keeps the old', async () => {
    const tail = await through({ ...BUSY, queueBytes: 3000 }, 10, 0, 1000)
    const head = await through({ ...BUSY, queueBytes: 3000, queue: { kind: 'drop-head' } }, 10, 0, 1000)
    assert.deepEqual(tail.order, [0, 1, 2])
    assert.deepEqual(head.order, [0, 7, 8, 9])
    assert.equal(head.drops['LINK_QUEUE_FULL'], 6)
  })

  test('CoDel holds the waiting time near its target where drop-tail fills the queue', async () => {
    // A tenth more than the wire takes.
    const load = { frames: 20_000, gapMs: 1 / 1.1, bytes: 1000 }
    const tail = await through({ ...BUSY, queueBytes: 1e6, limitFrames: 5000 }, load.frames, load.gapMs, load.bytes)
    const codel = await through(
      { ...BUSY, queueBytes: 1e6, limitFrames: 5000, queue: { kind: 'codel' } },
      load.frames,
      load.gapMs,
      load.bytes,
    )
    const late = (delays: readonly number[]): number => mean(delays.slice(-2000))
    assert.ok(late(tail.delaysMs) > 900, `${late(tail.delaysMs)}`)
    assert.ok(late(codel.delaysMs) < 60, `${late(codel.delaysMs)}`)
    assert.ok(codel.drops['LINK_EARLY']! > 500)
  })

  test('CoDel follows its control law: drops come after interval/√count', () => {
    const codel = new Codel(5, 100)
    const drops: number[] = []
    for (let ms = 0; ms < 1000; ms += 1) if (codel.shouldDrop(ms, 50, 100_000, true)) drops.push(ms)
    assert.deepEqual(drops.slice(0, 4), [100, 200, 271, 329]) // 100, +100, +100/√2, +100/√3
    assert.equal(codel.shouldDrop(2000, 1, 100_000, true), false, 'a short wait ends it')
    assert.equal(codel.isDropping, false)
  })

  test('RED drops with the probability of the average, evenly spread', () => {
    const red = new Red({ kind: 'red', minBytes: 1000, maxBytes: 3000, maxProbability: 0.1, weight: 1 })
    const random = new SeededRandom(3)
    const gaps: number[] = []
    let since = 0
    red.shouldDrop(0, 2000, 1, random) // the first one finds an idle wire
    for (let i = 0; i < 100_000; i++) {
      since++
      if (red.shouldDrop(i, 2000, 1, random)) {
        gaps.push(since)
        since = 0
      }
    }
    // p = 0.05 at the middle: gaps are uniform on 1 … 1/p, whose mean is 10.5.
    assert.ok(
      Math.abs(mean(gaps) - 10.5) < (3 * Math.sqrt((20 ** 2 - 1) / 12)) / Math.sqrt(gaps.length),
      `${mean(gaps)}`,
    )
    assert.equal(Math.max(...gaps), 20)
  })

  test('with ECN packets that understand are marked instead, with a checksum that holds', async () => {
    const queue = { kind: 'codel', ecn: true } as const
    const marked = await through(
      { ...BUSY, queueBytes: 1e6, limitFrames: 5000, queue },
      5000,
      1 / 1.1,
      1000,
      ecnCapable,
    )
    assert.ok(marked.marked > 50)
    assert.equal(marked.drops['LINK_EARLY'] ?? 0, 0)
    const packet = new Uint8Array(1000)
    ecnCapable(packet)
    assert.equal(checksum(packet), 0xffff)
    assert.ok(markCongestion(packet, 0, packet.length))
    assert.equal(packet[15]! & 3, 3)
    assert.equal(checksum(packet), 0xffff)
    packet[15] = 0
    assert.equal(markCongestion(packet, 0, packet.length), false, 'a sender that does not understand')
  })

  test('a trace lets one full frame leave per opportunity, round after round', async () => {
    const { arrivals } = await through({ opportunitiesMs: [2, 5, 10] }, 5, 0, 1500)
    assert.deepEqual(arrivals, [2, 5, 10, 12, 15])
    const long = await through({ opportunitiesMs: [2, 5, 10] }, 2, 0, 3000)
    assert.deepEqual(long.arrivals, [5, 12], 'a frame of 3000 bytes takes two')
  })
})

describe('the rest of a link', () => {
  test('duplication and corruption have their shares', async () => {
    const frames = 40_000
    for (const share of [0.02, 0.2]) {
      const sigma = Math.sqrt((share * (1 - share)) / frames)
      const doubled = await through({ duplicate: share }, frames)
      assert.ok(Math.abs(doubled.order.length / frames - 1 - share) < 3 * sigma, `${doubled.order.length}`)
      const damaged = await through({ corrupt: share, corruptBits: 3, checksFrames: true }, frames)
      assert.ok(Math.abs((damaged.drops['LINK_FCS'] ?? 0) / frames - share) < 3 * sigma)
    }
  })

  test('a rate carries what it says, the overhead of each frame included', async () => {
    const { arrivals } = await through({ rateBps: 10e6, queueBytes: 1 << 30, limitFrames: 8000 }, 1000, 0, 476)
    // 500 bytes on the wire for each: 0.4 ms.
    assert.ok(Math.abs(arrivals.at(-1)! - 1000 * 0.4) < 1e-6, `${arrivals.at(-1)}`)
  })

  test('a bit error ratio hits long frames more often, and the check sequence finds it', async () => {
    const [short, long] = [
      await through({ bitErrorRatio: 1e-5, checksFrames: true }, 20_000, 0.01, 100),
      await through({ bitErrorRatio: 1e-5, checksFrames: true }, 20_000, 0.01, 1500),
    ]
    for (const [result, bytes] of [
      [short, 100],
      [long, 1500],
    ] as const) {
      const p = 1 - (1 - 1e-5) ** (8 * bytes)
      const share = (result.drops['LINK_FCS'] ?? 0) / 20_000
      assert.ok(Math.abs(share - p) < 3 * Math.sqrt((p * (1 - p)) / 20_000), `${bytes}: ${share} ${p}`)
    }
  })

  test('explicit reordering skips the delay, at most every gap-th frame', async () => {
    const { order, delaysMs } = await through({ delayMs: 10, reorder: 0.25, reorderGap: 2 }, 10_000, 1, 100)
    const early = delaysMs.filter((delay) => delay < 1).length
    // One free frame, then a chance of a quarter for each: 1 in 1 + 4.
    assert.ok(Math.abs(early / 10_000 - 1 / 5) < 0.02, `${early}`)
    assert.notDeepEqual(
      order,
      order.toSorted((a, b) => a - b),
    )
  })

  test('outages: periodic to the millisecond, exponential in their shares', () => {
    const periodic = new OutageClock({ kind: 'periodic', onMs: 90, offMs: 10 })
    const random = new SeededRandom(5)
    assert.deepEqual(
      [0, 89, 90, 99, 100, 190].map((ms) => periodic.isOut(ms, random)),
      [false, false, true, true, false, true],
    )
    const exponential = new OutageClock({ kind: 'exponential', onMs: 30, offMs: 10 })
    let out = 0
    for (let ms = 0; ms < 400_000; ms++) if (exponential.isOut(ms, random)) out++
    assert.ok(Math.abs(out / 400_000 - 0.25) < 0.015, `${out}`)
  })

  test('a delay that moves: a sawtooth from zero to its range', () => {
    const wave = { shape: 'sawtooth', rangeMs: 35, periodMs: 15_000 } as const
    assert.deepEqual(
      [0, 7500, 15_000].map((ms) => waveMs(wave, ms)),
      [0, 17.5, 0],
    )
    assert.equal(waveMs({ shape: 'triangle', rangeMs: 10, periodMs: 100 }, 75), 5)
  })

  test('every shipped profile is one that a link takes, and carries frames', async () => {
    for (const [name, { impairments }] of Object.entries(LINK_PROFILES)) {
      const { delaysMs } = await through(impairments, 200, 10, 500)
      const delay = (impairments as Partial<Impairments>).delayMs!
      assert.ok(delaysMs.length > 150, `${name}: ${delaysMs.length} of 200 arrived`)
      assert.ok(mean(delaysMs) > 0.5 * delay && mean(delaysMs) < 3 * delay + 20, `${name}: ${mean(delaysMs)}`)
    }
  })

  test('in virtual time nothing is late; frames that are handed over late are counted by how much', async () => {
    const clock = new VirtualClock()
    const { link, send } = bench({ delayMs: 10 }, clock)
    send(100)
    await clock.advance(20)
    assert.deepEqual([link.lateness('a-to-b').maxMs, link.lateness('a-to-b').frames], [0, 1])
    // A clock that runs its timers 3 ms late, as a busy machine does.
    const late = new VirtualClock()
    const slow = {
      nowMs: () => late.nowMs(),
      wallMs: () => late.wallMs(),
      after: (ms: number, fn: () => void) => late.after(ms + 3, fn),
    }
    const busy = bench({ delayMs: 10 }, slow)
    for (let i = 0; i < 50; i++) busy.send(100)
    await late.advance(50)
    const { p99Ms, maxMs, frames, histogram } = busy.link.lateness('a-to-b')
    assert.equal(frames, 50)
    assert.ok(Math.abs(maxMs - 3) < 1e-6 && p99Ms >= 3 - 1e-6 && p99Ms <= 4.1)
    assert.equal(
      histogram.reduce((sum, count) => sum + count, 0),
      50,
    )
  })
})

function ecnCapable(frame: Uint8Array): void {
  frame.set([0x08, 0x00, 0x45, 0x02], 12)
  frame.set([0x03, 0xda], 16)
  frame.set([64, 17], 22)
  frame.set([10, 0, 0, 1, 10, 0, 0, 2], 26)
  frame.set([0, 0], 24)
  const sum = ~checksum(frame) & 0xffff
  frame.set([sum >>> 8, sum & 0xff], 24)
}

function checksum(frame: Uint8Array): number {
  let sum = 0
  for (let i = 14; i < 34; i += 2) sum += (frame[i]! << 8) | frame[i + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}

function bench(impairments: Partial<Impairments>, clock: ConstructorParameters<typeof Link>[0]['clock']) {
  const arena = new Arena({ slots: 8192, slotBytes: 4096 })
  const tracer = new Tracer(() => clock.nowMs())
  const link = new Link({ name: 'l', a: 'a', b: 'b', clock, random: new SeededRandom(5), arena, tracer, impairments })
  const arrivals: { number: number; atMs: number; sentMs: number }[] = []
  const sentMs: number[] = []
  link.b.attach({
    receive(slots, count) {
      for (let i = 0; i < count; i++) {
        const number = arena.view.getUint32(arena.start(slots[i]!) + 40)
        arrivals.push({ number, atMs: clock.nowMs(), sentMs: sentMs[number]! })
        arena.free(slots[i]!)
      }
    },
  })
  const one = new Int32Array(1)
  const send = (bytes: number, fill?: (frame: Uint8Array) => void): void => {
    one[0] = arena.alloc(bytes)
    arena.peek(one[0]!).fill(0)
    fill?.(arena.peek(one[0]!))
    arena.view.setUint32(arena.start(one[0]!) + 40, sentMs.length)
    sentMs.push(clock.nowMs())
    link.a.send(one, 1)
  }
  return { link, arena, arrivals, send }
}

/** Frames through a link, `gapMs` apart. */
async function through(
  impairments: Partial<Impairments>,
  frames: number,
  gapMs = 0.01,
  bytes = 64,
  fill?: (frame: Uint8Array) => void,
) {
  const clock = new VirtualClock()
  const { link, arena, arrivals, send } = bench(impairments, clock)
  // Many at a time, so that the event loop of the test is not what is measured.
  let sent = 0
  const next = (): void => {
    send(bytes, fill)
    if (++sent < frames) clock.after(gapMs, next)
  }
  if (gapMs === 0) for (; sent < frames; sent++) send(bytes, fill)
  else next()
  await clock.advance(frames * gapMs + 20_000)
  const counters = link.counters('a-to-b')
  assert.equal(arena.freeSlots, arena.slots, 'every frame is accounted for')
  const lost = new Uint8Array(frames).fill(1)
  for (const { number } of arrivals) lost[number] = 0
  return {
    lost,
    order: arrivals.map(({ number }) => number),
    arrivals: arrivals.map(({ atMs }) => Math.round(atMs * 1000) / 1000),
    delaysMs: arrivals.map(({ atMs, sentMs }) => atMs - sentMs),
    drops: counters.drops,
    marked: counters.marked,
  }
}
