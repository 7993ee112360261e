/** Network interfaces of instances: how they are made, and how they look. */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import type {
  InstanceNetworkInterface,
  InstanceNetworkInterfaceAttachment,
  InstanceNetworkInterfaceCreate,
  PrivateIpStack,
  PrivateIpStackCreate,
} from '@lodestone/contract-nexus'
import { Ip, Prefix } from '@lodestone/net'
import { firstFreeInSubnet, randomGuestMac, whyNotInSubnet } from '../address-plan.ts'
import { actorOf } from '../auth/authorize.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  deleteNic,
  insertNic,
  type InstanceRow,
  isAtRest,
  listNics,
  macExists,
  type NetworkInterfaceRow,
  nicsOfInstance,
  nicsOfSubnet,
  updateNic,
  updatePrimary,
} from '../store/instance.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import { subnetByName, vpcByName, type VpcSubnetRow } from '../store/vpc.ts'
import { ensureSnat } from './external-ip.ts'
import { identityChange, identityFromRow, newIdentity, orAlreadyExists } from './resource.ts'
import { notFound, selectInstance, selectNic } from './selector.ts'

const MAX_NICS = 8

type Ids =
  | 'instance_network_interface_list'
  | 'instance_network_interface_view'
  | 'instance_network_interface_create'
  | 'instance_network_interface_update'
  | 'instance_network_interface_delete'

export function networkInterfaceHandlers(service: Service): HandlersOf<Ids> {
  const { store } = service
  return {
    async instance_network_interface_list({ query, context }) {
      const scan = scanOf(query)
      const instance = await selectInstance(store.db, actorOf(context), query.instance, query)
      return pageOfRows(await listNics(store.db, instance.id, scan), scan, nicFromRow)
    },

    async instance_network_interface_view({ params, query, context }) {
      return nicFromRow(await selectNic(store.db, actorOf(context), params.interface, query))
    },

    async instance_network_interface_create({ query, body, context }) {
      const row = await store.transaction(async (tx) => {
        const instance = await selectInstance(tx, actorOf(context), query.instance, query)
        checkAtRest(instance)
        const created = await createNic(tx, service, instance, body)
        if (created.is_primary && created.ipv4 !== null) await ensureSnat(tx, service, actorOf(context), instance.id)
        return created
      })
      service.activate() // firewall rules and routes may name the instance
      return nicFromRow(row)
    },

    async instance_network_interface_update({ params, query, body, context }) {
      const row = await store.transaction(async (tx) => {
        const nic = await selectNic(tx, actorOf(context), params.interface, query)
        checkAtRest(await selectInstance(tx, actorOf(context), nic.instance_id, {}))
        const now = nowOf(service)
        if (body.primary && !nic.is_primary) await updatePrimary(tx, nic.instance_id, nic.id, now)
        checkTransit(nic, body.transit_ips)
        const change = { ...identityChange(body, now), transit_ips: JSON.stringify(body.transit_ips) }
        return orAlreadyExists('instance-network-interface', change.name ?? nic.name, () =>
          updateNic(tx, nic.id, change),
        )
      })
      service.activate()
      return nicFromRow(row)
    },

    async instance_network_interface_delete({ params, query, context }) {
      await store.transaction(async (tx) => {
        const nic = await selectNic(tx, actorOf(context), params.interface, query)
        checkAtRest(await selectInstance(tx, actorOf(context), nic.instance_id, {}))
        if (nic.is_primary && (await nicsOfInstance(tx, nic.instance_id)).length > 1) {
          throw invalidRequest('the primary interface can be deleted only as the last one; make another one primary')
        }
        await deleteNic(tx, nic.id)
      })
      service.activate()
    },
  }
}

/** The interfaces that a new instance asks for, inserted; the first is the primary one. */
export async function createNics(
  db: Db,
  service: Service,
  instance: { readonly id: string; readonly project_id: string },
  attachment: InstanceNetworkInterfaceAttachment,
): Promise<NetworkInterfaceRow[]> {
  const rows: NetworkInterfaceRow[] = []
  for (const params of wantedNics(attachment)) rows.push(await createNic(db, service, instance, params))
  return rows
}

/** Another interface, in the lowest free slot; the first one of an instance is the primary one. */
async function createNic(
  db: Db,
  service: Service,
  instance: { readonly id: string; readonly project_id: string },
  params: InstanceNetworkInterfaceCreate,
): Promise<NetworkInterfaceRow> {
  const present = await nicsOfInstance(db, instance.id)
  if (present.length >= MAX_NICS) throw invalidRequest(`network_interfaces: an instance has at most ${MAX_NICS}`)
  const vpc = await vpcByName(db, instance.project_id, params.vpc_name)
  if (vpc === undefined) throw notFound('vpc', params.vpc_name)
  if (present.some((nic) => nic.vpc_id !== vpc.id)) {
    throw invalidRequest('network_interfaces: all interfaces of an instance must be in one VPC')
  }
  const subnet = await subnetByName(db, vpc.id, params.subnet_name)
  if (subnet === undefined) throw notFound('vpc-subnet', params.subnet_name)
  if (present.some((nic) => nic.subnet_id === subnet.id)) {
    throw invalidRequest('network_interfaces: two interfaces of an instance cannot be in one subnet')
  }
  let mac = randomGuestMac(service.random).toString()
  while (await macExists(db, mac)) mac = randomGuestMac(service.random).toString()
  const { ipv4, ipv6, transit } = await chooseAddresses(db, subnet, params.ip_config)
  const slots = new Set(present.map((nic) => nic.slot))
  let slot = 0
  while (slots.has(slot)) slot++
  const row: NetworkInterfaceRow = {
    ...newIdentity(service.random.uuid(), params, nowOf(service)),
    instance_id: instance.id,
    vpc_id: vpc.id,
    subnet_id: subnet.id,
    slot,
    is_primary: present.length === 0,
    mac,
    ipv4,
    ipv6,
    transit_ips: transit,
  }
  await orAlreadyExists('instance-network-interface', params.name, () =>
    insertNic(db, { ...row, transit_ips: JSON.stringify(transit) }),
  )
  return row
}

