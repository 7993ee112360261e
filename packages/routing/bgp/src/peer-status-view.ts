/** A peer's status, put together from its parts. */
import { Ip } from '@lodestone/net'
import { describeCapability } from './capability.ts'
import { type FsmState, fsmStateName } from './fsm-state.ts'
import { DEFAULT_HOLD_TIME_S, type PeerConfig } from './peer-config.ts'
import type { GracefulRestartStatus, NotificationRecord, PeerCounter, PeerStatus } from './peer-status.ts'
import type { RestartKeeper } from './restart-keeper.ts'
import type { Session } from './session.ts'

export interface PeerView {
  readonly config: PeerConfig
  readonly remoteAddress: Ip | undefined
  readonly isDynamic: boolean
  readonly fsm: FsmState
  readonly session: Session | undefined
  readonly localAddress: string | undefined
  readonly keeper: RestartKeeper
  readonly advertised: number
  readonly stateSinceMs: number
  readonly lastSent: NotificationRecord | undefined
  readonly lastReceived: NotificationRecord | undefined
  readonly counters: Readonly<Record<PeerCounter, number>>
  readonly nowMs: number
}

const UNKNOWN_ADDRESS = Ip.of('::')

export function peerStatusOf(view: PeerView): PeerStatus {
  const { config, fsm, session, keeper, nowMs } = view
  const connection = fsm.connections.find(({ id }) => id === session?.connection.id) ?? fsm.connections[0]
  const negotiated = connection?.session
  const adjacency = session?.adjacency ?? keeper.keptAdjacency
  const until = (dueMs: number | undefined): number | undefined =>
    dueMs === undefined || dueMs === Infinity ? undefined : Math.max(0, dueMs - nowMs)
  return {
    name: config.name,
    description: config.description,
    remoteAddress: view.remoteAddress ?? UNKNOWN_ADDRESS,
    remoteAsn: typeof config.remoteAsn === 'number' ? config.remoteAsn : (negotiated?.peerAsn ?? 0),
    isDynamic: view.isDynamic,
    isUnnumbered: config.remoteAddress === undefined,
    isExternal: negotiated?.isExternal,
    interface: config.interface,
    state: fsmStateName(fsm),
    isLinkDown: fsm.isLinkDown,
    inStateMs: nowMs - view.stateSinceMs,
    localAddress: view.localAddress,
    peerId: negotiated?.peerId,
    families: negotiated?.families ?? [],
    capabilities: negotiated?.peerCapabilities.map(describeCapability) ?? [],
    timers: {
      configuredHoldS: config.holdTimeS ?? DEFAULT_HOLD_TIME_S,
      negotiatedHoldS: negotiated === undefined ? undefined : negotiated.holdTimeMs / 1000,
      negotiatedKeepaliveS: negotiated === undefined ? undefined : negotiated.keepaliveMs / 1000,
      holdRemainingMs: until(connection?.holdAtMs),
      keepaliveRemainingMs: until(connection?.keepaliveAtMs),
      connectRetryRemainingMs: until(fsm.connectRetryAtMs),
      idleHoldRemainingMs: until(fsm.idleUntilMs),
    },
    endOfRibReceived: [...(session?.endOfRib ?? [])],
    role: negotiated?.role,
    addPathReceive: negotiated?.addPathReceive ?? [],
    addPathSend: negotiated?.addPathSend ?? [],
    isEnhancedRefresh: negotiated?.hasEnhancedRefresh ?? false,
    gracefulRestart: restartStatus(view, adjacency?.staleCount ?? 0, until),
    pathsReceived: adjacency?.pathCount ?? 0,
    pathsRefused: adjacency?.refusedCount ?? 0,
    prefixesAdvertised: view.advertised,
    queuedBytes: session?.queuedBytes ?? 0,
    lastNotificationSent: view.lastSent,
    lastNotificationReceived: view.lastReceived,
    counters: view.counters,
  }
}

function restartStatus(
  { config, session, keeper }: PeerView,
  stalePaths: number,
  until: (dueMs: number | undefined) => number | undefined,
): GracefulRestartStatus | undefined {
  if (config.gracefulRestart === undefined) return undefined
  const restart = session?.negotiated.restart
  return {
    isNegotiated: restart !== undefined,
    peerRestartTimeS: restart?.restartTimeS ?? 0,
    restartRemainingMs: until(keeper.restartUntilMs),
    staleRemainingMs: stalePaths === 0 ? undefined : until(keeper.staleUntilMs),
    stalePaths,
  }
}
