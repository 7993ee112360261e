/** The probes of TCP: every stack of an emulation and every guest that the packet engine's host can see into, while somebody watches. */
import { type Clock, every } from '@lodestone/host'
import type { TcpConnectionName, TcpEvent, TcpObserver } from '@lodestone/netstack'
import type { ProbeEvent, ProbePoint, ProbeSource } from '@lodestone/probe'
import type { Emulation } from './emulation.ts'

/** Nodes and guests come and go; new ones are found this soon. */
const LOOK_MS = 250

const NAMES = { local: 'our address', lport: 'our port', remote: "the other side's address", rport: 'its port' }
const SEGMENT = {
  ...NAMES,
  bytes: 'of payload; 0 in a segment that only opens or closes',
  in_flight: 'bytes not acknowledged, with these',
  cwnd: 'bytes of the congestion window',
}

function point(name: string, sentence: string, fields: ProbePoint['fields']): ProbePoint {
  return { provider: 'tcp', unit: 'connection', name, sentence, fields }
}

const POINTS: readonly ProbePoint[] = [
  point('state', "A connection's state machine moved.", {
    ...NAMES,
    from: 'state',
    to: 'state',
    failure: 'why it ended, where that was no orderly end',
  }),
  point('send', 'A segment with data, SYN or FIN was sent for the first time.', SEGMENT),
  point('retransmit', 'A segment was sent again.', SEGMENT),
  point('receive', 'A segment with data came.', { ...NAMES, bytes: 'of payload', new: 'whether any of it was new' }),
  point('rtt', 'A round trip was measured.', {
    ...NAMES,
    ms: 'this round trip',
    smoothed_ms: 'the mean that follows it',
    rto_ms: 'the retransmission timeout that follows from both',
  }),
]

type Watchable = (observer: TcpObserver) => () => void

export function tcpProbes(clock: Clock, emulation: Emulation): ProbeSource {
  return {
    points: POINTS,
    subscribe(listener) {
      const watched = new Map<object, () => void>()
      const look = (): void => {
        const now = stacksOf(emulation)
        for (const [stack, stop] of watched) {
          if (now.has(stack)) continue
          stop()
          watched.delete(stack)
        }
        for (const [stack, { node, watch }] of now) {
          if (watched.has(stack)) continue
          watched.set(
            stack,
            watch((connection, event) => listener(eventOf(node, clock.nowMs(), connection, event))),
          )
        }
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

function stacksOf(emulation: Emulation): Map<object, { node: string; watch: Watchable }> {
  const stacks = new Map<object, { node: string; watch: Watchable }>()
  for (const [node, { stack }] of emulation.nodes) {
    stacks.set(stack, { node, watch: (observer) => stack.observeTcp(observer) })
  }
  for (const sled of emulation.sleds()) {
    for (const { guest, desired } of sled.agent.instances.values()) {
      if (guest?.observeTcp === undefined) continue
      stacks.set(guest, { node: desired.hostname, watch: guest.observeTcp })
    }
  }
  return stacks
}

function eventOf(node: string, atMs: number, name: TcpConnectionName, event: TcpEvent): ProbeEvent {
  const { local, localPort: lport, remote, remotePort: rport } = name
  const fields = { local, lport, remote, rport, ...fieldsOf(event) }
  return { provider: 'tcp', node, unit: `${local}:${lport}-${remote}:${rport}`, name: event.kind, atMs, fields }
}

function fieldsOf(event: TcpEvent): ProbeEvent['fields'] {
  switch (event.kind) {
    case 'state':
      return { from: event.from, to: event.to, failure: event.failure }
    case 'send':
    case 'retransmit':
      return { bytes: event.bytes, in_flight: event.inFlight, cwnd: event.windowBytes }
    case 'receive':
      return { bytes: event.bytes, new: event.isNew }
    case 'rtt':
      return { ms: event.rttMs, smoothed_ms: event.smoothedMs, rto_ms: event.timeoutMs }
  }
}
