import { buildCommand } from '@stricli/core'
import { ExitStatus, type LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { type RackFlags, rackFlags } from '../state-flag.ts'
import { textTable } from '../text-table.ts'

export const reconcilersCommand = buildCommand({
  docs: {
    brief: 'Show what the control plane has told sleds and switches, and what it could not',
    fullDescription:
      'One line for each reconciler and each sled or switch. The exit status is 1 while something is not as it should be.',
    customUsage: ['', { input: '--json', brief: 'Everything with single items, for programs' }],
  },
  parameters: { flags: rackFlags },
  async func(this: LodeContext, flags: RackFlags) {
    const directory = this.stateDirectory(flags.state)
    const result = await (await rackClient(this, directory)).reconcilers()
    if (!result.ok) return reportFailure(this, directory, result)
    const all = result.value
    const isWhole = all.every(({ pending }) => pending === 0)
    if (!isWhole) this.exit(ExitStatus.failed)
    if (flags.json) return this.printJson(all)
    this.print(
      textTable(
        ['name', 'target', 'state', 'generation', 'last success', 'pending', 'failed passes'],
        all.map((each) => [
          each.name,
          each.target,
          each.state,
          String(each.generation ?? '-'),
          each.last_success ?? 'never',
          String(each.pending),
          String(each.failed_passes),
        ]),
      ),
    )
    for (const { name, target, error, items } of all) {
      if (error !== undefined) this.print(`${name} ${target}: ${error}`)
      for (const { item, state, detail } of items) {
        if (state === 'failed') this.print(`${name} ${target}: ${item}: ${detail ?? 'no reason given'}`)
      }
    }
  },
})
