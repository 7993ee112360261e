/**
 * A register access through the generated client against masks and shifts written by hand, both over the same platform
 * (an array of words): `node packages/hardware/rsf/bench/access.ts`. Not a test. The target is a ratio of at most 3.
 *
 * Every loop runs in a process of its own, because in one process the loops spoil each other's type feedback; what counts
 * is CPU time, the least of many rounds. What is written by hand is unchecked: the client's setters check the value's range.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { PowerState, sequencerClient } from '../examples/generated/sequencer.ts'
import { bits, type SyncMemories, type WideSyncPlatform } from '../src/index.ts'

const ROUNDS = 25
const CALLS = 2_000_000
const TURNS = 4
const POWER = 0x10
const RAILS = 0x100

const words = new Int32Array(0x100)
const platform: WideSyncPlatform & SyncMemories = {
  read: (address) => (words[address >>> 2] ?? 0) >>> 0,
  write: (address, value) => {
    words[address >>> 2] = value
  },
  readWide: () => 0n,
  writeWide: () => {},
  memory: () => platform,
}
const client = sequencerClient(platform)
const STATES = [PowerState.A2, PowerState.A1, PowerState.A0] as const

/** Each loop gives something that depends on its calls. */
const LOOPS: Readonly<Record<string, (count: number) => number>> = {
  'read by hand': (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      words[POWER >>> 2] = i
      sum += (platform.read(POWER, 32) >>> 8) & 0xfff
    }
    return sum
  },
  read: (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      words[POWER >>> 2] = i
      sum += client.power.read().timeoutMs
    }
    return sum
  },
  'read an enum by hand': (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      words[POWER >>> 2] = i % 3
      if ((platform.read(POWER, 32) & 3) === 2) sum += 1
    }
    return sum
  },
  'read an enum': (count) => {
    let sum = 0
    for (let i = 0; i < count; i++) {
      words[POWER >>> 2] = i % 3
      if (client.power.read().target === PowerState.A0) sum += 1
    }
    return sum
  },
  'change by hand': (count) => {
    for (let i = 0; i < count; i++) {
      const address = RAILS + (i % 6) * 0x10
      platform.write(address, (platform.read(address, 32) & ~0x1ff0) | ((i & 0x1ff) << 4), 32)
    }
    return words[RAILS >>> 2] ?? 0
  },
  update: (count) => {
    for (let i = 0; i < count; i++) client.rails(i % 6).control.update({ voltage: bits(9, i & 0x1ff) })
    return words[RAILS >>> 2] ?? 0
  },
  'change an enum by hand': (count) => {
    for (let i = 0; i < count; i++) {
      platform.write(POWER, (platform.read(POWER, 32) & ~0x3) | (i % 3), 32)
    }
    return words[POWER >>> 2] ?? 0
  },
  'update an enum': (count) => {
    for (let i = 0; i < count; i++) client.power.update({ target: STATES[i % 3] ?? PowerState.A0 })
    return words[POWER >>> 2] ?? 0
  },
}

const PAIRS = [
  ['read', 'read by hand'],
  ['read an enum', 'read an enum by hand'],
  ['update', 'change by hand'],
  ['update an enum', 'change an enum by hand'],
] as const

/** Least nanoseconds of CPU a call. */
function measure(run: (count: number) => number): number {
  let best = Infinity
  let sink = 0
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    sink += run(CALLS)
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, ((user + system) * 1000) / CALLS)
  }
  return sink === 0.5 ? 0 : best
}

function elsewhere(name: string): number {
  const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], { encoding: 'utf8' })
  return Number(stdout)
}

const chosen = LOOPS[process.argv[2] ?? '']
if (chosen !== undefined) console.log(measure(chosen))
else {
  for (const [generated, byHand] of PAIRS) {
    let client = Infinity
    let hand = Infinity
    // In turns, so that both see the same machine.
    for (let turn = 0; turn < TURNS; turn++) {
      client = Math.min(client, elsewhere(generated))
      hand = Math.min(hand, elsewhere(byHand))
    }
    const ratio = (client / hand).toFixed(2)
    console.log(`${generated.padEnd(24)} hand ${hand.toFixed(2)} ns, client ${client.toFixed(2)} ns, ratio ${ratio}`)
  }
}
