import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'
import { peerArgument } from './peer-argument.ts'

export const clearCommand = buildCommand({
  docs: {
    brief: 'End the session with a peer and start a new one',
    customUsage: [{ input: 'upstream0', brief: 'Its routes go and come again; refresh is gentler' }],
  },
  parameters: { flags: routerFlags, positional: peerArgument },
  async func(this: LodeContext, flags: RouterFlags, peer: string) {
    const result = await (await routedClient(this, flags)).bgp_clear({ body: { peer, kind: 'hard' } })
    if (!result.ok) return reportRoutedFailure(this, flags, result)
    if (flags.json) return this.printJson({ peer, kind: 'hard' })
    this.print(`the session with ${peer} starts over`)
  },
})
