/**
 * Simulated over wall time: four sleds, two switches, two routers and the control plane, two simulated minutes. `node rack.ts` prints
 * both rows of the table in the README: nothing happens, and faults of several seeds. Processor time is given besides wall time, which
 * another process on the machine stretches.
 */
import process from 'node:process'
import { SimulatedDatabase, Simulation } from '../src/index.ts'

const MINUTES = 2
const SEEDS = [1, 2, 3]

interface Cost {
  readonly wallS: number
  readonly processorS: number
}

async function measured(work: () => Promise<unknown>): Promise<Cost> {
  const wallMs = performance.now()
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wallS: (performance.now() - wallMs) / 1000, processorS: (user + system) / 1e6 }
}

function row(name: string, simulatedS: number, { wallS, processorS }: Cost): void {
  const ratio = (s: number): string => `${(simulatedS / s).toFixed(0)}x`
  console.log(
    `${name.padEnd(22)} ${simulatedS.toFixed(0)} s simulated in ${wallS.toFixed(2)} s (${ratio(wallS)}), ` +
      `${processorS.toFixed(2)} s of processor time (${ratio(processorS)})`,
  )
}

const database = await SimulatedDatabase.create()
const calm = new Simulation({ seed: 1, minutes: MINUTES, timeline: [], database })
await database.empty()
row('start and set-up', 0, await measured(async () => console.log((await calm.begin()) ?? 'the rack is up')))
await calm.clock.advance(60_000)
row('steady state', MINUTES * 60, await measured(() => calm.clock.advance(MINUTES * 60_000)))
calm.close()
for (const seed of SEEDS) {
  const simulation = new Simulation({ seed, minutes: MINUTES, database })
  await database.empty()
  await simulation.begin()
  row(`faults of seed ${seed}`, MINUTES * 60, await measured(() => simulation.suffer()))
  const beforeMs = simulation.clock.nowMs()
  const healing = await measured(() => simulation.heal())
  row('  and healing', (simulation.clock.nowMs() - beforeMs) / 1000, healing)
  simulation.close()
}
await database.close()
