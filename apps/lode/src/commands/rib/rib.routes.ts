import { buildRouteMap } from '@stricli/core'
import { explainCommand } from './explain.command.ts'
import { routesCommand } from './routes.command.ts'
import { summaryCommand } from './summary.command.ts'
import { watchCommand } from './watch.command.ts'

export const ribRoutes = buildRouteMap({
  routes: { routes: routesCommand, explain: explainCommand, summary: summaryCommand, watch: watchCommand },
  docs: { brief: 'The routing table of a running routing daemon: what is used, and why' },
})
