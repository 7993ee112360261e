/** `lode isf …`: instruction sets from specifications. Each command loads the package inside its function. */
import { buildRouteMap } from '@stricli/core'
import { asmCommand } from './asm.command.ts'
import { checkCommand } from './check.command.ts'
import { disasmCommand } from './disasm.command.ts'
import { docsCommand } from './docs.command.ts'
import { fmtCommand } from './fmt.command.ts'
import { genCommand } from './gen.command.ts'

export const isfRoutes = buildRouteMap({
  routes: {
    check: checkCommand,
    gen: genCommand,
    asm: asmCommand,
    disasm: disasmCommand,
    docs: docsCommand,
    fmt: fmtCommand,
  },
  docs: { brief: 'Instruction sets from specifications: check, generate, assemble, disassemble, document' },
})
