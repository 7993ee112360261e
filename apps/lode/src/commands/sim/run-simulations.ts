/** Simulates one seed after the other, and shrinks and stores what fails. */
import { join } from 'node:path'
import { type ProbeOutput, renderProbeOutput } from '@lodestone/probe'
import {
  describeEvent,
  replayText,
  shrink,
  SimulatedDatabase,
  Simulation,
  type SimulationOptions,
  type Verdict,
} from '@lodestone/simulation'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { writeOutput } from '../../output-file.ts'
import { loadTopology } from './load-topology.ts'
import { probeSimulation } from './probe-simulation.ts'

export interface RunFlags {
  readonly seeds: string
  readonly minutes: number
  readonly topology?: string
  readonly budget?: number
  readonly output: string
  readonly shrink: boolean
  readonly probe?: string
  readonly json: boolean
}

export async function runSimulations(this: LodeContext, flags: RunFlags): Promise<void> {
  const range = /^(\d+)(?:\.\.(\d+))?$/.exec(flags.seeds)
  const [first, last] = [Number(range?.[1]), Number(range?.[2] ?? range?.[1])]
  if (range === null || last < first || !(flags.minutes > 0)) {
    this.note(`--seeds takes a number or a range as in 1..20, --minutes a number above 0`)
    return this.exit(ExitStatus.usage)
  }
  const topology = flags.topology === undefined ? undefined : await loadTopology(flags.topology)
  const { minutes } = flags
  const database = await SimulatedDatabase.create(this.databaseArchives)
  const endMs = this.clock.nowMs() + (flags.budget ?? Infinity) * 1000
  const verdicts: (Verdict & { readonly probe?: readonly ProbeOutput[] })[] = []
  for (let seed = first; seed <= last && this.clock.nowMs() < endMs; seed++) {
    const startMs = this.clock.nowMs()
    const options = { seed, minutes, database, ...(topology === undefined ? {} : { topology }) }
    const result = await runSeed(options, flags.probe, (output) => {
      if (!flags.json) this.print(renderProbeOutput(output))
    })
    if (typeof result === 'string') {
      this.note(result)
      await database.close()
      return this.exit(ExitStatus.usage)
    }
    const { verdict } = result
    verdicts.push(result.probe === undefined ? verdict : { ...verdict, probe: result.probe })
    const ratio = verdict.simulatedMs / (this.clock.nowMs() - startMs)
    if (flags.json) this.note(line(verdict, ratio))
    else this.print(line(verdict, ratio))
    const { failure, timeline } = verdict
    if (failure === undefined) continue
    if (!flags.json) for (const problem of failure.problems.slice(0, 8)) this.print(`  ${problem}`)
    let [stored, storedMinutes] = [verdict, minutes]
    if (flags.shrink) {
      const onStep = (events: number, runs: number): void => this.note(`  shrinking: run ${runs}, ${events} events`)
      const shrunk = await shrink({ ...options, timeline, failure, onStep })
      if (shrunk.verdict !== undefined) [stored, storedMinutes] = [shrunk.verdict, shrunk.minutes]
      if (!flags.json) for (const event of stored.timeline) this.print(`  ${describeEvent(event)}`)
    }
    const file = join(flags.output, `failure-${seed}.json`)
    const problem = writeOutput(file, replayText(stored, storedMinutes, flags.topology))
    if (problem !== undefined) this.note(`lode sim: ${problem}`)
    else if (!flags.json) this.print(`  again: lode sim replay ${file}`)
  }
  await database.close()
  const failed = verdicts.filter((verdict) => verdict.failure !== undefined).length
  if (flags.json) this.printJson({ seeds: verdicts, passed: verdicts.length - failed, failed })
  else this.print(`${verdicts.length - failed} passed, ${failed} failed`)
  this.exit(failed === 0 ? ExitStatus.ok : ExitStatus.failed)
}

interface SeedResult {
  readonly verdict: Verdict
  /** What the probe program said. */
  readonly probe?: readonly ProbeOutput[]
}

/** @returns what is wrong with the probe program, or how the seed went. */
async function runSeed(
  options: SimulationOptions,
  program: string | undefined,
  say: (output: ProbeOutput) => void,
): Promise<SeedResult | string> {
  const simulation = new Simulation(options)
  const said: ProbeOutput[] = []
  try {
    const probe =
      program === undefined
        ? undefined
        : probeSimulation(simulation, program, (output) => {
            said.push(output)
            say(output)
          })
    if (typeof probe === 'string') return probe
    const verdict = await simulation.run()
    probe?.stop()
    return probe === undefined ? { verdict } : { verdict, probe: said }
  } finally {
    simulation.close()
  }
}

function line(verdict: Verdict, ratio: number): string {
  const { seed, hash, failure, simulatedMs, frames, answers, healedMs } = verdict
  const what =
    failure === undefined
      ? `ok, right ${((healedMs ?? 0) / 1000).toFixed(0)} s after the last fault`
      : `FAILED in phase ${failure.phase} at ${(failure.atMs / 1000).toFixed(3)} s`
  const asked = `${answers['acknowledged']} requests done, ${answers['refused']} refused, ${answers['unknown']} unknown`
  return `seed ${seed} ${hash} ${what}; ${(simulatedMs / 1000).toFixed(0)} s at ${ratio.toFixed(0)}x, ${frames} frames, ${asked}`
}
