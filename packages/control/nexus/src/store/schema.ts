/**
 * Rows of the store, one interface per table. These are not API types and not engine types: each has a named
 * conversion (`projectFromRow`, …) beside the handlers or reconcilers that need it.
 *
 * Addresses, prefixes and MACs are canonical text; `bigint` columns come back as numbers below 2^53.
 */
import type { ColumnType, JSONColumnType } from 'kysely'
import type {
  AuthMethod,
  BgpPeer,
  IdentityType,
  LldpLinkConfig,
  MappedFleetRoles,
  RouteDestination,
  RouterRouteKind,
  RouteTarget,
  SiloIdentityMode,
  SledProvisionPolicy,
  SwitchPortSettings,
  SwitchSlot,
  VpcFirewallRuleFilter,
  VpcFirewallRuleTarget,
} from '@lodestone/contract-nexus'

type Json<T> = JSONColumnType<T & object, string, string>
/** `timestamptz`; always set by the caller, never by the database. */
type Timestamp = ColumnType<Date, Date, Date>

export interface IdentityRow {
  id: string
  name: string
  description: string
  time_created: Timestamp
  time_modified: Timestamp
}

export interface SiloTable extends IdentityRow {
  identity_mode: SiloIdentityMode
  discoverable: boolean
  admin_group_name: string | null
  mapped_fleet_roles: Json<MappedFleetRoles>
  device_token_max_ttl_s: number | null
  quota_cpus: number
  quota_memory_bytes: number
  quota_storage_bytes: number
}

export interface SiloUserTable {
  id: string
  silo_id: string
  external_id: string
  /** Null: cannot log in by password. */
  password_hash: string | null
  /** False: a provisioning service has taken the account out of use. */
  is_active: ColumnType<boolean, boolean | undefined, boolean>
  /** What a provisioning service calls the user. */
  scim_external_id: ColumnType<string | null, string | null | undefined, string | null>
  time_created: Timestamp
  time_modified: Timestamp
}

export interface SiloGroupTable {
  id: string
  silo_id: string
  external_id: string
  /** What a provisioning service calls the group. */
  scim_external_id: ColumnType<string | null, string | null | undefined, string | null>
  time_created: Timestamp
  time_modified: Timestamp
}

export interface SiloGroupMemberTable {
  group_id: string
  user_id: string
}

/** A role of a user or a group on the fleet, a silo or a project. */
export interface RoleGrantTable {
  resource_type: 'fleet' | 'silo' | 'project'
  resource_id: string
  identity_type: IdentityType
  identity_id: string
  role: string
}

/** Secrets are stored as SHA-256 only: a copy of the database opens no session. */
export interface SessionTable {
  id: string
  token_hash: string
  user_id: string
  time_created: Timestamp
  time_last_used: Timestamp
}

export interface DeviceAuthTable {
  user_code: string
  device_code_hash: string
  client_id: string
  ttl_s: number | null
  /** Set when a user has confirmed. */
  user_id: string | null
  time_expires: Timestamp
}

export interface AccessTokenTable {
  id: string
  token_hash: string
  user_id: string
  client_id: string
  time_created: Timestamp
  time_expires: ColumnType<Date | null, Date | null, Date | null>
}

/** PEM; the key is as secret as the database. */
export interface CertificateTable extends IdentityRow {
  silo_id: string
  service: 'external_api'
  cert: string
  key: string
}

export interface SamlIdentityProviderTable extends IdentityRow {
  silo_id: string
  /** The identity provider's metadata as it was given. */
  metadata_xml: string
  idp_entity_id: string
  sp_client_id: string
  acs_url: string
  slo_url: string
  technical_contact_email: string
  group_attribute_name: string | null
  /** DER in base64, both or none; the key is as secret as the database. */
  public_cert: string | null
  private_key: string | null
}

/** A login that somebody has begun and an identity provider has not answered. */
export interface SamlRequestTable {
  id: string
  provider_id: string
  /** A path of our own origin. */
  redirect_uri: string
  time_expires: Timestamp
  /** Digest of what the browser was given that began the login; null where it could not be given anything. */
  browser_hash: string | null
}

