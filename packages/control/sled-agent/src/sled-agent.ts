/**
 * The agent of one sled: carries out what the control plane asks over HTTP, with the sled's packet engine and an instance runner.
 * It keeps nothing across restarts: the control plane states everything again.
 */
import { ApiFailure, type Handlers, type HttpHandler, implement, objectNotFound } from '@lodestone/api'
import {
  type InstanceEnsure,
  type SledHardware,
  type SledInstance,
  type SledRole,
  sledAgentApi,
  type V2pState,
} from '@lodestone/contract-sled-agent'
import type { Arena } from '@lodestone/frame'
import { type Host, SpareTime } from '@lodestone/host'
import type { Link } from '@lodestone/link'
import { Ip, Mac } from '@lodestone/net'
import type { Tracer } from '@lodestone/probe'
import type { VportEngine } from '@lodestone/vport'
import { consoleStream } from './console-stream.ts'
import { EntryLedger, type EntryRemoval, type EntryWriting } from './entry-ledger.ts'
import { FlowLogStreams } from './flow-log-stream.ts'
import { Instance } from './instance.ts'
import type { InstanceRunner } from './instance-runner.ts'
import { externalMappingFromContract, isSetOf } from './port-config-from-contract.ts'
import { flowSnapshot, savedFlows } from './saved-flows.ts'
import { portDrops, portExplanation, portState, portSummary } from './port-state-to-contract.ts'

export interface SledAgentOptions {
  readonly engine: VportEngine
  readonly runner: InstanceRunner
  readonly arena: Arena
  readonly tracer: Tracer
  readonly hardware: SledHardware
  readonly onWire?: (link: Link, isThere: boolean) => void
}

/** Section of the ledger; the others are ids of ports. */
const V2P = 'v2p'
const CONSOLE_READ_BYTES = 65_536

export class SledAgent {
  readonly handler: HttpHandler
  readonly #host: Host
  readonly #options: SledAgentOptions
  readonly #instances = new Map<string, Instance>()
  readonly #ledger: EntryLedger
  #v2p: V2pState = { generation: 0, mappings: [] }
  readonly #flowLogs: FlowLogStreams
  #firewallGenerations = new Map<number, number>()
  #routesGeneration = 0
  #externalGeneration = 0
  #groupsGeneration = 0
  #role: SledRole | undefined

  constructor(host: Host, options: SledAgentOptions) {
    this.#host = host
    this.#options = options
    this.#flowLogs = new FlowLogStreams(options.engine, host.clock)
    this.#ledger = new EntryLedger(() => host.clock.wallMs())
    this.handler = this.#implement()
  }

  get instances(): ReadonlyMap<string, Instance> {
    return this.#instances
  }

  /** Of what was stated last, by the names of those who state it. */
  get generations(): Readonly<Record<'v2p' | 'routes' | 'external-addresses', number>> {
    return {
      v2p: this.#v2p.generation,
      routes: this.#routesGeneration,
      'external-addresses': this.#externalGeneration,
    }
  }

  /** When the mapping of an address got what it says, and on whose behalf. */
  mappingWriting(vni: number, ip: Ip): EntryWriting | undefined {
    return this.#ledger.of(V2P, `${vni} ${ip}`)
  }

  /** Mappings that were taken away or became others, the last first. */
  mappingRemovals(): readonly EntryRemoval[] {
    return this.#ledger.removals(V2P)
  }

  /** Rules and addresses of a port that were taken away or became others, the last first. */
  ruleRemovals(portId: string): readonly EntryRemoval[] {
    return this.#ledger.removals(portId)
  }

  /** The same of a rule of a port. Rules that follow from the whole of a part of the description are told of as that part. */
  ruleWriting(portId: string, layer: string, rule: string): EntryWriting | undefined {
    return this.#ledger.of(portId, `${layer} ${rule}`) ?? this.#ledger.of(portId, layer)
  }

