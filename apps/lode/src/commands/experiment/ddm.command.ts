import { buildCommand } from '@stricli/core'
import { join } from 'node:path'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { writeOutput } from '../../output-file.ts'
import { parseText } from '../../state-flag.ts'
import { answerJobs, isJobWorker, runJobs } from '../job-workers.ts'
import { type DdmFlags, experimentOf, parseFlows, parseList, parseLoads, parseSeeds } from './ddm-flags.ts'
import { cellTables, goalTable } from './ddm-report.ts'

export const ddmCommand = buildCommand({
  docs: {
    brief: 'Compare ways to choose between two switches',
    fullDescription: [
      'Sixteen sleds, two switches, 1 Gbit/s cables, TCP, packet by packet in virtual time: flows of published sizes that arrive',
      'at random, carried by each policy in turn. Prints completion times with 95 % confidence intervals of the ratios to ECMP,',
      'paired over seeds, and what became of the goals; writes bar charts. The same seeds give the same numbers.',
      '',
      'Cases: symmetric; half-speed (the cables of switch 1 have half the rate; the load is of what is left); dying (switch 1',
      'stops forwarding after a third of the time, and routing notices 5 s later).',
      'Policies: ecmp, wecmp (told the true rates), letflow, least-delay, ddm; and as bounds that no host can reach oracle, which is told',
      'every queue for every packet and keeps the order, and oracle-packet, which does not.',
      'With --telemetry constant every measurement says the same: what remains of the gain is not due to measuring.',
      '',
      'Exit status: 0 done, 1 DDM has a worse mean than ECMP at more than 20 % load (not with constant telemetry), 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: '', brief: 'Web search, 60 and 80 %, symmetric and half-speed, 10 seeds: some minutes' },
      { input: '--quick', brief: 'A small part of it, for continuous integration' },
      { input: '--full --plots ./plots', brief: 'All sizes, loads and cases: about an hour' },
      { input: '--case dying --policy ecmp,ddm --seeds 1..3 --json', brief: 'A switch dies' },
    ],
  },
  parameters: {
    flags: {
      quick: { kind: 'boolean', default: false, brief: '60 %, ECMP and DDM, three seeds' },
      full: { kind: 'boolean', default: false, brief: 'Everything' },
      seeds: { kind: 'parsed', parse: parseSeeds, optional: true, brief: 'Default 1..10', placeholder: 'A..B' },
      load: { kind: 'parsed', parse: parseLoads, optional: true, brief: 'Percent, default 60,80', placeholder: 'P,…' },
      sizes: {
        kind: 'parsed',
        parse: parseList,
        optional: true,
        brief: 'web-search, data-mining',
        placeholder: 'LIST',
      },
      case: {
        kind: 'parsed',
        parse: parseList,
        optional: true,
        brief: 'symmetric, half-speed, dying',
        placeholder: 'LIST',
      },
      policy: {
        kind: 'parsed',
        parse: parseList,
        optional: true,
        brief: 'Default all but the oracles',
        placeholder: 'LIST',
      },
      flows: { kind: 'parsed', parse: parseFlows, optional: true, brief: 'Per seed, default 1000', placeholder: 'N' },
      telemetry: { kind: 'parsed', parse: parseText, default: 'live', brief: 'live or constant', placeholder: 'KIND' },
      plots: {
        kind: 'parsed',
        parse: parseText,
        optional: true,
        brief: 'Where to write the charts, default ./ddm-plots; none with --quick or --json unless given',
        placeholder: 'DIR',
      },
      json: { kind: 'boolean', default: false, brief: 'Print rows and goals as JSON' },
    },
  },
  async func(this: LodeContext, flags: DdmFlags) {
    const experiment = await import('@lodestone/experiment')
    if (isJobWorker) return answerJobs(experiment.runCell)
    const options = experimentOf(
      flags,
      {
        quick: experiment.QUICK_EXPERIMENT,
        usual: experiment.DEFAULT_EXPERIMENT,
        full: experiment.FULL_EXPERIMENT,
      },
      {
        cases: experiment.CASE_NAMES,
        sizes: experiment.SIZE_NAMES,
        policies: experiment.POLICY_NAMES,
        telemetry: experiment.TELEMETRY_NAMES,
      },
    )
    if (typeof options === 'string') {
      this.note(`lode experiment ddm: ${options}`)
      return this.exit(ExitStatus.usage)
    }
    const runs = experiment.planRuns(options)
    const startedMs = this.clock.nowMs()
    const results = await runJobs({
      jobs: runs,
      jobsPerThread: 1,
      argv: this.process.argv,
      run: experiment.runCell,
      progress: (done) => tellProgress(this, done, runs.length, startedMs),
    })
    const rows = experiment.summarize(runs, results)
    const goals = experiment.judgeGoals(rows)
    const directory = flags.plots ?? (flags.quick || flags.json ? undefined : 'ddm-plots')
    if (directory !== undefined) {
      for (const plot of experiment.plotRows(rows)) {
        const file = join(directory, `${plot.name}.svg`)
        this.note(writeOutput(file, plot.svg) ?? `wrote ${file}`)
      }
    }
    if (flags.json) this.printJson({ options, rows, goals })
    else {
      this.print(cellTables(rows, experiment.POLICY_TITLES))
      if (options.telemetry === 'live') this.print(`\n${goalTable(goals)}`)
    }
    const isLost = options.telemetry === 'live' && experiment.lostCells(rows).length > 0
    this.exit(isLost ? ExitStatus.failed : ExitStatus.ok)
  },
})

/** On a terminal in place, elsewhere a line for each tenth. */
function tellProgress(context: LodeContext, done: number, of: number, startedMs: number): void {
  const seconds = (context.clock.nowMs() - startedMs) / 1000
  if (seconds < 1) return
  const left = Math.round((seconds / done) * (of - done))
  const text = `${done} of ${of} runs, about ${left} s left`
  if (context.process.stderr.isTTY === true) {
    context.process.stderr.write(done === of ? '\r\u001b[K' : `\r${text}\u001b[K`)
  } else if (Math.floor((10 * done) / of) > Math.floor((10 * (done - 1)) / of) && done < of) {
    context.note(text)
  }
}
