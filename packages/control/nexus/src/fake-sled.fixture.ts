/** A sled agent that implements its contract in memory. */
import { ApiFailure, implement, ndjsonWriter } from '@lodestone/api'
import {
  type ExternalAddresses,
  type ExternalIps,
  type FirewallRule,
  type InstanceEnsure,
  type SerialConsoleChunk,
  sledAgentApi,
  type SledHardware,
  type SledInstance,
  type SledRole,
  type V2pState,
  type VpcRoutes,
} from '@lodestone/contract-sled-agent'
import type { VirtualClock } from '@lodestone/host'
import { checkGeneration, content, unused } from './fake-service.fixture.ts'

const BOOT_MS = 50

export class FakeSled {
  readonly instances = new Map<string, { spec: InstanceEnsure; now: SledInstance }>()
  readonly firewalls = new Map<number, { generation: number; rules: FirewallRule[] }>()
  v2p: V2pState = { generation: 0, mappings: [] }
  externalAddresses: ExternalAddresses = { generation: 0, mappings: [] }
  routes: VpcRoutes = { generation: 0, sets: [] }
  /** What happens to what is typed on a console. */
  typed: (text: string) => void = () => {}
  calls = 0
  /** The next instances to start end in state failed, with this reason. */
  failure: string | undefined
  /** How many of the next requests for another state fail. */
  refusals = 0
  readonly #clock: VirtualClock
  readonly baseboard: SledHardware['baseboard']
  role: SledRole | undefined

  constructor(clock: VirtualClock, serial: string, part = 'lodestone-sled') {
    this.#clock = clock
    this.baseboard = { serial, part, revision: 6 }
  }

  /** Everything is lost, as when the agent restarts. */
  restart(): void {
    this.role = undefined
    this.instances.clear()
    this.firewalls.clear()
    this.v2p = { generation: 0, mappings: [] }
    this.externalAddresses = { generation: 0, mappings: [] }
  }

  setState(id: string, state: SledInstance['state'], reason?: string): void {
    const known = this.instances.get(id)
    if (known === undefined) return
    known.now = {
      ...known.now,
      state,
      time_updated: new Date(this.#clock.wallMs()).toISOString(),
      ...(reason === undefined ? {} : { reason }),
    }
  }

  find(id: string): { spec: InstanceEnsure; now: SledInstance } {
    const known = this.instances.get(id)
    if (known === undefined) {
      throw new ApiFailure({ kind: 'object-not-found', type: 'instance', lookup: { id } })
    }
    return known
  }

  readonly handler = implement(
    sledAgentApi,
    {
      inventory_view: () => ({
        baseboard: this.baseboard,
        hardware_threads: 128,
        physical_ram_bytes: 2 ** 40,
        disks: [],
        role: this.role ?? null,
      }),
      role_set: ({ body }) => {
        this.role = body
        return { generation: body.generation }
      },
      instance_list: () => [...this.instances.values()].map(({ now }) => now),
      instance_ensure: ({ params, body }) => {
        const id = params.instance_id
        const known = this.instances.get(id)
        checkGeneration(body.generation, known?.spec.generation)
        const time = new Date(this.#clock.wallMs()).toISOString()
        const now: SledInstance = {
          id,
          generation: body.generation,
          state: known?.now.state ?? 'stopped',
          time_updated: time,
        }
        this.instances.set(id, { spec: content(body), now })
        return now
      },
      instance_view: ({ params }) => this.find(params.instance_id).now,
      instance_delete: ({ params }) => void this.instances.delete(params.instance_id),
      instance_state_set: ({ params, body }) => {
        const id = params.instance_id
        this.find(id)
        if (this.refusals > 0) {
          this.refusals--
          throw new ApiFailure({ kind: 'unavailable', message: 'not now' })
        }
        const { failure } = this
        this.setState(id, body.state === 'stopped' ? 'stopping' : 'starting')
        this.#clock.after(BOOT_MS, () => {
          if (body.state === 'stopped') this.setState(id, 'stopped')
          else if (failure !== undefined) this.setState(id, 'failed', failure)
          else this.setState(id, 'running')
        })
        return this.find(id).now
      },
      instance_external_ips_set: ({ params, body }) => {
        const known = this.find(params.instance_id)
        known.spec = { ...known.spec, external_ips: content(body) }
      },
      instance_serial_console: ({ query }) => {
        const text = Buffer.from('lodestone guest\n')
        const start = query.from_start ?? Math.max(0, text.length - (query.most_recent ?? 0))
        return { data: [...text.subarray(start, start + (query.max_bytes ?? 100))], last_byte_offset: text.length }
      },
      instance_serial_console_stream: () => {
        const writer = ndjsonWriter<SerialConsoleChunk>()
        const say = (text: string): void => {
          writer.write({ offset: 0, data: Buffer.from(text).toString('base64') })
        }
        say('lodestone guest\n')
        this.typed = (text) => say(`you typed ${text}`)
        return writer.stream
      },
      instance_serial_console_input: ({ body }) => {
        this.typed(Buffer.from(body.data).toString())
        return undefined
      },
      external_addresses_set: ({ body }) => {
        checkGeneration(body.generation, this.externalAddresses.generation)
        this.externalAddresses = content(body)
        return { generation: body.generation }
      },
      multicast_subscriptions_list: () => ({ subscriptions: [] }),
      multicast_groups_set: unused,
      port_flows_save: unused,
      port_flows_restore: unused,
      v2p_view: () => this.v2p,
      v2p_set: ({ body }) => {
        checkGeneration(body.generation, this.v2p.generation)
        this.v2p = content(body)
        return { generation: body.generation }
      },
      vpc_firewall_rules_set: ({ params, body }) => {
        checkGeneration(body.generation, this.firewalls.get(params.vni)?.generation)
        this.firewalls.set(params.vni, content(body))
        return { generation: body.generation }
      },
      vpc_routes_set: ({ body }) => {
        checkGeneration(body.generation, this.routes.generation)
        this.routes = content(body)
        return { generation: body.generation }
      },
      port_list: () => [],
      port_view: ({ params }) => {
        throw new ApiFailure({ kind: 'object-not-found', type: 'port', lookup: { id: params.port_id } })
      },
      port_settings_set: unused,
      port_explain: unused,
      port_drops: unused,
      flow_log_stream: unused,
    },
    { before: () => void this.calls++, checkResponses: true },
  )

  externalIps(id: string): ExternalIps {
    return this.find(id).spec.external_ips
  }
}
