import type { IgnitionCommand, SpIgnitionInfo } from '@lodestone/contract-sp'
import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../../context.ts'
import { type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { type BoardId, boardName, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

const COMMANDS: Readonly<Record<string, IgnitionCommand>> = {
  on: 'power-on',
  off: 'power-off',
  reset: 'power-reset',
  clear: 'clear-events',
}

export const ignitionCommand = buildCommand({
  docs: {
    brief: 'Show ignition, or switch a board on and off without its service processor',
    customUsage: [
      { input: '', brief: 'Every board as the switch’s ignition controller sees it' },
      { input: 'sled1 off', brief: 'Standby power too, even when its service processor is dead' },
      { input: 'sled1 on', brief: 'Its service processor boots and powers the host up' },
      { input: 'sled1 reset', brief: 'Off and on again' },
      { input: 'sled1 clear', brief: 'Forget errors that were seen on its wires' },
    ],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'tuple',
      parameters: [
        { ...boardParameter, optional: true },
        {
          parse: (text: string): IgnitionCommand => {
            const command = Object.hasOwn(COMMANDS, text) ? COMMANDS[text] : undefined
            if (command === undefined) throw new Error('expected on, off, reset or clear')
            return command
          },
          optional: true,
          brief: 'on, off, reset or clear',
          placeholder: 'COMMAND',
        },
      ],
    },
  },
  async func(this: LodeContext, flags: RackFlags, board?: BoardId, command?: IgnitionCommand) {
    const { gateway } = await spClients(this, flags)
    if (board !== undefined && command !== undefined) {
      const result = await gateway.ignition_command({ params: { ...board, command } })
      if (!result.ok) return void valueOrReport(this, flags, result)
      if (flags.json) return this.printJson({ board: boardName(board), command })
      return this.print(`${boardName(board)}: ${command} sent`)
    }
    let infos: readonly SpIgnitionInfo[] | undefined
    if (board === undefined) infos = valueOrReport(this, flags, await gateway.ignition_list())
    else {
      const one = valueOrReport(this, flags, await gateway.ignition_get({ params: board }))
      infos = one === undefined ? undefined : [one]
    }
    if (infos === undefined) return
    if (flags.json) return this.printJson(board === undefined ? infos : infos[0])
    if (infos.length === 0) return this.exit(ExitStatus.failed)
    this.print(
      textTable(
        ['board', 'present', 'kind', 'power', 'hears', 'faults', 'errors on the wire'],
        infos.map(({ id, details }) => [
          boardName(id),
          details.present ? 'yes' : 'NO',
          details.system_type ?? '-',
          `${details.power ?? '-'}${details.power_reset_in_progress === true ? ' (reset)' : ''}`,
          [details.ctrl_detect_0 === true ? 'switch0' : '', details.ctrl_detect_1 === true ? 'switch1' : '']
            .filter((name) => name !== '')
            .join(' '),
          faultsOf(details),
          Object.entries(details.link_events)
            .flatMap(([end, names]) => names.map((name) => `${end}: ${name.replaceAll('_', ' ')}`))
            .join(', '),
        ]),
      ),
    )
  },
})

function faultsOf(details: SpIgnitionInfo['details']): string {
  const faults = [
    [details.flt_a3, 'A3'],
    [details.flt_a2, 'A2'],
    [details.flt_sp, 'service processor'],
    [details.flt_rot, 'root of trust'],
  ] as const
  return faults.flatMap(([isFaulted, name]) => (isFaulted === true ? [name] : [])).join(', ')
}
