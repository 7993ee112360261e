/** What a peer's configuration and session mean for the state machine, for import and for export. */
import type { Ip } from '@lodestone/net'
import { FAMILIES } from './address-family.ts'
import type { FsmConfig } from './fsm-state.ts'
import type { GroupOptions } from './group-book.ts'
import type { PeerSurroundings } from './peer.ts'
import {
  DEFAULT_CONNECT_RETRY_S,
  DEFAULT_HOLD_TIME_S,
  DEFAULT_IDLE_HOLD_S,
  DEFAULT_RESTART_TIME_S,
  type PeerConfig,
} from './peer-config.ts'
import type { Policy } from './policy.ts'
import type { ExportContext } from './route-export.ts'
import type { ImportContext } from './route-judgement.ts'
import type { NegotiatedSession } from './negotiation.ts'

export function fsmConfigOf(config: PeerConfig, around: PeerSurroundings): FsmConfig {
  const { gracefulRestart } = config
  return {
    localAsn: around.asn,
    localId: around.routerId,
    remoteAsn: config.remoteAsn,
    holdTimeS: config.holdTimeS ?? DEFAULT_HOLD_TIME_S,
    keepaliveS: config.keepaliveS,
    families: config.families ?? FAMILIES,
    ipv4OverIpv6: config.ipv4OverIpv6 ?? isUnnumbered(config),
    gracefulRestart:
      gracefulRestart === undefined
        ? undefined
        : {
            restartTimeS: gracefulRestart.restartTimeS ?? DEFAULT_RESTART_TIME_S,
            isForwardingPreserved: gracefulRestart.isForwardingPreserved ?? true,
            isHelperOnly: gracefulRestart.isHelperOnly ?? false,
          },
    isRestarting: around.isRestarting(),
    addPath: config.addPath,
    role: config.role,
    isRoleStrict: config.isRoleStrict,
    connectRetryMs: (config.connectRetryS ?? DEFAULT_CONNECT_RETRY_S) * 1000,
    idleHoldMs: (config.idleHoldS ?? DEFAULT_IDLE_HOLD_S) * 1000,
    isPassive: config.isPassive ?? false,
    jitter: () => around.random.float(),
  }
}

/** The peer is known by its link alone. */
export function isUnnumbered(config: PeerConfig): boolean {
  return config.remoteAddress === undefined
}

export function importContextOf(
  config: PeerConfig,
  around: PeerSurroundings,
  session: NegotiatedSession,
): ImportContext {
  return {
    peer: config.name,
    localAsn: around.asn,
    localId: around.routerId,
    clusterId: around.clusterId,
    session,
    enforceFirstAs: config.enforceFirstAs ?? true,
    allowOwnAs: config.allowOwnAs ?? 0,
    localPref: config.localPref,
    honoursGracefulShutdown: config.honoursGracefulShutdown ?? true,
    policy: config.import,
    requiresPolicy: config.requiresPolicy ?? around.requiresPolicy,
    isLocalAddress: (address) => around.isLocalAddress(address),
    resolveNextHop: around.resolveNextHop,
    interface: config.interface,
  }
}

export function exportContextOf(
  config: PeerConfig,
  around: PeerSurroundings,
  session: NegotiatedSession,
  localAddress: Ip | undefined,
  gracefulShutdown: boolean,
): ExportContext {
  return {
    localAsn: around.asn,
    localId: around.routerId,
    clusterId: around.clusterId,
    peer: config.name,
    session,
    policy: config.export,
    requiresPolicy: config.requiresPolicy ?? around.requiresPolicy,
    nextHop4: config.nextHop4 ?? (localAddress?.family === 4 ? localAddress : undefined),
    nextHop6: config.nextHop6 ?? (localAddress?.family === 6 ? localAddress : undefined),
    nextHopSelf: config.nextHopSelf ?? false,
    nextHopUnchanged: config.nextHopUnchanged ?? false,
    isClient: config.isRouteReflectorClient ?? false,
    isClientOf: (peer) => around.isClient(peer),
    gracefulShutdown,
    loopAsn: config.tellsLoops === false && session.isExternal ? session.peerAsn : 0,
  }
}

/** Peers with equal keys are told the same. */
export function groupOptionsOf(config: PeerConfig, context: ExportContext, around: PeerSurroundings): GroupOptions {
  const { session, policy } = context
  const key = JSON.stringify([
    session.isExternal,
    session.isFourOctetAs,
    session.families,
    session.ipv4OverIpv6,
    session.addPathSend,
    config.addPath?.maxPaths,
    session.role,
    context.nextHop4,
    context.nextHop6,
    context.nextHopSelf,
    context.nextHopUnchanged,
    context.isClient,
    context.gracefulShutdown,
    context.requiresPolicy,
    context.loopAsn,
    config.advertisementIntervalS,
    policy === undefined ? 'none' : policyKey(policy, config.name),
    around.clientsKey(),
  ])
  return {
    key,
    context,
    intervalMs: (config.advertisementIntervalS ?? 0) * 1000,
    maxPaths: config.addPath?.maxPaths ?? Infinity,
  }
}

const functionNumbers = new WeakMap<object, number>()
let nextFunction = 1

/** Declared policies are equal by content; functions only to themselves, and they may look at the peer. */
function policyKey(policy: Policy, peer: string): string {
  const { route } = policy
  if (route === undefined) return JSON.stringify(policy)
  let number = functionNumbers.get(route)
  if (number === undefined) functionNumbers.set(route, (number = nextFunction++))
  return `${JSON.stringify(policy)} ${number} ${peer}`
}
