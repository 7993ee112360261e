/**
 * The probes of the routing daemons of an emulation: RIB, BGP, BFD, DDM. They observe the daemons through the same interfaces as the
 * event stream and the metrics do, and only while somebody watches.
 */
import { describeDiagnostic } from '@lodestone/bfd'
import type { SpeakerEvent } from '@lodestone/bgp'
import { type Clock, every } from '@lodestone/host'
import type { ProbeEvent, ProbePoint, ProbeSource } from '@lodestone/probe'
import type { Routed } from '@lodestone/routed'
import type { RouteChange } from '@lodestone/rib'

/** Nodes come and go with their power; new ones are found this soon. */
const LOOK_MS = 250

const ROUTE = {
  prefix: 'the prefix',
  protocol: 'bgp, static, ddm or connected, of the best path',
  from: 'the peer that the best path came from',
  next_hop: 'of the best path',
  paths: 'how many paths are used',
}

function point(
  provider: string,
  unit: string,
  name: string,
  sentence: string,
  fields: ProbePoint['fields'],
): ProbePoint {
  return { provider, unit, name, sentence, fields }
}

const POINTS: readonly ProbePoint[] = [
  point('rib', 'prefix', 'select', 'A prefix was given paths, or other ones.', ROUTE),
  point('rib', 'prefix', 'withdraw', 'A prefix lost its last path.', ROUTE),
  point('bgp', 'peer', 'transition', "A session's state machine moved.", { from: 'state', to: 'state', reason: 'why' }),
  point('bgp', 'peer', 'up', 'A session is established.', { address: 'of the peer', asn: 'of the peer' }),
  point('bgp', 'peer', 'down', 'A session ended.', { reason: 'why', restarting: 'whether its routes are kept' }),
  point('bgp', 'peer', 'end-of-rib', 'A peer has sent all it has.', { family: 'ipv4 or ipv6' }),
  point('bgp', 'peer', 'prefix-limit', 'A peer sent more prefixes than it may.', {
    count: 'of prefixes',
    limit: 'of them',
  }),
  point('bgp', 'peer', 'message', 'A message of an established session.', {
    direction: 'sent or received',
    bytes: 'its length',
  }),
  point('bfd', 'session', 'state', 'A session changed its state.', {
    from: 'state',
    to: 'state',
    diagnostic: 'why',
    failure: 'whether a failure',
  }),
  point('ddm', 'interface', 'state', "An interface's state machine moved; in state exchange it has a neighbour.", {
    from: 'state',
    to: 'state',
    reason: 'why',
  }),
  point('ddm', '', 'tunnels', 'The set of tunnel endpoints changed.', { count: 'of endpoints' }),
]

/** `routers` gives those that are on, by the name of their node. */
export function routingProbes(clock: Clock, routers: () => Iterable<readonly [string, Routed]>): ProbeSource {
  return {
    points: POINTS,
    subscribe(listener) {
      const watched = new Map<Routed, () => void>()
      const look = (): void => {
        const now = new Map([...routers()].map(([name, routed]) => [routed, name]))
        for (const [routed, stop] of watched) {
          if (now.has(routed)) continue
          stop()
          watched.delete(routed)
        }
        for (const [routed, node] of now)
          if (!watched.has(routed)) watched.set(routed, watch(routed, node, clock, listener))
      }
      look()
      const timer = every(clock, LOOK_MS, look)
      return () => {
        timer.cancel()
        for (const stop of watched.values()) stop()
        watched.clear()
      }
    },
  }
}

function watch(routed: Routed, node: string, clock: Clock, listener: (event: ProbeEvent) => void): () => void {
  const say = (provider: string, unit: string, name: string, fields: ProbeEvent['fields']): void =>
    listener({ provider, node, unit, name, atMs: clock.nowMs(), fields })
  // Both tell the present state first, which is no change.
  let isNew = false
  const stops = [
    routed.rib.watch((changes) => {
      for (const change of changes) route(change, say)
    }),
    routed.observeBgp({
      event: (event) => bgp(event, say),
      message: ({ name }, direction, bytes) => say('bgp', name, 'message', { direction, bytes: bytes.length }),
    }),
    routed.observeBfd(({ peer, from, to, diagnostic, isFailure }) =>
      say('bfd', peer.name, 'state', { from, to, diagnostic: describeDiagnostic(diagnostic), failure: isFailure }),
    ),
    routed.observeDdm(({ interfaceName, from, to, reason }) =>
      say('ddm', interfaceName, 'state', { from, to, reason }),
    ),
    routed.onTunnels((effective) => {
      if (isNew) say('ddm', '', 'tunnels', { count: effective.length })
    }),
  ]
  isNew = true
  return () => {
    for (const stop of stops) stop()
  }
}

type Say = (provider: string, unit: string, name: string, fields: ProbeEvent['fields']) => void

function route({ prefix, selected, previous }: RouteChange, say: Say): void {
  const best = selected[0] ?? previous[0]
  say('rib', prefix.toString(), selected.length === 0 ? 'withdraw' : 'select', {
    prefix: prefix.toString(),
    protocol: best?.source.protocol,
    from: best?.source.peer,
    next_hop: best?.nextHop.toString(),
    paths: selected.length,
  })
}

function bgp(event: SpeakerEvent, say: Say): void {
  switch (event.kind) {
    case 'transition': {
      const { from, to, reason } = event.transition
      return say('bgp', event.peer, 'transition', { from, to, reason })
    }
    case 'session-up':
      return say('bgp', event.identity.name, 'up', {
        address: event.identity.remoteAddress.toString(),
        asn: event.identity.remoteAsn,
      })
    case 'session-down':
      return say('bgp', event.identity.name, 'down', { reason: event.reason, restarting: event.isRestarting })
    case 'end-of-rib':
      return say('bgp', event.peer, 'end-of-rib', { family: `ipv${event.family}` })
    case 'prefix-limit':
      return say('bgp', event.peer, 'prefix-limit', { count: event.count, limit: event.limit })
    case 'peer-added':
    case 'peer-removed':
      return undefined
  }
}
