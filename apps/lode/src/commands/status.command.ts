import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../context.ts'
import { rackClient, reportFailure } from '../rack-client.ts'
import { type RackFlags, rackFlags } from '../state-flag.ts'
import { textTable } from '../text-table.ts'

export const statusCommand = buildCommand({
  docs: {
    brief: 'Show the running rack: readiness, nodes, links',
    customUsage: ['', { input: '--json', brief: 'Everything, for programs' }],
  },
  parameters: { flags: rackFlags },
  async func(this: LodeContext, flags: RackFlags) {
    const directory = this.stateDirectory(flags.state)
    const result = await (await rackClient(this, directory)).info()
    if (!result.ok) return reportFailure(this, directory, result)
    const info = result.value
    if (flags.json) return this.printJson(info)
    this.print(
      `${info.name}: ${info.state}${info.ready_after_ms === null ? '' : ` after ${(info.ready_after_ms / 1000).toFixed(1)} s`}`,
    )
    this.print(
      `API ${info.api.url}, silo ${info.api.silo}, user ${info.api.username}, password ${info.api.password_hint}`,
    )
    for (const entry of info.published) this.print(`published 127.0.0.1:${entry.host_port} → ${entry.target}`)
    this.print('')
    this.print(
      textTable(
        ['check', 'ready', 'detail'],
        info.checks.map((c) => [c.name, c.ready ? 'yes' : 'NO', c.detail]),
      ),
    )
    this.print('')
    this.print(
      textTable(
        ['node', 'kind', 'addresses'],
        info.nodes.map((n) => [n.name, n.kind, n.addresses.join(' ')]),
      ),
    )
    this.print('')
    this.print(
      textTable(
        ['link', 'from', 'to', 'state', 'delay ms', 'loss', 'frames', 'lost'],
        info.links.map((l) => [
          l.name,
          l.a,
          l.b,
          l.up ? 'up' : 'DOWN',
          String(l.delay_ms),
          String(l.loss),
          String(l.frames),
          String(l.lost),
        ]),
      ),
    )
  },
})
