import { buildRouteMap } from '@stricli/core'
import { sessionsCommand } from './sessions.command.ts'

export const bfdRoutes = buildRouteMap({
  routes: { sessions: sessionsCommand },
  docs: { brief: 'The BFD sessions of a running routing daemon' },
})
