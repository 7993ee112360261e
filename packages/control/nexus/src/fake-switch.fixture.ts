/** A switch: its daemon, its routing daemon and the management gateway beside it, in memory. */
import { ApiFailure, implement, pageInMemory } from '@lodestone/api'
import { routedApi, type RoutedConfig } from '@lodestone/contract-routed'
import { spApi } from '@lodestone/contract-sp'
import { type LldpSettings, type NatEntry, type PortSettings, switchdApi } from '@lodestone/contract-switchd'
import { checkGeneration, content, unusedOperations } from './fake-service.fixture.ts'

/** What a switch's routing daemon is configured to do without the control plane. */
const OWN_ROUTING: RoutedConfig = {
  ddm: { hostname: 'switch', role: 'transit', interfaces: ['tfportrear0'] },
  tunnel_endpoint: 'fdb1::1',
}

/** What a neighbour on a rear port announces by DDM. */
export function prefixOnRear(slot: number, destination: string) {
  return { interface: `tfportrear${slot}`, next_hop: 'fe80::1', vectors: [{ destination, path: ['sled'] }] }
}

export class FakeSwitch {
  incarnation = 1
  generation = 0
  entries: NatEntry[] = []
  /** An address that the switch refuses to translate. */
  poison: string | undefined
  /** Translations are refused as a whole. */
  isNatBroken = false
  readonly ports = new Map<string, PortSettings>()
  readonly lldp = new Map<string, LldpSettings>()
  readonly loopbacks = new Set<string>()
  routing: RoutedConfig = OWN_ROUTING
  /** Of the board in place 31, as the gateway beside the switch knows it. */
  boardSerial = 'BRM31'
  /** What sleds announce on rear ports. */
  sledPrefixes: ReturnType<typeof prefixOnRear>[] = []
  /** Every configuration that routed was given, in order. */
  readonly applied: RoutedConfig[] = []

  /** Everything is lost, as when the switch restarts. */
  restart(): void {
    this.incarnation++
    this.generation = 0
    this.entries = []
    this.ports.clear()
    this.lldp.clear()
    this.loopbacks.clear()
    this.routing = OWN_ROUTING
  }

  readonly routedHandler = implement(routedApi, {
    ...unusedOperations(routedApi),
    config_view: () => this.routing,
    config_apply: ({ body }) => {
      this.routing = body
      this.applied.push(body)
    },
    bgp_neighbors: () =>
      (this.routing.bgp?.peers ?? []).map((peer) => ({
        name: peer.name,
        remote_address: peer.remote_address,
        remote_asn: peer.remote_asn ?? 0,
        state: 'Established' as const,
        in_state_ms: 1000.5,
        link_down: false,
        families: ['ipv4' as const],
        capabilities: [],
        timers: { configured_hold_s: 6 },
        end_of_rib_received: [],
        paths_received: 0,
        prefixes_advertised: 0,
        counters: {},
      })),
    bgp_exported: () =>
      (this.routing.bgp?.originate4 ?? []).map((prefix) => ({
        prefix,
        next_hop: '192.0.2.2',
        as_path: '',
        origin: 'igp' as const,
        communities: [],
      })),
    bgp_received: () => ({
      items: [
        {
          prefix: '0.0.0.0/0',
          path_id: 0,
          next_hop: '192.0.2.1',
          as_path: '64500',
          origin: 'igp' as const,
          communities: [],
          age_ms: 1,
          stale: false,
          used: true,
        },
      ],
      next_page: null,
    }),
    bgp_message_history: () => [],
    ddm_prefixes: () => this.sledPrefixes,
    bfd_status: () => ({
      listening: true,
      sessions: (this.routing.bfd_sessions ?? []).map((session) => ({
        name: session.remote_address,
        remote_address: session.remote_address,
        mode: session.mode ?? 'single-hop',
        state: 'Up' as const,
        in_state_ms: 1,
        diagnostic: 'none',
        local_discriminator: 1,
        remote_discriminator: 2,
        remote_state: 'Up' as const,
        remote_diagnostic: 'none',
        transmit_interval_ms: 300,
        detection_time_ms: 900,
        multiplier: session.detection_multiplier ?? 3,
        echo_active: false,
        users: [],
        counters: {},
      })),
      counters: {},
    }),
  })

  /** The management gateway beside it knows of one board, which is not part of the rack. */
  readonly gatewayHandler = implement(spApi, {
    ...unusedOperations(spApi),
    local_all_sp_ids: () => [{ type: 'sled' as const, slot: 31 }],
    sp_get: () => ({
      hubris_archive_id: 'fake',
      serial_number: this.boardSerial,
      model: '913-0000019',
      revision: 1,
      base_mac_address: 'a8:40:25:00:00:1f',
      power_state: 'A2' as const,
    }),
  })

  readonly handler = implement(switchdApi, {
    // Operations that the control plane does not use.
    ...unusedOperations(switchdApi),
    port_settings_view: ({ params }) => this.ports.get(params.port_id) ?? { links: {} },
    port_settings_apply: ({ params, body }) => {
      this.ports.set(params.port_id, content(body))
      return body
    },
    port_settings_clear: ({ params }) => void this.ports.delete(params.port_id),
    link_list: () => ({ items: [], next_page: null }),
    lldp_settings_view: ({ params }) => this.lldp.get(params.port_id) ?? { enabled: true },
    lldp_settings_set: ({ params, body }) => void this.lldp.set(params.port_id, body),
    lldp_neighbors: () => [
      {
        port_id: 'qsfp0',
        chassis_id: 'isp0',
        neighbor_port_id: 'eth0',
        management_addresses: [{ ip: '192.0.2.1', interface_numbering: 'unknown' as const, interface_number: 0 }],
        first_seen: '2026-01-01T00:00:00.000Z',
        last_seen: '2026-01-01T00:00:30.000Z',
      },
    ],
    loopback_ipv4_list: () => [...this.loopbacks].filter((address) => !address.includes(':')),
    loopback_ipv6_list: () => [...this.loopbacks].filter((address) => address.includes(':')),
    loopback_ipv4_add: ({ params }) => void this.loopbacks.add(params.address),
    loopback_ipv6_add: ({ params }) => void this.loopbacks.add(params.address),
    loopback_ipv4_delete: ({ params }) => void this.loopbacks.delete(params.address),
    loopback_ipv6_delete: ({ params }) => void this.loopbacks.delete(params.address),
    status: () => ({ incarnation: this.incarnation }),
    nat_status: () => ({
      desired_generation: this.generation,
      applied_generation: this.generation,
      desired: this.entries.length,
      applied: this.entries.length,
      capacity_left: 1000,
      failed: [],
    }),
    nat_desired_set: ({ body }) => {
      if (this.isNatBroken) throw new ApiFailure({ kind: 'unavailable', message: 'the table cannot be written' })
      checkGeneration(body.generation, this.generation)
      this.generation = body.generation
      this.entries = content(body).entries.filter((entry) => entry.external_address !== this.poison)
      const results = body.entries.map(({ external_address, first_port, last_port }) => ({
        external_address,
        first_port,
        last_port,
        ...(external_address === this.poison
          ? { outcome: 'failed' as const, reason: 'table full' }
          : { outcome: 'applied' as const }),
      }))
      return { generation: body.generation, results }
    },
    nat_list: ({ query }) => pageInMemory(this.entries, query, (e) => `${e.external_address} ${e.first_port}`),
  })
}
