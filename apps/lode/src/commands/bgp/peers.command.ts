import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { textTable } from '../../text-table.ts'
import { durationText } from '../routed/duration-text.ts'
import { type RouterFlags, routerFlags, reportRoutedFailure, routedClient } from '../routed/routed-client.ts'

export const peersCommand = buildCommand({
  docs: {
    brief: 'List the peers with state and numbers of routes',
    customUsage: [
      '',
      { input: '--node isp0', brief: 'Of a router of the running rack' },
      { input: '--json', brief: 'Everything that is known of them' },
    ],
  },
  parameters: { flags: routerFlags },
  async func(this: LodeContext, flags: RouterFlags) {
    const client = await routedClient(this, flags)
    const [peers, listeners] = await Promise.all([client.bgp_neighbors(), client.bgp_listeners()])
    if (!peers.ok) return reportRoutedFailure(this, flags, peers)
    if (flags.json) return this.printJson(peers.value)
    if (peers.value.length === 0) this.print('no peers')
    else {
      this.print(
        textTable(
          ['peer', 'address', 'as', 'state', 'for', 'received', 'refused', 'told', 'description'],
          peers.value.map((peer) => [
            peer.name,
            peer.remote_address,
            peer.remote_asn === 0 ? '' : String(peer.remote_asn),
            peer.state,
            durationText(peer.in_state_ms),
            String(peer.paths_received),
            String(peer.paths_refused ?? 0),
            String(peer.prefixes_advertised),
            peer.description ?? '',
          ]),
        ),
      )
    }
    if (!listeners.ok) return
    for (const { place, problem } of listeners.value) {
      if (problem !== undefined) this.note(`does not listen on ${place}: ${problem}`)
    }
  },
})
