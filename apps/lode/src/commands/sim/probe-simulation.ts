/** A probe program over a simulation, from its first frame on. */
import { every } from '@lodestone/host'
import { type ProbeOutput, type ProbeRun, renderProgramProblem, startProbe } from '@lodestone/probe'
import type { Simulation } from '@lodestone/simulation'

/** @returns the run, or what is wrong with the program, as text with the place underlined. */
export function probeSimulation(
  { clock, probes }: Simulation,
  program: string,
  output: (output: ProbeOutput) => void,
): ProbeRun | string {
  const started = startProbe(program, {
    sources: probes,
    output,
    nowMs: () => clock.nowMs(),
    every(intervalMs, fn) {
      const timer = every(clock, intervalMs, fn)
      return () => timer.cancel()
    },
  })
  if (started.ok) return started.run
  return started.problems.map((problem) => renderProgramProblem(program, problem)).join('\n')
}
