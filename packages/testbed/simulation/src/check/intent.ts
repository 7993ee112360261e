/** What the control plane says there should be, read from its API as a user reads it. */
import type { HttpHandler } from '@lodestone/api'
import { client } from '@lodestone/api'
import { type InstanceNetworkInterface, nexusApi } from '@lodestone/contract-nexus'
import { PROJECTS } from '../scenery.ts'
import type { Observed } from '../workload/acknowledged.ts'

export interface IntendedInstance {
  readonly project: string
  readonly name: string
  readonly id: string
  readonly runState: string
  readonly nicMac: string
  readonly ip: string
  /** Whole addresses, and shares of addresses: `address first-last`. */
  readonly external: readonly string[]
  readonly floating: readonly string[]
}

export interface Intent {
  readonly instances: readonly IntendedInstance[]
  readonly observed: Observed
  /** Of each project: TCP ports that are let in. */
  readonly ports: ReadonlyMap<string, readonly number[]>
}

const ALL = { limit: 1000 }

export async function readIntent(handler: HttpHandler, token: string): Promise<Intent> {
  const api = client(nexusApi, handler, 'http://nexus')
  const headers = { authorization: `Bearer ${token}` }
  const instances: IntendedInstance[] = []
  const floating = new Map<string, string>()
  const firewalls = new Map<string, string>()
  const ports = new Map<string, readonly number[]>()
  for (const project of PROJECTS) {
    const names = new Map<string, string>()
    for (const row of must(await api.instance_list({ headers, query: { project, ...ALL } })).items) {
      names.set(row.id, row.name)
      const query = { project }
      const params = { instance: row.name }
      const nics = must(
        await api.instance_network_interface_list({ headers, query: { project, instance: row.name, ...ALL } }),
      )
      const externals = must(await api.instance_external_ip_list({ headers, params, query })).items
      const nic = nics.items.find((each) => each.primary)
      if (nic === undefined) continue
      instances.push({
        project,
        name: row.name,
        id: row.id,
        runState: row.run_state,
        nicMac: nic.mac.toLowerCase(),
        ip: ipv4Of(nic),
        external: externals.map((each) =>
          each.kind === 'snat' ? `${each.ip} ${each.first_port}-${each.last_port}` : `${each.ip} 0-65535`,
        ),
        floating: externals.filter((each) => each.kind !== 'snat').map((each) => each.ip),
      })
    }
    for (const row of must(await api.floating_ip_list({ headers, query: { project, ...ALL } })).items) {
      floating.set(`${project}/${row.name}`, row.instance_id == null ? '' : (names.get(row.instance_id) ?? 'another'))
    }
    const { rules } = must(await api.vpc_firewall_rules_view({ headers, query: { project, vpc: 'default' } }))
    firewalls.set(project, rules.find((rule) => rule.name.startsWith('rule'))?.name ?? '')
    const open = rules.filter((rule) => rule.filters.protocols?.some((each) => each.type === 'tcp'))
    ports.set(project, open.flatMap((rule) => rule.filters.ports ?? []).map(Number))
  }
  return {
    instances,
    ports,
    observed: {
      instances: new Map(
        instances.map((each) => [`${each.project}/${each.name}`, each.runState === 'stopped' ? 'stopped' : 'running']),
      ),
      floating,
      firewalls,
    },
  }
}

function ipv4Of({ ip_stack: stack }: InstanceNetworkInterface): string {
  if (stack.type === 'dual_stack') return stack.value.v4.ip
  return stack.type === 'v4' ? stack.value.ip : ''
}

function must<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string },
): T {
  if (result.ok) return result.value
  throw new Error(`the control plane cannot be read: ${result.message}`)
}
