/** What the engine knows, in the words of the contract. */
import type { PeerStatus as BfdPeerStatus } from '@lodestone/bfd'
import {
  AttributeSet,
  formatCommunity,
  formatExtendedCommunities,
  formatLargeCommunities,
  type FsmTransition,
  type GracefulRestartStatus,
  type MessageRecord,
  type NotificationRecord,
  type PeerStatus,
} from '@lodestone/bgp'
import type {
  BfdSession,
  BgpNeighbor,
  DdmPeer as ApiDdmPeer,
  ReceivedRoute,
  RibPath,
  TunnelEndpoint,
} from '@lodestone/contract-routed'
import type { DdmPeer, TunnelOrigin } from '@lodestone/ddm'
import type { Clock } from '@lodestone/host'
import { Ip, type Prefix } from '@lodestone/net'
import type { LowerHalfStatus } from '@lodestone/lower'
import type { Path } from '@lodestone/rib'
import type { BfdUser } from '../bfd-tracker.ts'

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
    ...(path.pathId === 0 ? {} : { path_id: path.pathId }),
    ...(path.isStale ? { stale: true } : {}),
    ...(attributes === undefined
      ? {}
      : {
          bgp: {
            as_path: attributes.asPathText,
            origin: ORIGINS[attributes.origin],
            local_pref: attributes.effectiveLocalPref,
            med: attributes.effectiveMed,
            external: source.bgp?.isExternal ?? false,
            communities: attributes instanceof AttributeSet ? communitiesOf(attributes) : [],
          },
        }),
  }
}

/** Standard, extended and large ones, each in its own form. */
function communitiesOf({ communities, extendedCommunities, largeCommunities }: AttributeSet): string[] {
  return [
    ...communities.map(formatCommunity),
    ...(extendedCommunities === undefined ? [] : formatExtendedCommunities(extendedCommunities)),
    ...(largeCommunities === undefined ? [] : formatLargeCommunities(largeCommunities)),
  ]
}

/** A path as its peer sent it: what import changed is not seen here. */
export function receivedToApi(path: Path, isUsed: boolean, clock: Clock): ReceivedRoute {
  const attributes = path.received ?? path.attributes
  const set = attributes instanceof AttributeSet ? attributes : undefined
  return {
    prefix: path.prefix.toString(),
    path_id: path.pathId,
    next_hop: path.nextHop.toString(),
    as_path: attributes?.asPathText ?? '',
    origin: ORIGINS[attributes?.origin ?? 2],
    communities: set === undefined ? [] : communitiesOf(set),
    age_ms: clock.nowMs() - path.receivedAtMs,
    stale: path.isStale,
    used: isUsed,
    ...defined({ med: set?.med, local_pref: set?.localPref, refused: path.unusable && { ...path.unusable } }),
  }
}

export function bfdSessionToApi(status: BfdPeerStatus, users: readonly BfdUser[]): BfdSession {
  const { remote, timers, echo } = status
  return {
    name: status.name,
    remote_address: status.remoteAddress.toString(),
    mode: status.mode,
    state: status.state,
    in_state_ms: status.inStateMs,
    diagnostic: status.diagnosticText,
    local_discriminator: status.localDiscriminator,
    remote_discriminator: remote.discriminator,
    remote_state: remote.state,
    remote_diagnostic: remote.diagnosticText,
    transmit_interval_ms: timers.transmitIntervalUs / 1000,
    detection_time_ms: timers.detectionTimeUs / 1000,
    multiplier: timers.detectMult,
    echo_active: echo.isActive,
    users: users.map((user) => (user.kind === 'bgp' ? `bgp ${user.peer}` : `${user.kind} ${user.name}`)),
    counters: { ...status.counters },
    ...defined({
      local_address: status.localAddress?.toString(),
      interface: status.interface,
      problem: status.socketError,
    }),
  }
}

const MESSAGE_TYPES = ['unknown', 'OPEN', 'UPDATE', 'NOTIFICATION', 'KEEPALIVE', 'ROUTE-REFRESH'] as const

export function messageToApi({ wallMs, direction, type, bytes }: MessageRecord) {
  return {
    time: isoTime(wallMs),
    direction,
    type: MESSAGE_TYPES[type] ?? 'unknown',
    length: bytes.length,
    hex: Buffer.from(bytes).toString('hex'),
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
    dynamic: status.isDynamic,
    unnumbered: status.isUnnumbered,
    add_path_receive: status.addPathReceive.map((family) => `ipv${family}` as const),
    add_path_send: status.addPathSend.map((family) => `ipv${family}` as const),
    enhanced_refresh: status.isEnhancedRefresh,
    paths_refused: status.pathsRefused,
    queued_bytes: status.queuedBytes,
    ...defined({
      local_address: status.localAddress,
      description: status.description,
      interface: status.interface,
      external: status.isExternal,
      role: status.role,
      graceful_restart: restartToApi(status.gracefulRestart),
      peer_id: status.peerId === undefined ? undefined : Ip.v4(status.peerId).toString(),
      last_notification_sent: notificationToApi(status.lastNotificationSent),
      last_notification_received: notificationToApi(status.lastNotificationReceived),
    }),
  }
}

function restartToApi(status: GracefulRestartStatus | undefined) {
  if (status === undefined) return undefined
  return {
    negotiated: status.isNegotiated,
    peer_restart_time_s: status.peerRestartTimeS,
    stale_paths: status.stalePaths,
    ...defined({ restart_remaining_ms: status.restartRemainingMs, stale_remaining_ms: status.staleRemainingMs }),
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
    communities: communitiesOf(attributes),
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

export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString()
}
