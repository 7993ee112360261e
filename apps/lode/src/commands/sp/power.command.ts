import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { type RackFlags, rackFlags } from '../../state-flag.ts'
import { type BoardId, boardName, boardParameter, spClients, valueOrReport } from './gateway-client.ts'

const STATES = ['A0', 'A2'] as const

export const powerCommand = buildCommand({
  docs: {
    brief: 'Show or move the power of a host, by its service processor',
    fullDescription: [
      'A2 is standby: the host, its links and its instances are off. A0 is on. For the plug itself: lode power.',
      '',
      'Exit status: 0 it is there, 1 it could not be had, 2 wrong usage or refused, 3 no rack.',
    ].join('\n'),
    customUsage: [
      { input: 'sled1', brief: 'Show' },
      { input: 'sled1 A2', brief: 'Off, to standby' },
      { input: 'sled1 A0', brief: 'On again' },
    ],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'tuple',
      parameters: [
        boardParameter,
        {
          parse: (text: string): 'A0' | 'A2' => {
            const state = STATES.find((each) => each === text.toUpperCase())
            if (state === undefined) throw new Error('expected A0 or A2; A1 is only passed through')
            return state
          },
          optional: true,
          brief: 'A0 or A2',
          placeholder: 'STATE',
        },
      ],
    },
  },
  async func(this: LodeContext, flags: RackFlags, board: BoardId, wanted?: 'A0' | 'A2') {
    const { gateway } = await spClients(this, flags)
    if (wanted === undefined) {
      const state = valueOrReport(this, flags, await gateway.sp_power_state_get({ params: board }))
      if (state === undefined) return
      return flags.json ? this.printJson({ board: boardName(board), state }) : this.print(state)
    }
    const set = valueOrReport(this, flags, await gateway.sp_power_state_set({ params: board, body: wanted }))
    if (set === undefined) return
    if (flags.json) return this.printJson({ board: boardName(board), state: wanted, ...set })
    this.print(`${boardName(board)} is in ${wanted}${set.changed ? '' : ', as before'}`)
  },
})
