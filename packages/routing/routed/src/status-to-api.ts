/** What the engine knows, in the words of the contract. */
import {
  type AttributeSet,
  formatCommunity,
  type FsmTransition,
  type NotificationRecord,
  type PeerStatus,
} from '@lodestone/bgp'
import type { BgpNeighbor, DdmPeer as ApiDdmPeer, RibPath, TunnelEndpoint } from '@lodestone/contract-routed'
import type { DdmPeer, TunnelOrigin } from '@lodestone/ddm'
import type { Clock } from '@lodestone/host'
import { Ip, type Prefix } from '@lodestone/net'
import type { LowerHalfStatus } from '@lodestone/lower'
import type { Path } from '@lodestone/rib'

const ORIGINS = ['igp', 'egp', 'incomplete'] as const

/** The fields that have a value: JSON has no undefined, and the contract leaves them out. */
function defined<Value extends object>(fields: Value): { [Key in keyof Value]?: Exclude<Value[Key], undefined> } {
  // because the entries that are undefined are the ones left out
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

export function pathToApi(path: Path, clock: Clock): RibPath {
  const { source, attributes, unusable } = path
  return {
    protocol: source.protocol,
    peer: source.peer,
    next_hop: path.nextHop.toString(),
    preference: path.preference,
    metric: path.metric,
    age_ms: clock.nowMs() - path.receivedAtMs,
    ...(path.nextHopInterface === undefined ? {} : { interface: path.nextHopInterface }),
    ...(unusable === undefined ? {} : { unusable: { ...unusable } }),
    ...(attributes === undefined
      ? {}
      : {
          bgp: {
            as_path: attributes.asPathText,
            origin: ORIGINS[attributes.origin],
            local_pref: attributes.effectiveLocalPref,
            med: attributes.effectiveMed,
            external: source.bgp?.isExternal ?? false,
          },
        }),
  }
}

export function neighborToApi(status: PeerStatus): BgpNeighbor {
  const { timers } = status
  return {
    name: status.name,
    remote_address: status.remoteAddress.toString(),
    remote_asn: status.remoteAsn,
    state: status.state,
    in_state_ms: status.inStateMs,
    link_down: status.isLinkDown,
    families: status.families.map((family) => `ipv${family}` as const),
    capabilities: [...status.capabilities],
    timers: {
      configured_hold_s: timers.configuredHoldS,
      ...defined({
        negotiated_hold_s: timers.negotiatedHoldS,
        negotiated_keepalive_s: timers.negotiatedKeepaliveS,
        hold_remaining_ms: timers.holdRemainingMs,
        keepalive_remaining_ms: timers.keepaliveRemainingMs,
        connect_retry_remaining_ms: timers.connectRetryRemainingMs,
        idle_hold_remaining_ms: timers.idleHoldRemainingMs,
      }),
    },
    end_of_rib_received: status.endOfRibReceived.map((family) => `ipv${family}` as const),
    paths_received: status.pathsReceived,
    prefixes_advertised: status.prefixesAdvertised,
    counters: { ...status.counters },
    ...defined({
      local_address: status.localAddress,
      peer_id: status.peerId === undefined ? undefined : Ip.v4(status.peerId).toString(),
      last_notification_sent: notificationToApi(status.lastNotificationSent),
      last_notification_received: notificationToApi(status.lastNotificationReceived),
    }),
  }
}

function notificationToApi(record: NotificationRecord | undefined) {
  if (record === undefined) return undefined
  const { wallMs, code, subcode, text, data } = record
  return { time: isoTime(wallMs), code, subcode, text, data: Buffer.from(data).toString('hex') }
}

export function transitionToApi({ wallMs, from, to, reason }: FsmTransition) {
  return { time: isoTime(wallMs), from, to, reason }
}

export function exportedToApi(route: { prefix: Prefix; attributes: AttributeSet; nextHop: Ip }) {
  const { attributes } = route
  return {
    prefix: route.prefix.toString(),
    next_hop: route.nextHop.toString(),
    as_path: attributes.asPathText,
    origin: ORIGINS[attributes.origin],
    communities: attributes.communities.map(formatCommunity),
    ...defined({ med: attributes.med, local_pref: attributes.localPref }),
  }
}

export function lowerToApi(status: LowerHalfStatus) {
  return {
    target: status.target,
    desired: status.desired,
    programmed: status.programmed,
    queued: status.queued,
    in_flight: status.inFlight,
    failing: status.failing.map(({ prefix, operation, reason, attempts, sinceMs }) => ({
      prefix: prefix.toString(),
      operation,
      reason,
      attempts,
      since_ms: sinceMs,
    })),
    unresolved: status.unresolved.map(String),
    counters: { ...status.counters },
  }
}

export function ddmPeerToApi(peer: DdmPeer): ApiDdmPeer {
  return {
    interface: peer.interfaceName,
    status: peer.status,
    prefix_count: peer.prefixCount,
    tunnel_count: peer.tunnelCount,
    counters: { ...peer.counters },
    ...defined({
      addr: peer.address?.toString(),
      host: peer.host,
      kind: peer.kind,
      lost_reason: peer.lostReason,
      expired_for_ms: peer.expiredForMs,
    }),
  }
}

export function tunnelToApi(origin: TunnelOrigin): TunnelEndpoint {
  return {
    overlay_prefix: origin.overlayPrefix.toString(),
    boundary_addr: origin.boundaryAddress.toString(),
    vni: origin.vni,
    metric: origin.metric.toString(),
  }
}

function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString()
}
