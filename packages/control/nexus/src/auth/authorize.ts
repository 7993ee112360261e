/**
 * Who may do what: one required role per operation, in one table. What needs a role on a project is decided where the
 * project is known, by `checkProject`, through which every selector of things in projects goes.
 */
import { type ApiError, ApiFailure } from '@lodestone/api'
import type { NexusOperation } from '@lodestone/contract-nexus'
import type { Actor } from './authenticate.ts'
import {
  type FleetRole,
  fleetRank,
  higherSiloRole,
  type ProjectRole,
  projectRoleOf,
  siloRank,
  type SiloRole,
} from './role.ts'

export type Requirement =
  | { readonly scope: 'public' }
  /** Any user, whatever their roles. */
  | { readonly scope: 'user' }
  /** On the project that the request names or that the thing it names is in. */
  | { readonly scope: 'project'; readonly role: ProjectRole }
  | { readonly scope: 'silo'; readonly role: SiloRole }
  | { readonly scope: 'fleet'; readonly role: FleetRole }

/** Who asks, and what the operation needs on the projects it touches; undefined: it touches none. */
export interface Caller extends Actor {
  readonly needs: ProjectRole | undefined
}

const PUBLIC: Requirement = { scope: 'public' }
const USER: Requirement = { scope: 'user' }
const READ: Requirement = { scope: 'project', role: 'viewer' }
const COMPUTE: Requirement = { scope: 'project', role: 'limited_collaborator' }
const NETWORK: Requirement = { scope: 'project', role: 'collaborator' }
const PROJECT_ADMIN: Requirement = { scope: 'project', role: 'admin' }
const SILO_READ: Requirement = { scope: 'silo', role: 'viewer' }
const SILO_WRITE: Requirement = { scope: 'silo', role: 'collaborator' }
const SILO_ADMIN: Requirement = { scope: 'silo', role: 'admin' }
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
  project_list: SILO_READ,
  project_create: SILO_WRITE,
  project_view: READ,
  project_update: PROJECT_ADMIN,
  project_delete: PROJECT_ADMIN,
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
  instance_serial_console_stream: COMPUTE,
  instance_ssh_public_key_list: READ,
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
  disk_list: READ,
  disk_create: COMPUTE,
  disk_view: READ,
  disk_delete: COMPUTE,
  disk_bulk_write_import_start: COMPUTE,
  disk_bulk_write_import: COMPUTE,
  disk_bulk_write_import_stop: COMPUTE,
  disk_finalize_import: COMPUTE,
  instance_disk_list: READ,
  instance_disk_attach: COMPUTE,
  instance_disk_detach: COMPUTE,
  snapshot_list: READ,
  snapshot_create: COMPUTE,
  snapshot_view: READ,
  snapshot_delete: COMPUTE,
  image_list: READ,
  image_create: COMPUTE,
  image_view: READ,
  image_delete: COMPUTE,
  image_promote: COMPUTE,
  image_demote: COMPUTE,
  ip_pool_list: USER,
  ip_pool_view: USER,
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
  policy_view: USER,
  policy_update: SILO_ADMIN,
  project_policy_view: READ,
  project_policy_update: PROJECT_ADMIN,
  system_policy_view: FLEET_READ,
  system_policy_update: FLEET_WRITE,
  silo_policy_view: FLEET_READ,
  silo_policy_update: FLEET_WRITE,
  user_list: USER,
  user_view: USER,
  user_token_list: USER,
  user_session_list: USER,
  user_logout: USER,
  group_list: USER,
  group_view: USER,
  silo_user_list: FLEET_READ,
  silo_user_view: FLEET_READ,
  local_idp_user_create: USER,
  local_idp_user_delete: USER,
  local_idp_user_set_password: USER,
  silo_list: FLEET_READ,
  silo_create: FLEET_WRITE,
  silo_view: FLEET_READ,
  silo_delete: FLEET_WRITE,
  silo_quotas_view: FLEET_READ,
  silo_quotas_update: FLEET_WRITE,
  system_quotas_list: FLEET_READ,
  silo_utilization_list: FLEET_READ,
  silo_utilization_view: FLEET_READ,
  utilization_view: USER,
  login_saml: PUBLIC,
  // Of a silo by its admins and those of the fleet: decided when the silo is known, by `checkSiloAdmin`.
  silo_identity_provider_list: USER,
  saml_identity_provider_create: USER,
  saml_identity_provider_view: USER,
  scim_token_list: USER,
  scim_token_create: USER,
  scim_token_view: USER,
  scim_token_delete: USER,
  certificate_list: USER,
  certificate_create: USER,
  certificate_view: USER,
  certificate_delete: USER,
  auth_settings_view: USER,
  auth_settings_update: SILO_ADMIN,
  rack_list: FLEET_READ,
  rack_view: FLEET_READ,
  switch_list: FLEET_READ,
  switch_view: FLEET_READ,
  sled_set_provision_policy: FLEET_WRITE,
  audit_log_list: FLEET_READ,
  sled_list: FLEET_READ,
  sled_view: FLEET_READ,
  sled_instance_list: FLEET_READ,
  affinity_group_list: READ,
  affinity_group_create: COMPUTE,
  affinity_group_view: READ,
  affinity_group_update: COMPUTE,
  affinity_group_delete: COMPUTE,
  affinity_group_member_list: READ,
  affinity_group_member_instance_view: READ,
  affinity_group_member_instance_add: COMPUTE,
  affinity_group_member_instance_delete: COMPUTE,
  anti_affinity_group_list: READ,
  anti_affinity_group_create: COMPUTE,
  anti_affinity_group_view: READ,
  anti_affinity_group_update: COMPUTE,
  anti_affinity_group_delete: COMPUTE,
  anti_affinity_group_member_list: READ,
  anti_affinity_group_member_instance_view: READ,
  anti_affinity_group_member_instance_add: COMPUTE,
  anti_affinity_group_member_instance_delete: COMPUTE,
  instance_affinity_group_list: READ,
  external_subnet_list: READ,
  timeseries_query: READ,
  silo_metric: USER,
  system_metric: FLEET_READ,
  system_ip_pool_assign: FLEET_WRITE,
  silo_ip_pool_list: FLEET_READ,
  physical_disk_list: FLEET_READ,
  sled_physical_disk_list: FLEET_READ,
  sled_list_uninitialized: FLEET_READ,
  rack_membership_status: FLEET_READ,
  rack_membership_add_sleds: FLEET_WRITE,
  rack_membership_abort: FLEET_WRITE,
  networking_address_lot_list: FLEET_READ,
  networking_address_lot_create: FLEET_WRITE,
  networking_address_lot_view: FLEET_READ,
  networking_address_lot_delete: FLEET_WRITE,
  networking_address_lot_block_list: FLEET_READ,
  networking_loopback_address_list: FLEET_READ,
  networking_loopback_address_create: FLEET_WRITE,
  networking_loopback_address_delete: FLEET_WRITE,
  networking_allow_list_view: FLEET_READ,
  networking_allow_list_update: FLEET_WRITE,
  networking_inbound_icmp_view: FLEET_READ,
  networking_inbound_icmp_update: FLEET_WRITE,
  networking_bgp_config_list: FLEET_READ,
  networking_bgp_config_create: FLEET_WRITE,
  networking_bgp_config_update: FLEET_WRITE,
  networking_bgp_config_delete: FLEET_WRITE,
  networking_bgp_announce_set_list: FLEET_READ,
  networking_bgp_announce_set_update: FLEET_WRITE,
  networking_bgp_announce_set_delete: FLEET_WRITE,
  networking_bgp_announcement_list: FLEET_READ,
  networking_bgp_status: FLEET_READ,
  networking_bgp_exported: FLEET_READ,
  networking_bgp_imported: FLEET_READ,
  networking_bgp_message_history: FLEET_READ,
  networking_bfd_enable: FLEET_WRITE,
  networking_bfd_disable: FLEET_WRITE,
  networking_bfd_status: FLEET_READ,
  networking_switch_port_settings_list: FLEET_READ,
  networking_switch_port_settings_create: FLEET_WRITE,
  networking_switch_port_settings_delete: FLEET_WRITE,
  networking_switch_port_settings_view: FLEET_READ,
  networking_switch_port_list: FLEET_READ,
  networking_switch_port_apply_settings: FLEET_WRITE,
  networking_switch_port_clear_settings: FLEET_WRITE,
  networking_switch_port_status: FLEET_READ,
  networking_switch_port_lldp_config_view: FLEET_READ,
  networking_switch_port_lldp_config_update: FLEET_WRITE,
  networking_switch_port_lldp_neighbors: FLEET_READ,
  system_networking_settings_view: FLEET_READ,
  system_networking_settings_update: FLEET_WRITE,
}

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
  if (requirement.scope === 'project') return undefined // decided when the project is known
  const rank =
    requirement.scope === 'silo'
      ? { has: siloRank(actor.siloRole), needs: siloRank(requirement.role) }
      : { has: fleetRank(actor.fleetRole), needs: fleetRank(requirement.role) }
  if (rank.has >= rank.needs) return undefined
  if (rank.has === 0 && object !== undefined) {
    return { kind: 'object-not-found', type: object.type, lookup: { name: object.name } }
  }
  return { kind: 'forbidden', internal: `${actor.userName} lacks ${requirement.scope} role ${requirement.role}` }
}