export interface ScimTokenTable {
  id: string
  silo_id: string
  token_hash: string
  time_created: Timestamp
  time_expires: ColumnType<Date | null, Date | null, Date | null>
}

export interface SshKeyTable extends IdentityRow {
  user_id: string
  public_key: string
}

export interface ProjectTable extends IdentityRow {
  silo_id: string
}

export interface VpcTable extends IdentityRow {
  project_id: string
  dns_name: string
  vni: number
  ipv6_prefix: string
  system_router_id: string
}

export interface VpcSubnetTable extends IdentityRow {
  vpc_id: string
  ipv4_block: string
  ipv6_block: string
  custom_router_id: string | null
}

export interface VpcRouterTable extends IdentityRow {
  vpc_id: string
  kind: 'system' | 'custom'
}

export interface RouterRouteTable extends IdentityRow {
  vpc_router_id: string
  kind: RouterRouteKind
  destination: Json<RouteDestination>
  target: Json<RouteTarget>
  /** The subnet that a route of kind `vpc_subnet` stands for. */
  subnet_id: string | null
}

export interface InternetGatewayTable extends IdentityRow {
  vpc_id: string
}

export interface InternetGatewayPoolTable extends IdentityRow {
  internet_gateway_id: string
  ip_pool_id: string
}

export interface InternetGatewayAddressTable extends IdentityRow {
  internet_gateway_id: string
  address: string
}

export interface FirewallRuleTable extends IdentityRow {
  vpc_id: string
  /** Position in the set as it was written. */
  position: number
  status: 'enabled' | 'disabled'
  direction: 'inbound' | 'outbound'
  action: 'allow' | 'deny'
  priority: number
  targets: Json<VpcFirewallRuleTarget[]>
  filters: Json<VpcFirewallRuleFilter>
}

export interface IpPoolTable extends IdentityRow {
  ip_version: 'v4' | 'v6'
  pool_type: 'unicast' | 'multicast'
  assignment: 'silos' | 'system_services'
}

export interface IpPoolRangeTable {
  id: string
  ip_pool_id: string
  first: string
  last: string
  time_created: Timestamp
}

export interface IpPoolSiloTable {
  ip_pool_id: string
  silo_id: string
  is_default: boolean
}

export type RunState = 'creating' | 'starting' | 'running' | 'stopping' | 'stopped' | 'rebooting' | 'failed'

export interface InstanceTable extends IdentityRow {
  project_id: string
  hostname: string
  ncpus: number
  memory_bytes: number
  user_data: string
  /** What the user wants. */
  desired_state: 'running' | 'stopped'
  /** What is known to be. */
  run_state: RunState
  reboot_requested: boolean
  time_run_state_updated: Timestamp
  /** Why it failed. */
  reason: string | null
  /** Where it is placed while it should run. */
  sled_id: string | null
  auto_restart_policy: 'never' | 'best_effort' | null
  boot_disk_id: string | null
  cpu_platform: 'amd_milan' | 'amd_turin' | 'amd_turin_v2' | null
  enable_jumbo_frames: boolean
}

export interface InstanceSshKeyTable {
  instance_id: string
  ssh_key_id: string
}

export interface NetworkInterfaceTable extends IdentityRow {
  instance_id: string
  vpc_id: string
  subnet_id: string
  slot: number
  is_primary: boolean
  mac: string
  ipv4: string | null
  ipv6: string | null
  transit_ips: Json<string[]>
}

export interface ExternalIpTable {
  id: string
  kind: 'snat' | 'ephemeral' | 'floating'
  ip_pool_id: string
  ip: string
  first_port: number
  last_port: number
  /** For floating ones: null while detached. */
  instance_id: string | null
  /** Floating ones only. */
  project_id: string | null
  name: string | null
  description: string | null
  time_created: Timestamp
  time_modified: Timestamp
}

