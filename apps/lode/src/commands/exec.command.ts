import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../state-flag.ts'

export const execCommand = buildCommand({
  docs: {
    brief: 'Run a command in the shell of an emulated host',
    customUsage: [
      { input: 'client -- ping 198.51.100.10', brief: 'Ping an instance from the internet' },
      { input: 'isp0 -- ip route', brief: "A router's routes" },
      { input: 'client -- help', brief: 'What the shell understands' },
    ],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'array',
      minimum: 2,
      parameter: { parse: parseText, brief: 'Node, then the command', placeholder: 'WORD' },
    },
  },
  async func(this: LodeContext, flags: RackFlags, node: string, ...words: string[]) {
    const directory = this.stateDirectory(flags.state)
    const result = await (await rackClient(this, directory)).exec({ body: { node, command: words.join(' ') } })
    if (!result.ok) return reportFailure(this, directory, result)
    if (flags.json) this.printJson(result.value)
    else this.process.stdout.write(result.value.output)
    this.exit(result.value.exit_code)
  },
})
