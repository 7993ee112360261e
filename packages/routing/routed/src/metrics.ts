/**
 * Metrics in the text format of Prometheus. Everything is read when somebody asks: nothing is counted twice, and nothing is kept
 * for a peer that has gone.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import type { BmpExporter } from './bmp/bmp-exporter.ts'
import type { MrtDumper } from './mrt/mrt-dumper.ts'
import type { Routed } from './routed.ts'

const STATES = ['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'] as const

type Row = readonly [labels: Readonly<Record<string, string>>, value: number]

export class Metrics {
  readonly #registry = new Registry()

  /** @param startedAtMs of the daemon, on its clock. */
  constructor(routed: Routed, bmp: BmpExporter, mrt: MrtDumper | undefined, startedAtMs: number) {
    this.#bgp(routed)
    this.#rib(routed)
    this.#lower(routed)
    this.#bfd(routed)
    this.#exports(bmp, mrt)
    this.#gauge('routed_uptime_seconds', 'How long the daemon runs', [], () => [
      [{}, (routed.host.clock.nowMs() - startedAtMs) / 1000],
    ])
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #gauge(name: string, help: string, labelNames: readonly string[], rows: () => Iterable<Row>): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset()
        for (const [labels, value] of rows()) this.set(labels, value)
      },
    })
  }

  #counter(name: string, help: string, labelNames: readonly string[], rows: () => Iterable<Row>): void {
    new Counter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        // The counting is done elsewhere; what is shown is what stands there.
        this.reset()
        for (const [labels, value] of rows()) this.inc(labels, value)
      },
    })
  }

  #bgp(routed: Routed): void {
    const statuses = () => Array.from(routed.speaker?.peers() ?? [], (peer) => peer.status())
    const perPeer = (
      name: string,
      help: string,
      value: (status: ReturnType<typeof statuses>[number]) => number,
    ): void =>
      this.#gauge(name, help, ['peer'], () => statuses().map((status): Row => [{ peer: status.name }, value(status)]))
    perPeer('routed_bgp_peer_up', '1 when the session is established', ({ state }) => Number(state === 'Established'))
    perPeer('routed_bgp_peer_state', `Position of the state in ${STATES.join(', ')}`, ({ state }) =>
      STATES.indexOf(state),
    )
    perPeer('routed_bgp_peer_state_seconds', 'Time in this state', ({ inStateMs }) => inStateMs / 1000)
    perPeer('routed_bgp_peer_paths_received', 'Paths held of the peer', ({ pathsReceived }) => pathsReceived)
    perPeer('routed_bgp_peer_paths_refused', 'Those of them that import refused', ({ pathsRefused }) => pathsRefused)
    perPeer('routed_bgp_peer_prefixes_advertised', 'Prefixes told to the peer', (status) => status.prefixesAdvertised)
    perPeer(
      'routed_bgp_peer_queued_bytes',
      'Bytes that the connection has not taken yet',
      ({ queuedBytes }) => queuedBytes,
    )
    this.#counter(
      'routed_bgp_peer_events_total',
      'What happened with the peer, by kind',
      ['peer', 'kind'],
      function* () {
        for (const { name, counters } of statuses()) {
          for (const [kind, value] of Object.entries(counters)) yield [{ peer: name, kind }, value] as const
        }
      },
    )
    this.#gauge('routed_bgp_listening', '1 where BGP listens', ['place'], () =>
      routed.listenStatus().map(({ place, isListening }): Row => [{ place }, Number(isListening)]),
    )
  }

  #rib({ rib }: Routed): void {
    this.#gauge('routed_rib_prefixes', 'Prefixes with a path', [], () => [[{}, rib.routeCount]])
    this.#gauge('routed_rib_selected_prefixes', 'Prefixes with a path in use', [], () => [[{}, rib.selectedCount]])
    this.#gauge('routed_rib_oscillating_prefixes', 'Prefixes whose best path takes turns', [], () => [
      [{}, rib.oscillations().length],
    ])
    this.#gauge('routed_rib_paths', 'Paths by protocol', ['protocol'], () => {
      const counts = new Map<string, number>()
      for (const { source, pathCount } of rib.adjacencies) {
        counts.set(source.protocol, (counts.get(source.protocol) ?? 0) + pathCount)
      }
      return Array.from(counts, ([protocol, count]): Row => [{ protocol }, count])
    })
  }

  #lower(routed: Routed): void {
    this.#gauge('routed_lower_routes', 'Routes of a forwarding plane by state', ['target', 'state'], function* () {
      for (const { target, desired, programmed, queued, failing, unresolved } of routed.lowerStatus()) {
        yield [{ target, state: 'desired' }, desired] as const
        yield [{ target, state: 'programmed' }, programmed] as const
        yield [{ target, state: 'queued' }, queued] as const
        yield [{ target, state: 'failing' }, failing.length] as const
        yield [{ target, state: 'unresolved' }, unresolved.length] as const
      }
    })
    this.#counter(
      'routed_lower_events_total',
      'What happened with a forwarding plane',
      ['target', 'kind'],
      function* () {
        for (const { target, counters } of routed.lowerStatus()) {
          for (const [kind, value] of Object.entries(counters)) yield [{ target, kind }, value] as const
        }
      },
    )
  }

  #bfd(routed: Routed): void {
    const peers = () => routed.bfdStatus()?.peers ?? []
    this.#gauge('routed_bfd_session_up', '1 when the session is up', ['session'], () =>
      peers().map(({ name, state }): Row => [{ session: name }, Number(state === 'Up')]),
    )
    this.#counter(
      'routed_bfd_session_events_total',
      'What happened with the session',
      ['session', 'kind'],
      function* () {
        for (const { name, counters } of peers()) {
          for (const [kind, value] of Object.entries(counters)) yield [{ session: name, kind }, value] as const
        }
      },
    )
  }

  #exports(bmp: BmpExporter, mrt: MrtDumper | undefined): void {
    this.#gauge('routed_bmp_connected', '1 while the station is connected', ['station'], () =>
      bmp.status().map(({ name, isConnected }): Row => [{ station: name }, Number(isConnected)]),
    )
    this.#gauge('routed_bmp_queued_bytes', 'Bytes that the station has not taken yet', ['station'], () =>
      bmp.status().map(({ name, queuedBytes }): Row => [{ station: name }, queuedBytes]),
    )
    this.#counter('routed_bmp_events_total', 'What happened with the station', ['station', 'kind'], function* () {
      for (const { name, counters } of bmp.status()) {
        for (const [kind, value] of Object.entries(counters)) yield [{ station: name, kind }, value] as const
      }
    })
    this.#counter('routed_mrt_events_total', 'What happened with MRT files', ['kind'], () =>
      Object.entries(mrt?.counters() ?? {}).map(([kind, value]): Row => [{ kind }, value]),
    )
  }
}