function checkAtRest(instance: InstanceRow): void {
  if (isAtRest(instance)) return
  throw invalidRequest('the instance must be stopped for its network interfaces to be changed')
}

function checkTransit(nic: NetworkInterfaceRow, transit: readonly string[]): void {
  for (const text of transit) {
    const { family } = Prefix.of(text) // because the schema has parsed it
    if ((family === 4 ? nic.ipv4 : nic.ipv6) !== null) continue
    throw invalidRequest(`transit_ips: ${text} is IPv${family}, and the interface has no IPv${family} address`)
  }
}

export function nicFromRow(row: NetworkInterfaceRow): InstanceNetworkInterface {
  return {
    ...identityFromRow(row),
    instance_id: row.instance_id,
    vpc_id: row.vpc_id,
    subnet_id: row.subnet_id,
    mac: row.mac.toUpperCase(),
    primary: row.is_primary,
    ip_stack: ipStackFromRow(row),
  }
}

function ipStackFromRow(row: NetworkInterfaceRow): PrivateIpStack {
  const v4Transit = row.transit_ips.filter((net) => !net.includes(':'))
  const v6Transit = row.transit_ips.filter((net) => net.includes(':'))
  const v4 = row.ipv4 === null ? undefined : { ip: row.ipv4, transit_ips: v4Transit }
  const v6 = row.ipv6 === null ? undefined : { ip: row.ipv6, transit_ips: v6Transit }
  if (v4 !== undefined && v6 !== undefined) return { type: 'dual_stack', value: { v4, v6 } }
  if (v4 !== undefined) return { type: 'v4', value: v4 }
  if (v6 !== undefined) return { type: 'v6', value: v6 }
  throw new Error(`network interface ${row.id} has no address`)
}

function wantedNics(attachment: InstanceNetworkInterfaceAttachment): InstanceNetworkInterfaceCreate[] {
  const auto = { ip: { type: 'auto' as const }, transit_ips: [] }
  const byDefault = (ip_config: PrivateIpStackCreate): InstanceNetworkInterfaceCreate[] => [
    {
      name: 'net0',
      description: 'The primary network interface',
      vpc_name: 'default',
      subnet_name: 'default',
      ip_config,
    },
  ]
  switch (attachment.type) {
    case 'none':
      return []
    case 'create':
      return attachment.params
    case 'default_ipv4':
      return byDefault({ type: 'v4', value: auto })
    case 'default_ipv6':
      return byDefault({ type: 'v6', value: auto })
    case 'default_dual_stack':
      return byDefault({ type: 'dual_stack', value: { v4: auto, v6: auto } })
    default: {
      const unreachable: never = attachment
      return unreachable
    }
  }
}

async function chooseAddresses(
  db: Db,
  subnet: VpcSubnetRow,
  config: PrivateIpStackCreate,
): Promise<{ ipv4: string | null; ipv6: string | null; transit: string[] }> {
  const v4 = config.type === 'v4' ? config.value : config.type === 'dual_stack' ? config.value.v4 : undefined
  const v6 = config.type === 'v6' ? config.value : config.type === 'dual_stack' ? config.value.v6 : undefined
  const neighbors = await nicsOfSubnet(db, subnet.id)
  const takenV4 = new Set(neighbors.map((nic) => nic.ipv4 ?? ''))
  const takenV6 = new Set(neighbors.map((nic) => nic.ipv6 ?? ''))
  return {
    ipv4: v4 === undefined ? null : chooseAddress(Prefix.of(subnet.ipv4_block), takenV4, v4.ip),
    ipv6: v6 === undefined ? null : chooseAddress(Prefix.of(subnet.ipv6_block), takenV6, v6.ip),
    transit: [...(v4?.transit_ips ?? []), ...(v6?.transit_ips ?? [])],
  }
}

function chooseAddress(
  subnet: Prefix,
  taken: ReadonlySet<string>,
  assignment: { type: 'auto' } | { type: 'explicit'; value: string },
): string {
  if (assignment.type === 'auto') {
    const free = firstFreeInSubnet(subnet, taken)
    if (free !== undefined) return free.toString()
    throw new ApiFailure({ kind: 'insufficient-capacity', message: `no IP address is left in subnet ${subnet}` })
  }
  const ip = Ip.of(assignment.value) // because the schema has parsed it
  const reason = whyNotInSubnet(subnet, ip)
  if (reason !== undefined) throw invalidRequest(`network_interfaces: ${reason}`)
  if (taken.has(ip.toString())) throw invalidRequest(`The IP address '${ip}' is not available`)
  return ip.toString()
}
