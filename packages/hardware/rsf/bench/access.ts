/**
 * A register access through the generated client against masks and shifts written by hand, both over the same platform
 * (an array of words): `node packages/hardware/rsf/bench/access.ts`. Not a test: prints the least of several rounds.
 * The target is a ratio of at most 3 for read, change and write. `update` costs more: the engine makes a closure for each
 * call that captures something, and keeps the value it is given (NOT YET within the target, nor is a change through an array's index).
 */
import { PowerState, sequencerClient } from '../examples/generated/sequencer.ts'
import { bits, type WideSyncPlatform } from '../src/index.ts'

const ROUNDS = 15
const CALLS = 2_000_000

const words = new Int32Array(0x100)
const platform: WideSyncPlatform = {
  read: (address) => (words[address >>> 2] ?? 0) >>> 0,
  write: (address, value) => {
    words[address >>> 2] = value
  },
  readWide: () => 0n,
  writeWide: () => {},
}
const client = sequencerClient(platform)
const POWER = 0x10
const RAILS = 0x100

/** Least nanoseconds per call over the rounds. `run` returns something that depends on its calls. */
function measure(run: (count: number) => number): number {
  let best = Infinity
  let sink = 0
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    sink ^= run(CALLS)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / CALLS)
  }
  return sink === 0.5 ? 0 : best
}

function compare(name: string, byHand: (count: number) => number, generated: (count: number) => number): void {
  const [hand, client] = [measure(byHand), measure(generated)]
  const ratio = (client / hand).toFixed(2)
  console.log(`${name.padEnd(34)} hand ${hand.toFixed(2)} ns, client ${client.toFixed(2)} ns, ratio ${ratio}`)
}

compare(
  'read a field of 12 bits',
  (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      words[POWER >>> 2] = i
      sum += (platform.read(POWER, 32) >>> 8) & 0xfff
    }
    return sum
  },
  (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      words[POWER >>> 2] = i
      sum += client.power.read().timeoutMs
    }
    return sum
  },
)

const voltageByHand = (count: number): number => {
  for (let i = 0; i < count; i++) {
    const address = RAILS + (i % 6) * 0x10
    platform.write(address, (platform.read(address, 32) & ~0x1ff0) | ((i & 0x1ff) << 4), 32)
  }
  return words[RAILS >>> 2] ?? 0
}

compare('change 9 bits in an array, write', voltageByHand, (count) => {
  for (let i = 0; i < count; i++) {
    const { control } = client.rails(i % 6)
    const next = control.read()
    next.voltage = bits(9, i & 0x1ff)
    control.write(next)
  }
  return words[RAILS >>> 2] ?? 0
})

compare('the same with update', voltageByHand, (count) => {
  for (let i = 0; i < count; i++) {
    client.rails(i % 6).control.update((next) => {
      next.voltage = bits(9, i & 0x1ff)
    })
  }
  return words[RAILS >>> 2] ?? 0
})

const STATES = [PowerState.A2, PowerState.A1, PowerState.A0] as const
compare(
  'change an enum, write',
  (count) => {
    for (let i = 0; i < count; i++) {
      platform.write(POWER, (platform.read(POWER, 32) & ~0x3) | (i % 3), 32)
    }
    return words[POWER >>> 2] ?? 0
  },
  (count) => {
    for (let i = 0; i < count; i++) {
      const next = client.power.read()
      next.target = STATES[i % 3] ?? PowerState.A0
      client.power.write(next)
    }
    return words[POWER >>> 2] ?? 0
  },
)

compare(
  'read an enum',
  (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      words[POWER >>> 2] = i % 3
      if ((platform.read(POWER, 32) & 3) === 2) sum += 1
    }
    return sum
  },
  (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      words[POWER >>> 2] = i % 3
      if (client.power.read().target === PowerState.A0) sum += 1
    }
    return sum
  },
)
