/** The `lode` command. Each command's code is loaded when it is asked for, so `lode --help` stays quick. */
import { run, type StricliDynamicCommandContext } from '@stricli/core'
import { application } from './application.ts'
import { ExitStatus, LodeContext } from './context.ts'

const context = new LodeContext(process)
// because Node types exitCode as possibly undefined, and the parser's type does not
await run(application, process.argv.slice(2), context as unknown as StricliDynamicCommandContext<LodeContext>)
// The parser's own statuses are negative: all of them mean that the words were wrong.
if (typeof process.exitCode === 'number' && process.exitCode < 0) process.exitCode = ExitStatus.usage
