/**
 * What a rack's service processors cost while nothing happens: 33 sleds and 2 switches, simulated in virtual time, with the
 * physics of their boards. `node packages/control/sp/bench/rack.ts`. Not a test: prints CPU time per second of the rack's
 * time, which is the share of a core that they take in real time; the median of several rounds.
 */
import { Rig } from '../src/rig.fixture.ts'

const SLEDS = 33
const SWITCHES = 2
const ROUND_S = 120
const ROUNDS = 7

const rig = await Rig.start({ sleds: SLEDS, switches: SWITCHES, load: () => ({ processor: 0.5, network: 0.4 }) })
await rig.clock.advance(60_000)
const shares: number[] = []
for (let round = 0; round < ROUNDS; round++) {
  const before = process.cpuUsage()
  await rig.clock.advance(ROUND_S * 1000)
  const { user, system } = process.cpuUsage(before)
  shares.push((user + system) / 1e6 / ROUND_S)
}
shares.sort((a, b) => a - b)
const median = shares[Math.floor(ROUNDS / 2)] ?? 0
console.log(
  `${SLEDS + SWITCHES} service processors: ${(median * 100).toFixed(2)} % of a core (median of ${ROUNDS} rounds)`,
)
console.log(`rounds: ${shares.map((each) => `${(each * 100).toFixed(2)} %`).join(', ')}`)
rig.close()
