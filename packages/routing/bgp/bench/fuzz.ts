/**
 * The fuzzer for as long as one likes; a failure prints the seed that repeats it.
 *
 *     node packages/routing/bgp/bench/fuzz.ts [seconds] [seed]      default 60 seconds, a seed from the clock
 */
import { fuzzDecoders, fuzzSession, generator } from '../src/fuzz.fixture.ts'

const seconds = Number(process.argv[2] ?? 60)
let seed = Number(process.argv[3] ?? Date.now() % 1_000_000_007)
const untilMs = Date.now() + seconds * 1000
let messages = 0
let sessions = 0
while (Date.now() < untilMs) {
  try {
    const random = generator(seed)
    for (let i = 0; i < 20_000; i++) fuzzDecoders(random)
    await fuzzSession(generator(seed + 1), 300)
  } catch (error) {
    console.error(`seed ${seed} fails`)
    throw error
  }
  messages += 20_300
  sessions++
  seed += 2
}
console.log(`${messages} messages, ${sessions} speakers, no failure; the next seed is ${seed}`)
