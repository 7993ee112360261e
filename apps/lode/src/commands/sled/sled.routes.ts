import { buildRouteMap } from '@stricli/core'
import { addCommand, replaceCommand } from './put.command.ts'

export const sledRoutes = buildRouteMap({
  routes: { add: addCommand, replace: replaceCommand },
  docs: { brief: 'Put sleds into a running rack, which finds them by itself' },
})
