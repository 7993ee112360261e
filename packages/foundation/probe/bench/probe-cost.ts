/**
 * What probes cost a packet path: nothing, a disabled probe, an always-on record of four words, and a program that counts. The work
 * around them is a hash of 16 bytes, so that nothing can be optimised away. Nanoseconds each, medians of rounds in turns.
 *
 *     node packages/foundation/probe/bench/probe-cost.ts [--json]
 */
import { type ProbeEvent, type ProbeSource, startProbe, Tracer } from '../src/index.ts'
import { FlightRecorder } from '../src/flight-recorder.ts'

const PACKETS = 200_000
const ROUNDS = 201
const frame = new Uint8Array(64).map((_, k) => k * 7)

function work(k: number): number {
  let sum = k
  for (let i = 0; i < 16; i++) sum = Math.imul(sum ^ frame[(k + i) & 63]!, 0x01000193)
  return sum
}

const tracer = new Tracer(() => 0)
const recorder = new FlightRecorder(1 << 16)
const listeners = new Set<(event: ProbeEvent) => void>()
const source: ProbeSource = {
  points: [{ provider: 'link', unit: '', name: 'deliver', sentence: '', fields: { bytes: '' } }],
  subscribe: (listener) => (listeners.add(listener), () => void listeners.delete(listener)),
}
startProbe('link:deliver { @[unit] = count() }', {
  sources: [source],
  output: () => {},
  every: () => () => {},
  nowMs: () => 0,
})

const cases: Readonly<Record<string, () => number>> = {
  'no probe': () => {
    let sum = 0
    for (let k = 0; k < PACKETS; k++) sum ^= work(k)
    return sum
  },
  'probe, disabled': () => {
    let sum = 0
    for (let k = 0; k < PACKETS; k++) {
      sum ^= work(k)
      if (tracer.isOn) tracer.emit('node', k, { kind: 'egress', port: 'a' })
    }
    return sum
  },
  'record of four words, always on': () => {
    let sum = 0
    for (let k = 0; k < PACKETS; k++) {
      const value = work(k)
      recorder.record(k, value, 64)
      sum ^= value
    }
    return sum
  },
}

const spent: Record<string, number[]> = {}
let sink = 0
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(cases)) {
    const { user } = process.cpuUsage()
    sink ^= run()
    ;(spent[name] ??= []).push((1000 * (process.cpuUsage().user - user)) / PACKETS)
  }
}
const events = 200_000
const before = process.cpuUsage().user
for (let k = 0; k < events; k++) {
  for (const fire of listeners)
    fire({ provider: 'link', node: 'a', unit: 'c', name: 'deliver', atMs: k, fields: { bytes: 64 } })
}
const counted = (1000 * (process.cpuUsage().user - before)) / events

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!
const base = median(spent['no probe']!)
const rows = Object.entries(spent).map(([name, values]) => ({
  name,
  ns: median(values),
  moreNs: median(values) - base,
}))
if (process.argv.includes('--json')) console.log(JSON.stringify({ rows, countedNs: counted, sink }))
else {
  for (const { name, ns, moreNs } of rows)
    console.log(`${name.padEnd(34)} ${ns.toFixed(2)} ns  ${moreNs >= 0 ? '+' : ''}${moreNs.toFixed(2)}`)
  console.log(`${'program that counts, per event'.padEnd(34)} ${counted.toFixed(0)} ns`)
}
