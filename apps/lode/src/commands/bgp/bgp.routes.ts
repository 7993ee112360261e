import { buildRouteMap } from '@stricli/core'
import { advertisedCommand } from './advertised.command.ts'
import { clearCommand } from './clear.command.ts'
import { peerCommand } from './peer.command.ts'
import { peersCommand } from './peers.command.ts'
import { receivedCommand } from './received.command.ts'
import { refreshCommand } from './refresh.command.ts'

export const bgpRoutes = buildRouteMap({
  routes: {
    peers: peersCommand,
    peer: peerCommand,
    received: receivedCommand,
    advertised: advertisedCommand,
    refresh: refreshCommand,
    clear: clearCommand,
  },
  docs: { brief: 'The BGP peers of a running routing daemon' },
})
