/** Makes a command of a topology program: `await run(lab)` at its end, and `node program.ts launch` works. */
import { ExitCode, run as runApplication, type StricliDynamicCommandContext } from '@stricli/core'
import { resolve } from 'node:path'
import type { Lab } from './build/lab.ts'
import { labApplication } from './cli/application.ts'
import type { LabDocument } from './document/document.ts'
import { ExitStatus, LabContext } from './os-context.ts'

export interface RunOptions {
  /** The words after the program's name; those of the process when absent. */
  readonly args?: readonly string[]
  /** The command that runs the same program again, for the process in the background. */
  readonly self?: readonly string[]
}

export async function run(lab: Lab, options: RunOptions = {}): Promise<void> {
  await runContext(() => lab.document(), lab, options)
}

/** The same for a topology that was read from a file. */
export async function runDocument(document: LabDocument, options: RunOptions = {}): Promise<void> {
  await runContext(() => document, { tests: [], behaviours: new Map(), predicates: new Map() }, options)
}

async function runContext(
  document: () => LabDocument,
  parts: Pick<Lab, 'tests' | 'behaviours' | 'predicates'>,
  options: RunOptions,
): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(ExitStatus.ok)
    throw error
  })
  process.removeAllListeners('warning')
  const self = options.self ?? [process.execPath, resolve(process.argv[1] ?? '')]
  const { tests, behaviours, predicates } = parts
  const context = new LabContext({ document, tests, behaviours, predicates, self })
  // because Node types exitCode as possibly undefined, and the parser's type does not
  const dynamic = context as unknown as StricliDynamicCommandContext<LabContext>
  await runApplication(labApplication, [...(options.args ?? process.argv.slice(2))], dynamic)
  if (process.exitCode === ExitCode.InvalidArgument || process.exitCode === ExitCode.UnknownCommand)
    process.exitCode = ExitStatus.usage
  else if (typeof process.exitCode === 'number' && process.exitCode < 0) process.exitCode = ExitStatus.failed
}
