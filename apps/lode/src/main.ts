/** The `lode` command. Each command's code is loaded when it is asked for, so `lode --help` stays quick. */
import { ExitStatus, LodeContext } from './context.ts'
import { runLode } from './run-lode.ts'

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
await runLode(process.argv.slice(2), new LodeContext(process))
