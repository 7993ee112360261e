import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { type RackFlags, rackFlags } from '../state-flag.ts'

export const downCommand = buildCommand({
  docs: { brief: 'Stop the running rack; its state stays for the next `lode up`', customUsage: [''] },
  parameters: { flags: rackFlags },
  async func(this: LodeContext, flags: RackFlags) {
    const directory = this.stateDirectory(flags.state)
    const result = await (await rackClient(this, directory)).shutdown()
    if (!result.ok) return reportFailure(this, directory, result)
    if (flags.json) this.printJson({ stopped: true })
    else this.print('stopped')
  },
})