export interface DiskTable extends IdentityRow {
  project_id: string
  size_bytes: number
  block_size: 512 | 2048 | 4096
  disk_type: 'distributed' | 'local'
  /** Null: not being filled. */
  import_state: 'import_ready' | 'importing_from_bulk_writes' | null
  instance_id: string | null
  /** What it was made of; it may be gone. */
  image_id: string | null
  snapshot_id: string | null
  read_only: boolean
  volume_id: string
}

export interface SnapshotTable extends IdentityRow {
  project_id: string
  disk_id: string
  size_bytes: number
  block_size: 512 | 2048 | 4096
  volume_id: string
}

export interface ImageTable extends IdentityRow {
  silo_id: string
  /** Null: of the whole silo. */
  project_id: string | null
  os: string
  version: string
  size_bytes: number
  block_size: 512 | 2048 | 4096
  volume_id: string
}

export interface VolumeTable {
  id: string
  parent_id: string | null
}

export interface VolumeBlockTable {
  volume_id: string
  byte_offset: number
  data: Uint8Array
}

/** What operators have said about a sled; a sled without a row has the defaults. */
export interface SledTable {
  id: string
  serial: string
  part: string
  revision: number
  /** Its place in the rack. Of the sleds in service one has it. */
  slot: number
  underlay_address: string
  policy: 'in_service' | 'expunged'
  provision_policy: SledProvisionPolicy
  /** 0 until the sled has told. */
  hardware_threads: number
  physical_ram_bytes: number
  time_created: Timestamp
  time_modified: Timestamp
}

/** Which boards are the rack's, version by version. At most one version, the last, is in progress. */
export interface RackMembershipTable {
  version: number
  state: 'in_progress' | 'committed' | 'aborted'
  /** Of this version; of one in progress, those that were there when it began, and those that are to come. */
  members: Json<readonly BoardId[]>
  /** Whom an operator asked for. */
  added: Json<readonly BoardId[]>
  time_created: Timestamp
  time_committed: ColumnType<Date | null, Date | null, Date | null>
  time_aborted: ColumnType<Date | null, Date | null, Date | null>
}

export interface BoardId {
  readonly part: string
  readonly serial: string
}

/** As its sled reported it. */
export interface PhysicalDiskTable {
  id: string
  sled_id: string
  vendor: string
  model: string
  serial: string
  form_factor: 'u2' | 'm2'
  slot: number
  policy: 'in_service' | 'expunged'
  time_created: Timestamp
  time_modified: Timestamp
}

/** Who did what, and how it ended. Written once, never changed. */
export interface AuditLogTable {
  id: string
  time_started: Timestamp
  time_completed: Timestamp
  request_id: string
  request_uri: string
  operation_id: string
  source_ip: string
  user_agent: string | null
  silo_id: string | null
  silo_user_id: string | null
  auth_method: AuthMethod | null
  credential_id: string | null
  http_status: number
  error_code: string | null
  error_message: string | null
}

/** The generation of each thing that is pushed out, and the digest of what it stands for. */
export interface DesiredStateTable {
  kind: string
  target: string
  generation: number
  digest: string
  /** The number of the snapshot that the content was last derived from. */
  snapshot: ColumnType<number, number | undefined, number>
}

export interface SnapshotCounterTable {
  id: number
  count: number
}

/** Which control plane runs a reconciler at the moment. */
export interface ReconcilerLeaseTable {
  name: string
  holder: string
  /** Wall clock of the holder. */
  expires_ms: number
}

/** What is said once for the whole fleet, by name. */
export interface FleetSettingTable {
  name: string
  value: Json<object>
  time_created: Timestamp
  time_modified: Timestamp
}

export interface AddressLotTable extends IdentityRow {
  kind: 'infra' | 'pool'
}

export interface AddressLotBlockTable {
  id: string
  address_lot_id: string
  first: string
  last: string
}

export type AnnounceSetTable = IdentityRow

export interface AnnouncementTable {
  announce_set_id: string
  address_lot_block_id: string
  network: string
}