/** For handlers of operations that are not public: the table above has made sure of it. */
export function actorOf(context: { readonly actor: Caller | undefined }): Caller {
  if (context.actor === undefined) throw new ApiFailure({ kind: 'unauthenticated', internal: 'no actor' })
  return context.actor
}

/**
 * Whether the caller may do to this project what the operation does.
 * @returns 'unseen' when they may not even know that it exists.
 */
export function checkProject(caller: Caller, projectId: string): 'allowed' | 'unseen' {
  const { needs } = caller
  if (needs === undefined) throw new Error('an operation on a project must say which role it needs')
  const role = higherSiloRole(projectRoleOf(caller.siloRole), caller.projectRoles.get(projectId))
  if (role === undefined) return 'unseen'
  if (siloRank(role) >= siloRank(needs)) return 'allowed'
  throw new ApiFailure({ kind: 'forbidden', internal: `${caller.userName} has ${role} on the project, not ${needs}` })
}

/** For what belongs to the whole silo. */
export function checkSiloRole(caller: Caller, role: SiloRole): void {
  if (siloRank(caller.siloRole) >= siloRank(role)) return
  throw new ApiFailure({ kind: 'forbidden', internal: `${caller.userName} lacks silo role ${role}` })
}

/** Users of a silo are managed by its admins and by those of the fleet. */
export function checkSiloAdmin(caller: Caller, siloId: string): void {
  if (caller.fleetRole === 'admin' || (caller.siloId === siloId && caller.siloRole === 'admin')) return
  throw new ApiFailure({ kind: 'forbidden', internal: `${caller.userName} administers neither the silo nor the fleet` })
}
