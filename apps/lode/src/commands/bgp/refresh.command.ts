import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'
import { peerArgument } from './peer-argument.ts'

interface RefreshFlags extends RouterFlags {
  readonly out: boolean
}

export const refreshCommand = buildCommand({
  docs: {
    brief: 'Ask a peer for its routes again, or tell it ours again; the session stays up',
    customUsage: [
      { input: 'upstream0', brief: 'Ask it (RFC 2918)' },
      { input: 'upstream0 --out', brief: 'Tell it' },
    ],
  },
  parameters: {
    flags: { ...routerFlags, out: { kind: 'boolean', default: false, brief: 'Tell it ours again' } },
    positional: peerArgument,
  },
  async func(this: LodeContext, flags: RefreshFlags, peer: string) {
    const kind = flags.out ? 'soft_outbound' : 'soft_inbound'
    const result = await (await routedClient(this, flags)).bgp_clear({ body: { peer, kind } })
    if (!result.ok) return reportRoutedFailure(this, flags, result)
    if (flags.json) return this.printJson({ peer, kind })
    this.print(flags.out ? `${peer} is told our routes again` : `${peer} was asked for its routes`)
  },
})
