import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { type BoardId, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

export const ereportsCommand = buildCommand({
  docs: {
    brief: 'Show the error reports of a service processor',
    customUsage: [{ input: 'sled1', brief: 'Since it started, as far as nobody has taken them' }],
  },
  parameters: { flags: rackFlags, positional: { kind: 'tuple', parameters: [boardParameter] } },
  async func(this: LodeContext, flags: RackFlags, board: BoardId) {
    const { gateway } = await spClients(this, flags)
    const reports = valueOrReport(this, flags, await gateway.sp_ereports({ params: board }))
    if (reports === undefined) return
    if (flags.json) return this.printJson(reports)
    if (reports.items.length === 0) return this.print('no reports')
    this.print(
      textTable(
        ['number', 'ms', 'task', 'report', 'details'],
        reports.items.map(({ ena, uptime_ms, task, data: { k, ...details } }) => [
          ena,
          String(uptime_ms),
          task,
          String(k),
          Object.entries(details)
            .map(([name, value]) => `${name} ${String(value)}`)
            .join(', '),
        ]),
      ),
    )
  },
})
