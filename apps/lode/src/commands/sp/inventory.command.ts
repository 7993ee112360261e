import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { type BoardId, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

export const inventoryCommand = buildCommand({
  docs: {
    brief: 'List the components of a board, or the measurements of one',
    customUsage: [
      { input: 'sled0', brief: 'Every component with what it can do' },
      { input: 'sled0 fan-ctrl', brief: 'Measurements of one' },
    ],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'tuple',
      parameters: [boardParameter, { parse: parseText, optional: true, brief: 'Component', placeholder: 'COMPONENT' }],
    },
  },
  async func(this: LodeContext, flags: RackFlags, board: BoardId, component?: string) {
    const { gateway } = await spClients(this, flags)
    if (component === undefined) {
      const list = valueOrReport(this, flags, await gateway.sp_component_list({ params: board }))
      if (list === undefined) return
      if (flags.json) return this.printJson(list)
      return this.print(
        textTable(
          ['component', 'device', 'presence', 'can', 'description'],
          list.map((each) => [
            each.component,
            each.device,
            each.presence,
            each.capabilities.map((name) => name.replace(/^(has|is)_/, '').replaceAll('_', ' ')).join(', '),
            each.description,
          ]),
        ),
      )
    }
    const params = { ...board, component }
    const measurements = valueOrReport(this, flags, await gateway.sp_component_get({ params }))
    if (measurements === undefined) return
    if (flags.json) return this.printJson(measurements)
    if (measurements.length === 0) return this.print(`${component} measures nothing`)
    this.print(
      textTable(
        ['name', 'kind', 'value', 'error'],
        measurements.map((each) => [each.name, each.kind, each.value?.toFixed(2) ?? '-', each.error ?? '']),
      ),
    )
  },
})
