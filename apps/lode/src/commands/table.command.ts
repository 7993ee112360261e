import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { parseText, type RackFlags, rackFlags } from '../state-flag.ts'
import { textTable } from '../text-table.ts'

export const tableCommand = buildCommand({
  docs: {
    brief: 'List or print the tables of a node',
    customUsage: [
      { input: 'switch0', brief: 'What tables the switch has, and how full they are' },
      { input: 'switch0 ingress.nat_ingress.ingress_ipv4', brief: 'One table with keys, actions and hits' },
      { input: 'isp0 rib', brief: "A router's selected routes" },
    ],
  },
  parameters: {
    flags: rackFlags,
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: parseText, brief: 'Node', placeholder: 'NODE' },
        { parse: parseText, brief: 'Table', placeholder: 'TABLE', optional: true },
      ],
    },
  },
  async func(this: LodeContext, flags: RackFlags, node: string, table?: string) {
    const directory = this.stateDirectory(flags.state)
    const rack = await rackClient(this, directory)
    if (table === undefined) {
      const result = await rack.table_list({ params: { node } })
      if (!result.ok) return reportFailure(this, directory, result)
      if (flags.json) return this.printJson(result.value)
      return this.print(
        textTable(
          ['table', 'entries', 'detail'],
          result.value.map((t) => [t.name, String(t.size), t.detail]),
        ),
      )
    }
    const result = await rack.table_view({ params: { node, table } })
    if (!result.ok) return reportFailure(this, directory, result)
    if (flags.json) return this.printJson(result.value)
    this.print(textTable(result.value.columns, result.value.rows))
  },
})