export interface BgpConfigTable extends IdentityRow {
  asn: number
  announce_set_id: string
  max_paths: number
  vrf: string | null
}

/** Everything of the settings but their identity; names are resolved to ids. */
export type PortSettingsBody = Omit<
  SwitchPortSettings,
  'id' | 'name' | 'description' | 'time_created' | 'time_modified' | 'bgp_peers'
> & {
  /** Each with the link that it is on. */
  readonly bgp_peers: readonly (BgpPeer & { readonly link_name: string })[]
}

export interface PortSettingsTable extends IdentityRow {
  body: Json<PortSettingsBody>
}

export interface PortSettingsBgpTable {
  port_settings_id: string
  bgp_config_id: string
}

export interface PortSettingsBlockTable {
  port_settings_id: string
  address_lot_block_id: string
}

/** A port that faces the world; made from the inventory at the start. */
export interface SwitchPortTable {
  id: string
  switch_slot: SwitchSlot
  name: string
  port_settings_id: string | null
  /** Null: as the port's settings say. */
  lldp: JSONColumnType<LldpLinkConfig | null, string | null, string | null>
}

export interface LoopbackAddressTable {
  id: string
  address_lot_block_id: string
  switch_slot: SwitchSlot
  /** With its length. */
  address: string
  anycast: boolean
}

export interface BfdSessionTable {
  switch_slot: SwitchSlot
  remote: string
  local: string | null
  detection_threshold: number
  required_rx_us: number
  mode: 'single_hop' | 'multi_hop'
}

export interface PlacementGroupTable extends IdentityRow {
  project_id: string
  kind: 'affinity' | 'anti_affinity'
  policy: 'allow' | 'fail'
}

export interface PlacementGroupMemberTable {
  group_id: string
  instance_id: string
}

export interface Database {
  silo: SiloTable
  silo_user: SiloUserTable
  silo_group: SiloGroupTable
  silo_group_member: SiloGroupMemberTable
  role_grant: RoleGrantTable
  session: SessionTable
  device_auth: DeviceAuthTable
  access_token: AccessTokenTable
  ssh_key: SshKeyTable
  certificate: CertificateTable
  saml_identity_provider: SamlIdentityProviderTable
  saml_request: SamlRequestTable
  scim_token: ScimTokenTable
  project: ProjectTable
  vpc: VpcTable
  vpc_subnet: VpcSubnetTable
  vpc_router: VpcRouterTable
  router_route: RouterRouteTable
  internet_gateway: InternetGatewayTable
  internet_gateway_pool: InternetGatewayPoolTable
  internet_gateway_address: InternetGatewayAddressTable
  firewall_rule: FirewallRuleTable
  ip_pool: IpPoolTable
  ip_pool_range: IpPoolRangeTable
  ip_pool_silo: IpPoolSiloTable
  instance: InstanceTable
  instance_ssh_key: InstanceSshKeyTable
  network_interface: NetworkInterfaceTable
  external_ip: ExternalIpTable
  disk: DiskTable
  snapshot: SnapshotTable
  image: ImageTable
  volume: VolumeTable
  volume_block: VolumeBlockTable
  sled: SledTable
  rack_membership: RackMembershipTable
  audit_log: AuditLogTable
  desired_state: DesiredStateTable
  snapshot_counter: SnapshotCounterTable
  reconciler_lease: ReconcilerLeaseTable
  physical_disk: PhysicalDiskTable
  fleet_setting: FleetSettingTable
  address_lot: AddressLotTable
  address_lot_block: AddressLotBlockTable
  announce_set: AnnounceSetTable
  announcement: AnnouncementTable
  bgp_config: BgpConfigTable
  port_settings: PortSettingsTable
  port_settings_bgp: PortSettingsBgpTable
  port_settings_block: PortSettingsBlockTable
  switch_port: SwitchPortTable
  loopback_address: LoopbackAddressTable
  bfd_session: BfdSessionTable
  placement_group: PlacementGroupTable
  placement_group_member: PlacementGroupMemberTable
}
