/**
 * `lode p4 …`: the compiler and the npu as a tool of their own. Command files stay light: each loads the packages it needs
 * inside its function, so that `lode --help` does not pay for a compiler.
 */
import { buildRouteMap } from '@stricli/core'
import { benchCommand } from './bench.command.ts'
import { checkCommand } from './check.command.ts'
import { compileCommand } from './compile.command.ts'
import { corpusCommand } from './corpus.command.ts'
import { explainCommand } from './explain.command.ts'
import { runCommand } from './run.command.ts'
import { stfCommand } from './stf.command.ts'

export const p4Routes = buildRouteMap({
  routes: {
    bench: benchCommand,
    check: checkCommand,
    compile: compileCommand,
    corpus: corpusCommand,
    explain: explainCommand,
    run: runCommand,
    stf: stfCommand,
  },
  docs: {
    brief: 'Compile P4 programs, run packets through them, and ask why',
  },
})
