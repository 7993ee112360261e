import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { parseText, type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { type BoardId, boardName, boardParameter, type Clients, spClients, valueOrReport } from './gateway-client.ts'

export const inventoryCommand = buildCommand({
  docs: {
    brief: 'List the components of a board, or what one tells of itself',
    customUsage: [
      { input: 'sled0', brief: 'Every component with what it can do' },
      { input: 'sled0 fan-ctrl', brief: 'Measurements of one' },
      { input: 'switch0 monorail', brief: 'Ports of the management network’s switch' },
      { input: 'sled0 sp5-post-codes', brief: 'What the host showed while it started' },
      { input: 'sled0 vpd', brief: 'Whether the board’s identity memory is locked' },
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
    const { gateway, lab } = await spClients(this, flags)
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
    if (VPD.includes(component)) return identityOf(this, flags, lab, board, component)
    const details = valueOrReport(this, flags, await gateway.sp_component_get({ params: { ...board, component } }))
    if (details === undefined) return
    if (flags.json) return this.printJson(details)
    if (details.length === 0) return this.print(`${component} has nothing to tell`)
    const measurements = details.filter((each) => each.type === 'measurement')
    if (measurements.length > 0) {
      this.print(
        textTable(
          ['name', 'kind', 'value', 'error'],
          measurements.map((each) => [each.name, each.kind, each.value?.toFixed(2) ?? '-', each.error ?? '']),
        ),
      )
    }
    const ports = details.filter((each) => each.type === 'port_status')
    if (ports.length > 0) {
      this.print(
        textTable(
          ['port', 'mode', 'link', 'transceiver', 'in', 'out', 'was down'],
          ports.map(({ port, mode, link, phy, rx, tx, ...each }) => [
            String(port),
            mode,
            link,
            phy === undefined ? '-' : `${phy.type} mac ${phy.mac}, media ${phy.media}`,
            String(rx.unicast + rx.multicast),
            String(tx.unicast + tx.multicast),
            [each.link_was_down ? 'link' : '', each.phy_was_down ? 'media' : ''].filter(Boolean).join(', '),
          ]),
        ),
      )
    }
    for (const each of details)
      if (each.type === 'post_code') this.print(`0x${each.code.toString(16).padStart(8, '0')}`)
  },
})

/** Identity memories: their lock is known to the laboratory only. */
const VPD = ['vpd', 'fan-vpd']

async function identityOf(
  context: LodeContext,
  flags: RackFlags,
  lab: Clients['lab'],
  board: BoardId,
  component: string,
): Promise<void> {
  const memories = valueOrReport(context, flags, await lab.lab_vpd_list({ params: board }))
  const memory = memories?.find((each) => each.component === component)
  if (memories === undefined) return
  if (memory === undefined) {
    context.note(`${boardName(board)} has no ${component}`)
    return context.exit(ExitStatus.usage)
  }
  if (flags.json) return context.printJson(memory)
  const state = memory.locked === null ? (memory.error ?? '') : memory.locked ? 'locked' : 'not locked'
  context.print(`${component}: ${state}, ${memory.refused_writes} writes refused`)
}
