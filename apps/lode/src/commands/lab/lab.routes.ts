import { buildRouteMap } from '@stricli/core'
import { importCommand } from './import.command.ts'

export const labRoutes = buildRouteMap({
  routes: { import: importCommand },
  docs: { brief: 'Laboratories from other tools; `lode run` runs them' },
})
