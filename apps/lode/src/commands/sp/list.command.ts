import type { LabSp } from '@lodestone/contract-sp'
import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { spClients, valueOrReport } from './gateway-client.ts'

export const listCommand = buildCommand({
  docs: {
    brief: 'Every board with its service processor: power, temperature, fans, faults',
    customUsage: ['', { input: '--json', brief: 'With every sensor' }],
  },
  parameters: { flags: rackFlags },
  async func(this: LodeContext, flags: RackFlags) {
    const { lab } = await spClients(this, flags)
    const boards = valueOrReport(this, flags, await lab.lab_sp_list())
    if (boards === undefined) return
    if (flags.json) return this.printJson(boards)
    this.print(
      textTable(
        ['board', 'input', 'standby', 'host', 'processor', 'power', 'thermal', 'hottest', 'fans %', 'W', 'faults'],
        boards.map((board) => [
          board.name,
          board.plugged ? 'in' : 'OUT',
          board.standby ? 'on' : 'off',
          hostState(board),
          board.running ? 'runs' : 'DEAD',
          `${board.power ?? '-'}${board.power_fault === undefined ? '' : ` (${board.power_fault})`}`,
          board.thermal ?? '-',
          hottest(board),
          board.fan_percent.toFixed(0),
          sensor(board, 'supply-power')?.toFixed(0) ?? '-',
          board.faults.length === 0 ? '' : String(board.faults.length),
        ]),
      ),
    )
  },
})

function hostState({ host, host_boot: boot, throttled }: LabSp): string {
  if (!host) return 'off'
  if (boot === 'waiting') return 'waits'
  if (boot === 'failed') return 'NO BOOT'
  return throttled ? 'SLOW' : 'on'
}

/** The part with the least margin to its target. */
function hottest(board: LabSp): string {
  const margins = board.sensors.flatMap(({ name, value, target }) =>
    value === null || target === undefined ? [] : [{ name, value, margin: target - value }],
  )
  const worst = margins.toSorted((a, b) => a.margin - b.margin)[0]
  return worst === undefined ? '-' : `${worst.name} ${worst.value.toFixed(1)} °C`
}

function sensor(board: LabSp, name: string): number | undefined {
  return board.sensors.find((each) => each.name === name)?.value ?? undefined
}
