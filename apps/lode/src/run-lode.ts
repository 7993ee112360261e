/** The words of a command line, run: what `lode` does with its arguments once it is there. */
import { ExitCode, run, type StricliDynamicCommandContext } from '@stricli/core'
import { application } from './application.ts'
import { splitAliases } from './commands/p4/compiler-flags.ts'
import { ExitStatus, type LodeContext } from './context.ts'

/** Leaves the exit status in the context's process. */
export async function runLode(words: readonly string[], context: LodeContext): Promise<void> {
  const { process } = context
  // because Node types exitCode as possibly undefined, and the parser's type does not
  await run(application, splitAliases(words), context as unknown as StricliDynamicCommandContext<LodeContext>)
  // The parser's own statuses are negative, and positive ones are ours.
  if (process.exitCode === ExitCode.InvalidArgument || process.exitCode === ExitCode.UnknownCommand) {
    context.note('lode --help lists the commands, lode COMMAND --help has examples')
    context.exit(ExitStatus.usage)
  } else if (typeof process.exitCode === 'number' && process.exitCode < 0) {
    context.exit(ExitStatus.failed)
  }
}
