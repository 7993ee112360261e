import { buildCommand } from '@stricli/core'
import { readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText } from '../../state-flag.ts'
import { answerJobs, isJobWorker, runJobs } from '../job-workers.ts'
import { type CorpusAnswer, type CorpusJob, type CorpusMode, runCorpusJob, stfPath } from './corpus-job.ts'

interface CorpusFlags {
  readonly stf: boolean
  readonly accept: boolean
  readonly reject: boolean
  readonly include?: readonly string[]
  readonly json: boolean
}

export const corpusCommand = buildCommand({
  docs: {
    brief: 'Run a whole folder of P4 programs',
    fullDescription: [
      'Every .p4 file of the folder, not of its sub-folders, in parallel: whether it is accepted (--accept, the default),',
      'rejected (--reject), or passes the STF file beside it (--stf; programs without one are left out). Prints a line for',
      "each failure and then the counts. With --reject and a folder DIR_outputs of p4c's messages also says how many first",
      "errors are within a line of p4c's.",
      '',
      'Exit status: 0 no failures, 1 failures, 2 wrong usage.',
    ].join('\n'),
    customUsage: [
      { input: '--stf p4c/testdata/p4_16_samples', brief: 'Conformance of the language and the architectures' },
      { input: '--reject p4c/testdata/p4_16_errors', brief: 'Programs with errors' },
    ],
  },
  parameters: {
    flags: {
      stf: { kind: 'boolean', default: false, brief: 'Run programs that have an STF file' },
      accept: { kind: 'boolean', default: false, brief: 'The compiler must accept every program' },
      reject: { kind: 'boolean', default: false, brief: 'The compiler must reject every program' },
      include: {
        kind: 'parsed',
        parse: parseText,
        variadic: true,
        optional: true,
        brief: 'Folder to look for #include files in, before the built-in architecture files',
        placeholder: 'DIR',
      },
      json: { kind: 'boolean', default: false, brief: 'Print counts and failures as JSON' },
    },
    aliases: { I: 'include' },
    positional: { kind: 'tuple', parameters: [{ parse: parseText, brief: 'Folder of programs', placeholder: 'DIR' }] },
  },
  async func(this: LodeContext, flags: CorpusFlags, folder: string) {
    if (isJobWorker) return answerJobs(runCorpusJob)
    const modes = (['stf', 'accept', 'reject'] as const).filter((mode) => flags[mode])
    if (modes.length > 1) {
      this.note(`lode p4 corpus: --${modes.join(' and --')} exclude each other`)
      return this.exit(ExitStatus.usage)
    }
    const mode: CorpusMode = modes[0] ?? 'accept'
    const programs = programsIn(folder, mode)
    if (typeof programs === 'string') {
      this.note(`lode p4 corpus: ${programs}`)
      return this.exit(ExitStatus.usage)
    }
    const jobs = programs.map((program) => ({ mode, program, include: flags.include ?? [] }))
    const isTelling = this.process.stderr.isTTY === true
    const startedMs = this.clock.nowMs()
    const answers = await runJobs<CorpusJob, CorpusAnswer>({
      jobs,
      jobsPerThread: 16,
      argv: this.process.argv,
      run: runCorpusJob,
      progress: (done) => {
        if (isTelling && this.clock.nowMs() - startedMs > 1000) {
          this.process.stderr.write(done === jobs.length ? '\r\u001b[K' : `\r${done} of ${jobs.length}`)
        }
      },
    })
    const failed = answers.filter((answer) => answer.outcome === 'failed')
    const passed = answers.filter((answer) => answer.outcome === 'passed')
    if (flags.json) this.printJson(summary(mode, answers, passed, failed))
    else {
      for (const { program, message } of failed) this.print(`${basename(program)}: ${message ?? ''}`)
      for (const line of detailLines(mode, answers)) this.print(line)
      this.print(`${passed.length} passed, ${failed.length} failed`)
    }
    this.exit(failed.length === 0 ? ExitStatus.ok : ExitStatus.failed)
  },
})

/** A sentence when there are none. */
function programsIn(folder: string, mode: CorpusMode): readonly string[] | string {
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch {
    return `cannot read the folder ${folder}`
  }
  const programs = names
    .filter((name) => name.endsWith('.p4'))
    .map((name) => join(folder, name))
    .filter((path) => mode !== 'stf' || isFile(stfPath(path)))
    .sort()
  return programs.length > 0 ? programs : `${folder} has no programs${mode === 'stf' ? ' with STF files' : ''}`
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

interface Counts {
  passed: number
  failed: number
  skipped: number
}

function byArchitecture(answers: readonly CorpusAnswer[]): ReadonlyMap<string, Counts> {
  const counts = new Map<string, Counts>()
  for (const { architecture = 'none', outcome } of answers) {
    const own = counts.get(architecture) ?? { passed: 0, failed: 0, skipped: 0 }
    counts.set(architecture, own)
    own[outcome]++
  }
  return new Map([...counts].sort(([a], [b]) => a.localeCompare(b)))
}

function detailLines(mode: CorpusMode, answers: readonly CorpusAnswer[]): string[] {
  if (mode === 'stf') {
    return [...byArchitecture(answers)].map(([name, { passed, failed, skipped }]) => {
      const rest = skipped === 0 ? '' : `, ${skipped} skipped (programs of this architecture are checked, not run)`
      return `${name}: ${passed} passed, ${failed} failed${rest}`
    })
  }
  const compared = answers.filter((answer) => answer.isNear !== undefined)
  if (mode !== 'reject' || compared.length === 0) return []
  const near = compared.filter((answer) => answer.isNear === true)
  return [`first error within a line of p4c's: ${near.length} of ${compared.length}`]
}

function summary(
  mode: CorpusMode,
  answers: readonly CorpusAnswer[],
  passed: readonly CorpusAnswer[],
  failed: readonly CorpusAnswer[],
): unknown {
  const compared = answers.filter((answer) => answer.isNear !== undefined)
  return {
    passed: passed.length,
    failed: failed.length,
    skipped: answers.length - passed.length - failed.length,
    ...(mode === 'stf' ? { architectures: Object.fromEntries(byArchitecture(answers)) } : {}),
    ...(compared.length > 0
      ? { compared: compared.length, nearFirstError: compared.filter((answer) => answer.isNear === true).length }
      : {}),
    failures: failed.map(({ program, message, architecture }) => ({
      file: program,
      message,
      ...(architecture === undefined ? {} : { architecture }),
    })),
  }
}
