/**
 * A user of the API on one of the rack's sleds: its requests are HTTP over the underlay, which loses, delays and reorders, to wherever the
 * control plane runs at the moment. It asks once and remembers what it was told.
 */
import { type CallResult, client, type FetchLike, httpFetch } from '@lodestone/api'
import { nexusApi, type NexusClient } from '@lodestone/contract-nexus'
import type { Clock } from '@lodestone/host'
import type { Emulation } from '@lodestone/testbed'
import { NEXUS_PORT } from '../control-plane.ts'
import type { ApiOperation } from '../fault/sim-event.ts'
import type { Outcome } from './register.ts'

const TIMEOUT_MS = 4_000

export interface ApiUserOptions {
  readonly emulation: Emulation
  readonly clock: Clock
  /** The sled it sits on. */
  readonly sled: string
}

export class ApiUser {
  readonly #options: ApiUserOptions
  #token = ''

  constructor(options: ApiUserOptions) {
    this.#options = options
  }

  setToken(token: string): void {
    this.#token = token
  }

  /** Tries one sled after the other until one takes the connection. */
  readonly fetch: FetchLike = async (request) => {
    const { emulation, clock, sled } = this.#options
    const from = emulation.sleds().find((each) => each.name === sled)
    if (from === undefined) throw new Error(`${sled} has no power`)
    const fetch = httpFetch(from.stack, { clock, timeoutMs: TIMEOUT_MS, localAddress: from.spec.address.toString() })
    const url = new URL(request.url)
    const body = request.body === null ? undefined : await request.arrayBuffer()
    let refused: unknown = new Error('no sled has power')
    for (const { address } of emulation.specs('sled')) {
      const there = `http://[${address}]:${NEXUS_PORT}${url.pathname}${url.search}`
      const { method, headers } = request
      try {
        return await fetch(new Request(there, { method, headers, ...(body === undefined ? {} : { body }) }))
      } catch (error) {
        if ((error as { code?: string }).code !== 'ECONNREFUSED') throw error
        refused = error
      }
    }
    throw refused
  }

  async ask(operation: ApiOperation): Promise<Outcome> {
    const api = client(nexusApi, this.fetch, 'http://nexus')
    const result = await perform(api, { authorization: `Bearer ${this.#token}` }, operation)
    if (result.ok) return 'acknowledged'
    return result.kind === 'refused' && result.status < 500 ? 'refused' : 'unknown'
  }
}

function perform(
  api: NexusClient,
  headers: Readonly<Record<string, string>>,
  operation: ApiOperation,
): Promise<CallResult<unknown>> {
  const { project, name } = operation
  const query = { project }
  switch (operation.call) {
    case 'instance-create': {
      const floating =
        operation.floating === undefined ? [] : [{ type: 'floating' as const, floating_ip: operation.floating }]
      const body = {
        name,
        description: '',
        hostname: `${project}-${name}`,
        ncpus: 1,
        memory: 1 << 30,
        external_ips: floating,
      }
      return api.instance_create({ headers, query, body })
    }
    case 'instance-start':
      return api.instance_start({ headers, query, params: { instance: name } })
    case 'instance-stop':
      return api.instance_stop({ headers, query, params: { instance: name } })
    case 'instance-delete':
      return api.instance_delete({ headers, query, params: { instance: name } })
    case 'floating-create':
      return api.floating_ip_create({ headers, query, body: { name, description: '' } })
    case 'floating-delete':
      return api.floating_ip_delete({ headers, query, params: { floating_ip: name } })
    case 'floating-attach': {
      const body = { kind: 'instance' as const, parent: operation.instance }
      return api.floating_ip_attach({ headers, query, params: { floating_ip: name }, body })
    }
    case 'floating-detach':
      return api.floating_ip_detach({ headers, query, params: { floating_ip: name } })
    case 'firewall-set':
      return api.vpc_firewall_rules_update({
        headers,
        query: { project, vpc: 'default' },
        body: { rules: firewallRules(name, operation.port) },
      })
    default: {
      const unreachable: never = operation
      return unreachable
    }
  }
}

/** The rules that a VPC begins with, and one more. */
function firewallRules(name: string, port: number) {
  const base = {
    description: '',
    status: 'enabled' as const,
    direction: 'inbound' as const,
    targets: [{ type: 'vpc' as const, value: 'default' }],
    action: 'allow' as const,
  }
  return [
    {
      ...base,
      name: 'allow-internal-inbound',
      priority: 65534,
      filters: { hosts: [{ type: 'vpc' as const, value: 'default' }] },
    },
    { ...base, name: 'allow-icmp', priority: 65534, filters: { protocols: [{ type: 'icmp' as const, value: null }] } },
    { ...base, name, priority: 100, filters: { protocols: [{ type: 'tcp' as const }], ports: [String(port)] } },
  ]
}