  /** Stops every guest and removes every port. */
  close(): void {
    this.#flowLogs.close()
    for (const instance of this.#instances.values()) instance.destroy()
    this.#instances.clear()
  }

  #implement(): HttpHandler {
    const { clock } = this.#host
    const handlers: Handlers<typeof sledAgentApi> = {
      inventory_view: () => ({ ...this.#options.hardware, role: this.#role ?? null }),
      role_set: ({ body }) => {
        const { serial } = this.#options.hardware.baseboard
        if (body.serial !== serial)
          throw new ApiFailure({ kind: 'invalid-request', message: `this is board ${serial}` })
        const known = this.#role
        refuseOlder(body.generation, known?.sled_id === body.sled_id ? known.generation : 0)
        this.#role = body
        return { generation: body.generation }
      },
      instance_list: () => [...this.#instances.values()].map((instance) => instance.view()),
      instance_view: ({ params }) => this.#find(params.instance_id).view(),
      instance_ensure: ({ params, body }) => this.#ensure(params.instance_id, body),
      instance_delete: ({ params }) => {
        this.#instances.get(params.instance_id)?.destroy()
        this.#instances.delete(params.instance_id)
        return undefined
      },
      instance_state_set: ({ params, body }) => {
        const instance = this.#find(params.instance_id)
        if (body.state === 'running') instance.run()
        else if (body.state === 'stopped') instance.stop()
        else instance.reboot()
        return instance.view()
      },
      instance_external_ips_set: ({ params, body }) => {
        refuse(this.#find(params.instance_id).update({ external_ips: body }))
        return undefined
      },
      instance_serial_console: ({ params, query }) => {
        const { console } = this.#find(params.instance_id)
        const from = query.most_recent === undefined ? (query.from_start ?? 0) : console.written - query.most_recent
        const read = console.read(from, query.max_bytes ?? CONSOLE_READ_BYTES)
        return { data: [...read.data], last_byte_offset: read.endOffset }
      },
      instance_serial_console_stream: ({ params, query }) => {
        const { console } = this.#find(params.instance_id)
        return consoleStream(console, console.written - query.most_recent)
      },
      instance_serial_console_input: ({ params, body }) => {
        const { guest } = this.#find(params.instance_id)
        if (guest === undefined) throw new ApiFailure({ kind: 'conflict', message: 'the instance is not running' })
        guest.input(Uint8Array.from(body.data))
        return undefined
      },
      v2p_view: () => this.#v2p,
      v2p_set: ({ body }) => this.#setV2p(body),
      vpc_firewall_rules_set: async ({ params, body }) => {
        refuseOlder(body.generation, this.#firewallGenerations.get(params.vni) ?? 0)
        const before = this.#firewallGenerations.get(params.vni) ?? 0
        // Stated from here on, so that an older one cannot follow while these rules are being prepared.
        this.#firewallGenerations.set(params.vni, body.generation)
        const instances = [...this.#instances.values()].filter((instance) =>
          instance.desired.nics.some((nic) => nic.vni === params.vni),
        )
        const problems = await Promise.all(
          instances.map((instance) => instance.restate({ firewall_rules: body.rules }, body.generation)),
        )
        const problem = problems.find((each) => each !== undefined)
        if (problem !== undefined && this.#firewallGenerations.get(params.vni) === body.generation) {
          this.#firewallGenerations.set(params.vni, before)
        }
        refuse(problem)
        return { generation: body.generation }
      },
      vpc_routes_set: async ({ body }) => {
        refuseOlder(body.generation, this.#routesGeneration)
        const before = this.#routesGeneration
        this.#routesGeneration = body.generation
        const problems = await Promise.all(
          [...this.#instances.values()].map((instance) => {
            const routes = body.sets.filter((set) => instance.desired.nics.some((nic) => isSetOf(set, nic)))
            return routes.length > 0 ? instance.restate({ routes }, body.generation) : undefined
          }),
        )
        const problem = problems.find((each) => each !== undefined)
        if (problem !== undefined && this.#routesGeneration === body.generation) this.#routesGeneration = before
        refuse(problem)
        return { generation: body.generation }
      },
      external_addresses_set: ({ body }) => {
        refuseOlder(body.generation, this.#externalGeneration)
        this.#options.engine.setExternalAddresses(body.mappings.map(externalMappingFromContract))
        this.#externalGeneration = body.generation
        return { generation: body.generation }
      },
      multicast_groups_set: ({ body }) => {
        refuseOlder(body.generation, this.#groupsGeneration)
        this.#options.engine.setMulticastGroups(
          body.groups.map(({ vni, group, sleds }) => ({
            vni,
            group: Ip.of(group),
            sleds: sleds.map((ip) => Ip.of(ip)),
          })),
        )
        this.#groupsGeneration = body.generation
        return { generation: body.generation }
      },
      multicast_subscriptions_list: () => ({
        subscriptions: this.#options.engine
          .groupSubscriptions()
          .map(({ vni, port, group, mode, sources, isJoined }) => ({
            vni,
            port_id: port,
            group: group.toString(),
            mode,
            sources: sources.map(String),
            joined: isJoined,
          })),
      }),
      port_flows_save: ({ params }) => savedFlows(this.#findPort(params.port_id).port.saveFlows()),
      port_flows_restore: ({ params, body }) => {
        const { port } = this.#findPort(params.port_id)
        const snapshot = flowSnapshot(body, port.id)
        if (typeof snapshot === 'string') throw new ApiFailure({ kind: 'invalid-request', message: snapshot })
        const { restored, refused } = port.restoreFlows(snapshot)
        return { restored, refused: { ...refused } }
      },
      flow_log_stream: ({ query }) => this.#flowLogs.open(query.addresses),
      port_list: () => this.#allPorts().map(({ instance, port }) => portSummary(instance.id, port)),
      port_view: ({ params }) => {
        const { instance, port } = this.#findPort(params.port_id)
        return portState(instance.id, port, instance.settingsGeneration(port.id))
      },
      port_settings_set: async ({ params, body }) => {
        const { instance, port } = this.#findPort(params.port_id)
        refuseOlder(body.generation, instance.settingsGeneration(port.id))
        const result = await instance.setPort(port.id, body)
        if (typeof result === 'string') throw new ApiFailure({ kind: 'invalid-request', message: result })
        return { generation: body.generation, changed: [...result] }
      },
      port_explain: ({ params, body }) => {
        const { port } = this.#findPort(params.port_id)
        return portExplanation(port.explain(Buffer.from(body.frame, 'base64'), body.direction))
      },
      port_drops: ({ params }) => {
        return portDrops(this.#findPort(params.port_id).port, clock.wallMs() - clock.nowMs())
      },
    }
    // Packets share the thread: a request that states a thousand rules is read in pieces, as it is carried out.
    const spare = SpareTime.of(clock)
    return implement(sledAgentApi, handlers, { pause: () => spare.pause() })
  }

  #findPort(id: string): { instance: Instance; port: Instance['ports'][number] } {
    const found = this.#allPorts().find(({ port }) => port.id === id)
    if (found === undefined) throw objectNotFound('port', { id })
    return found
  }

  #find(id: string): Instance {
    const instance = this.#instances.get(id)
    if (instance === undefined) throw objectNotFound('instance', { id })
    return instance
  }

  #ensure(id: string, body: InstanceEnsure): SledInstance {
    let instance = this.#instances.get(id)
    if (instance === undefined) {
      instance = new Instance(
        {
          id,
          host: this.#host,
          ledger: this.#ledger,
          engine: this.#options.engine,
          runner: this.#options.runner,
          arena: this.#options.arena,
          tracer: this.#options.tracer,
          onWire: this.#options.onWire ?? (() => {}),
        },
        body,
      )
      this.#instances.set(id, instance)
    } else {
      refuseOlder(body.generation, instance.desired.generation)
    }
    refuse(instance.ensure(body))
    return instance.view()
  }

  #setV2p(state: V2pState): { generation: number } {
    refuseOlder(state.generation, this.#v2p.generation)
    this.#options.engine.setVirtualToPhysical(
      state.mappings.map((mapping) => ({
        vni: mapping.vni,
        ip: Ip.of(mapping.virtual_ip),
        mac: Mac.of(mapping.virtual_mac),
        sled: Ip.of(mapping.physical_host_ip),
      })),
    )
    this.#v2p = state
    this.#ledger.state(
      V2P,
      state.mappings.map((content) => ({
        key: `${content.vni} ${Ip.of(content.virtual_ip)}`,
        content,
        causes: content.causes,
      })),
      () => state.generation,
    )
    return { generation: state.generation }
  }

  #allPorts(): { instance: Instance; port: Instance['ports'][number] }[] {
    return [...this.#instances.values()].flatMap((instance) => instance.ports.map((port) => ({ instance, port })))
  }
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new ApiFailure({ kind: 'invalid-request', message: problem })
}

function refuseOlder(generation: number, applied: number): void {
  if (generation < applied) {
    throw new ApiFailure({
      kind: 'conflict',
      message: `generation ${generation} is older than ${applied}, which is applied`,
    })
  }
}
