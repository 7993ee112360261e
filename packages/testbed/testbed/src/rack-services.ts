/**
 * Which services of the rack the world can reach, and at which addresses: a name server on each of the first two sleds, the API on the
 * first. They live in a VPC of their own (VNI 100), a subnet for each kind, as the plan of the real rack has it; their external addresses
 * are the first of the announced prefix, below those of instances.
 */
import { DNS_CONFIG_PORT } from '@lodestone/contract-dns'
import { type Ip, Mac, Prefix } from '@lodestone/net'
import type { InventoryService } from '@lodestone/nexus'
import { DEFAULT_POOL, INTERNAL_NAME_SERVERS, internalDnsAddress } from './rack-plan.ts'
import type { ServiceSpec, SledSpec, Topology } from './topology.ts'

export const DEFAULT_DNS_ZONE = 'oxide.test'

const SERVICES_VNI = 100
const SUBNET = { dns: Prefix.of('172.30.1.0/24'), api: Prefix.of('172.30.2.0/24') } as const
/** Below it the gateway and what a subnet keeps for itself. */
const FIRST_HOST = 5
const NAME_SERVERS = 2
const FIRST_NAME_SERVER = 2
const API = FIRST_NAME_SERVER + NAME_SERVERS
/** How many addresses at the beginning of the prefix are not for instances. */
export const SERVICE_ADDRESSES = API + 1

/** The same topology with services on its first sleds, at the first addresses of an announced prefix. */
export function withServices(topology: Topology, external: Prefix = DEFAULT_POOL.prefix): Topology {
  let sled = 0
  const nodes = topology.nodes.map((node) => (node.kind === 'sled' ? withServicesOf(node, sled++, external) : node))
  return { ...topology, nodes }
}

/** What the control plane is told of the services. */
export function inventoryServices(topology: Topology): InventoryService[] {
  return topology.nodes
    .filter((node): node is SledSpec => node.kind === 'sled')
    .flatMap((sled) =>
      (sled.services ?? []).map(({ kind, name, externalAddress, mac, vni }): InventoryService => {
        const port = {
          name,
          externalAddress: externalAddress.toString(),
          underlayAddress: sled.address.toString(),
          mac: mac.toString(),
          vni,
        }
        return kind === 'api'
          ? { kind, ...port }
          : { kind, ...port, configUrl: `http://[${sled.address}]:${DNS_CONFIG_PORT}` }
      }),
    )
}

/** Where the rack's zone can be asked for. */
export function nameServers(topology: Topology): Ip[] {
  return topology.nodes
    .flatMap((node) => (node.kind === 'sled' ? (node.services ?? []) : []))
    .filter(({ kind }) => kind === 'dns')
    .map(({ externalAddress }) => externalAddress)
}

function withServicesOf(spec: SledSpec, sled: number, external: Prefix): SledSpec {
  const own = sled < INTERNAL_NAME_SERVERS ? { internalDns: internalDnsAddress(sled) } : {}
  return { ...spec, ...own, services: servicesOf(sled, external) }
}

function servicesOf(sled: number, external: Prefix): ServiceSpec[] {
  const services: ServiceSpec[] = []
  if (sled < NAME_SERVERS) services.push(service('dns', sled, external, FIRST_NAME_SERVER + sled))
  if (sled === 0) services.push(service('api', 0, external, API))
  return services
}

function service(kind: ServiceSpec['kind'], index: number, external: Prefix, at: number): ServiceSpec {
  return {
    kind,
    name: `${kind}${index}`,
    vni: SERVICES_VNI,
    mac: Mac.fromNumber(0xa84025_ff8000 + at),
    address: SUBNET[kind].nth(FIRST_HOST + index),
    subnet: SUBNET[kind],
    externalAddress: external.nth(at),
  }
}
