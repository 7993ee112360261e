import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../state-flag.ts'

export const powerCommand = buildCommand({
  docs: {
    brief: 'Switch a node off or on, as if its plug were pulled',
    customUsage: [{ input: 'switch0 off', brief: 'Traffic moves to switch1' }],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Node', placeholder: 'NODE' },
        {
          parse: (text: string): boolean => {
            if (text !== 'on' && text !== 'off') throw new Error('expected on or off')
            return text === 'on'
          },
          brief: 'on or off',
          placeholder: 'on|off',
        },
      ],
    },
  },
  async func(this: LodeContext, flags: RackFlags, name: string, on: boolean) {
    const directory = this.stateDirectory(flags.state)
    const result = await (await rackClient(this, directory)).node_power({ params: { name }, body: { on } })
    if (!result.ok) return reportFailure(this, directory, result)
    if (flags.json) this.printJson({ node: name, on })
    else this.print(`${name} is ${on ? 'on' : 'off'}`)
  },
})
