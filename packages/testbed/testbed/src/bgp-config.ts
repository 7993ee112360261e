/** From a topology's BGP specification to the routing daemon's configuration. */
import { BGP_PORT } from '@lodestone/bgp'
import type { BgpConfig } from '@lodestone/routed'
import type { BgpPeerSpec, BgpSpec } from './topology.ts'

export interface BgpTimers {
  readonly holdTimeS: number
  readonly keepaliveS: number
  readonly connectRetryS: number
}

/** A rack's sessions are one hop long: silence of six seconds is a failure, and links tell of theirs at once. */
export const RACK_TIMERS: BgpTimers = { holdTimeS: 6, keepaliveS: 2, connectRetryS: 0.5 }

/** @param interfaceOf the interface on whose link a peer is. */
export function bgpConfig(
  spec: BgpSpec,
  interfaceOf: (peer: BgpPeerSpec) => string | undefined,
  timers: BgpTimers,
): BgpConfig {
  return {
    asn: spec.asn,
    routerId: spec.routerId,
    port: BGP_PORT,
    originate: spec.originate,
    peers: spec.peers.map((peer) => ({
      name: peer.name,
      remoteAddress: peer.address,
      remoteAsn: peer.asn,
      interface: interfaceOf(peer),
      idleHoldS: timers.connectRetryS,
      ...timers,
    })),
  }
}
