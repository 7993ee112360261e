/** The `lode` command. Each command's code is loaded when it is asked for, so `lode --help` stays quick. */
import { ExitCode, run, type StricliDynamicCommandContext } from '@stricli/core'
import { application } from './application.ts'
import { splitAliases } from './commands/p4/compiler-flags.ts'
import { ExitStatus, LodeContext } from './context.ts'

// Readers may leave early, as in `lode trace | head`: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(ExitStatus.ok)
  throw error
})
// Node would print that its type stripping is experimental: nothing that the person who typed the command can act on.
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') process.stderr.write(`lode: ${warning.name}: ${warning.message}\n`)
})
const context = new LodeContext(process)
// because Node types exitCode as possibly undefined, and the parser's type does not
await run(
  application,
  splitAliases(process.argv.slice(2)),
  context as unknown as StricliDynamicCommandContext<LodeContext>,
)
// The parser's own statuses are negative, and positive ones are ours.
if (process.exitCode === ExitCode.InvalidArgument || process.exitCode === ExitCode.UnknownCommand) {
  process.stderr.write('lode --help lists the commands, lode COMMAND --help has examples\n')
  process.exitCode = ExitStatus.usage
} else if (typeof process.exitCode === 'number' && process.exitCode < 0) {
  process.exitCode = ExitStatus.failed
}
