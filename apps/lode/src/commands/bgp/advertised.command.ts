import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { textTable } from '../../text-table.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'
import { peerArgument } from './peer-argument.ts'

export const advertisedCommand = buildCommand({
  docs: {
    brief: 'List what a peer has been told',
    customUsage: [{ input: 'upstream0', brief: 'With next hops, AS_PATHs and communities as they were sent' }],
  },
  parameters: { flags: routerFlags, positional: peerArgument },
  async func(this: LodeContext, flags: RouterFlags, peer: string) {
    const result = await (await routedClient(this, flags)).bgp_exported({ params: { peer } })
    if (!result.ok) return reportRoutedFailure(this, flags, result)
    if (flags.json) return this.printJson(result.value)
    this.print(
      textTable(
        ['prefix', 'next hop', 'as path', 'origin', 'med', 'communities'],
        result.value.map((route) => [
          route.prefix,
          route.next_hop,
          route.as_path,
          route.origin,
          route.med === undefined ? '' : String(route.med),
          route.communities.join(' '),
        ]),
      ),
    )
  },
})
