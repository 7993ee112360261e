/**
 * Who may do what: one required role per operation, in one table. Fleet roles do not reach into silos. A silo role
 * counts for every project of the silo; a limited collaborator manages instances but no networks.
 *
 * NOT IMPLEMENTED: roles on single projects, groups.
 */
import { type ApiError, ApiFailure } from '@lodestone/api'
import type { NexusOperation } from '@lodestone/contract-nexus'
import type { Actor, FleetRole, SiloRole } from './authenticate.ts'

export type Requirement =
  | { readonly scope: 'public' }
  /** Any user, whatever their roles. */
  | { readonly scope: 'user' }
  | { readonly scope: 'silo'; readonly role: SiloRole }
  | { readonly scope: 'fleet'; readonly role: FleetRole }

const PUBLIC: Requirement = { scope: 'public' }
const USER: Requirement = { scope: 'user' }
const READ: Requirement = { scope: 'silo', role: 'viewer' }
const COMPUTE: Requirement = { scope: 'silo', role: 'limited_collaborator' }
const NETWORK: Requirement = { scope: 'silo', role: 'collaborator' }
const FLEET_READ: Requirement = { scope: 'fleet', role: 'viewer' }
const FLEET_WRITE: Requirement = { scope: 'fleet', role: 'admin' }

export const REQUIREMENTS: Readonly<Record<NexusOperation, Requirement>> = {
  ping: PUBLIC,
  login_local: PUBLIC,
  logout: PUBLIC,
  device_auth_request: PUBLIC,
  device_access_token: PUBLIC,
  device_auth_confirm: USER,
  current_user_view: USER,
  current_user_groups: USER,
  current_user_access_token_list: USER,
  current_user_access_token_delete: USER,
  current_user_ssh_key_list: USER,
  current_user_ssh_key_create: USER,
  current_user_ssh_key_view: USER,
  current_user_ssh_key_delete: USER,
  project_list: READ,
  project_create: NETWORK,
  project_view: READ,
  project_update: NETWORK,
  project_delete: NETWORK,
  vpc_list: READ,
  vpc_create: NETWORK,
  vpc_view: READ,
  vpc_update: NETWORK,
  vpc_delete: NETWORK,
  vpc_subnet_list: READ,
  vpc_subnet_create: NETWORK,
  vpc_subnet_view: READ,
  vpc_subnet_update: NETWORK,
  vpc_subnet_delete: NETWORK,
  vpc_subnet_list_network_interfaces: READ,
  vpc_router_list: READ,
  vpc_router_create: NETWORK,
  vpc_router_view: READ,
  vpc_router_update: NETWORK,
  vpc_router_delete: NETWORK,
  vpc_router_route_list: READ,
  vpc_router_route_create: NETWORK,
  vpc_router_route_view: READ,
  vpc_router_route_update: NETWORK,
  vpc_router_route_delete: NETWORK,
  internet_gateway_list: READ,
  internet_gateway_create: NETWORK,
  internet_gateway_view: READ,
  internet_gateway_delete: NETWORK,
  internet_gateway_ip_pool_list: READ,
  internet_gateway_ip_pool_create: NETWORK,
  internet_gateway_ip_pool_delete: NETWORK,
  internet_gateway_ip_address_list: READ,
  internet_gateway_ip_address_create: NETWORK,
  internet_gateway_ip_address_delete: NETWORK,
  vpc_firewall_rules_view: READ,
  vpc_firewall_rules_update: NETWORK,
  instance_list: READ,
  instance_create: COMPUTE,
  instance_view: READ,
  instance_update: COMPUTE,
  instance_delete: COMPUTE,
  instance_start: COMPUTE,
  instance_stop: COMPUTE,
  instance_reboot: COMPUTE,
  instance_external_ip_list: READ,
  instance_ephemeral_ip_attach: COMPUTE,
  instance_ephemeral_ip_detach: COMPUTE,
  instance_serial_console: COMPUTE,
  instance_ssh_public_key_list: READ,
  instance_disk_list: READ,
  instance_anti_affinity_group_list: READ,
  instance_external_subnet_list: READ,
  instance_network_interface_list: READ,
  instance_network_interface_view: READ,
  instance_network_interface_create: COMPUTE,
  instance_network_interface_update: COMPUTE,
  instance_network_interface_delete: COMPUTE,
  floating_ip_list: READ,
  floating_ip_create: COMPUTE,
  floating_ip_view: READ,
  floating_ip_update: COMPUTE,
  floating_ip_delete: COMPUTE,
  floating_ip_attach: COMPUTE,
  floating_ip_detach: COMPUTE,
  ip_pool_list: READ,
  ip_pool_view: READ,
  system_ip_pool_list: FLEET_READ,
  system_ip_pool_create: FLEET_WRITE,
  system_ip_pool_view: FLEET_READ,
  system_ip_pool_update: FLEET_WRITE,
  system_ip_pool_delete: FLEET_WRITE,
  system_ip_pool_utilization_view: FLEET_READ,
  system_ip_pool_range_list: FLEET_READ,
  system_ip_pool_range_add: FLEET_WRITE,
  system_ip_pool_range_remove: FLEET_WRITE,
  system_ip_pool_silo_list: FLEET_READ,
  system_ip_pool_silo_link: FLEET_WRITE,
  system_ip_pool_silo_update: FLEET_WRITE,
  system_ip_pool_silo_unlink: FLEET_WRITE,
  sled_list: FLEET_READ,
  sled_view: FLEET_READ,
  sled_instance_list: FLEET_READ,
}

const SILO_RANK: Readonly<Record<SiloRole, number>> = { viewer: 1, limited_collaborator: 2, collaborator: 3, admin: 4 }
const FLEET_RANK: Readonly<Record<FleetRole, number>> = { viewer: 1, collaborator: 2, admin: 3 }

/**
 * @param object what the path names, if it names something: a caller who may not read it is told that it does not
 *   exist (404), because 403 would say that it does.
 */
export function authorize(
  requirement: Requirement,
  actor: Actor | undefined,
  object: { readonly type: string; readonly name: string } | undefined,
): ApiError | undefined {
  if (requirement.scope === 'public') return undefined
  if (actor === undefined) return { kind: 'unauthenticated', internal: 'no valid session or token' }
  if (requirement.scope === 'user') return undefined
  const rank =
    requirement.scope === 'silo'
      ? { has: rankOf(SILO_RANK, actor.siloRole), needs: SILO_RANK[requirement.role] }
      : { has: rankOf(FLEET_RANK, actor.fleetRole), needs: FLEET_RANK[requirement.role] }
  if (rank.has >= rank.needs) return undefined
  if (rank.has === 0 && object !== undefined) {
    return { kind: 'object-not-found', type: object.type, lookup: { name: object.name } }
  }
  return { kind: 'forbidden', internal: `${actor.userName} lacks ${requirement.scope} role ${requirement.role}` }
}

/** For handlers of operations that are not public: the table above has made sure of it. */
export function actorOf(context: { readonly actor: Actor | undefined }): Actor {
  if (context.actor === undefined) throw new ApiFailure({ kind: 'unauthenticated', internal: 'no actor' })
  return context.actor
}

function rankOf<Role extends string>(ranks: Readonly<Record<Role, number>>, role: Role | undefined): number {
  return role === undefined ? 0 : ranks[role]
}
