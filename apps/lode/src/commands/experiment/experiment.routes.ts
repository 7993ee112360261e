import { buildRouteMap } from '@stricli/core'
import { ddmCommand } from './ddm.command.ts'

export const experimentRoutes = buildRouteMap({
  routes: { ddm: ddmCommand },
  docs: { brief: 'Experiments on the emulated network in virtual time' },
})
