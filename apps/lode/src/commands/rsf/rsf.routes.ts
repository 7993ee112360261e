/** `lode rsf …`: register maps from specifications. Each command loads the package inside its function. */
import { buildRouteMap } from '@stricli/core'
import { checkCommand } from './check.command.ts'
import { diffCommand } from './diff.command.ts'
import { docsCommand } from './docs.command.ts'
import { fmtCommand } from './fmt.command.ts'
import { genCommand } from './gen.command.ts'
import { lookupCommand } from './lookup.command.ts'
import { mapCommand } from './map.command.ts'

export const rsfRoutes = buildRouteMap({
  routes: {
    check: checkCommand,
    gen: genCommand,
    map: mapCommand,
    lookup: lookupCommand,
    docs: docsCommand,
    diff: diffCommand,
    fmt: fmtCommand,
  },
  docs: { brief: 'Register maps from specifications: check, generate, look up, compare, document' },
})
