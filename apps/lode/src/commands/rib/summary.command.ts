import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { textTable } from '../../text-table.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'

export const summaryCommand = buildCommand({
  docs: {
    brief: 'Say how many routes there are, and what the forwarding tables have of them',
    customUsage: ['', { input: '--json', brief: 'For programs' }],
  },
  parameters: { flags: routerFlags },
  async func(this: LodeContext, flags: RouterFlags) {
    const client = await routedClient(this, flags)
    const [summary, lower] = await Promise.all([client.rib_summary(), client.lower_status()])
    if (!summary.ok) return reportRoutedFailure(this, flags, summary)
    if (!lower.ok) return reportRoutedFailure(this, flags, lower)
    if (flags.json) return this.printJson({ ...summary.value, lower: lower.value })
    const { prefixes, selected, paths, protocols } = summary.value
    this.print(`${prefixes} prefixes, ${selected} of them in use, ${paths} paths`)
    for (const [protocol, count] of Object.entries(protocols)) this.print(`  ${protocol}: ${count} paths`)
    if (lower.value.length === 0) return
    this.print('')
    this.print(
      textTable(
        ['target', 'desired', 'programmed', 'queued', 'failing', 'unresolved'],
        lower.value.map((each) => [
          each.target,
          String(each.desired),
          String(each.programmed),
          String(each.queued),
          String(each.failing.length),
          String(each.unresolved.length),
        ]),
      ),
    )
    for (const { target, failing } of lower.value) {
      for (const { prefix, operation, reason, attempts } of failing.slice(0, 10)) {
        this.print(`${target}: ${operation} ${prefix} failed ${attempts} times: ${reason}`)
      }
    }
  },
})
