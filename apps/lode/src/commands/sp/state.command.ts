import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { type BoardId, boardName, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

export const stateCommand = buildCommand({
  docs: {
    brief: 'Who a service processor is, what image it runs, and the power of its host',
    customUsage: [{ input: 'sled0', brief: 'Serial number, model, MAC address, version, power' }],
  },
  parameters: { flags: rackFlags, positional: { kind: 'tuple', parameters: [boardParameter] } },
  async func(this: LodeContext, flags: RackFlags, board: BoardId) {
    const { gateway } = await spClients(this, flags)
    const state = valueOrReport(this, flags, await gateway.sp_get({ params: board }))
    if (state === undefined) return
    const of = { ...board, component: 'sp' }
    const caboose = valueOrReport(this, flags, await gateway.sp_component_caboose_get({ params: of }))
    if (caboose === undefined) return
    if (flags.json) return this.printJson({ ...state, caboose })
    this.print(
      textTable(
        [boardName(board), ''],
        [
          ['power', state.power_state],
          ['model', `${state.model} revision ${state.revision}`],
          ['serial', state.serial_number],
          ['mac', state.base_mac_address],
          ['image', `${caboose.name} ${caboose.version} for ${caboose.board}`],
          ['archive', state.hubris_archive_id],
        ],
      ),
    )
  },
})
