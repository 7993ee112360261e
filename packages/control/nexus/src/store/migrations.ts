/**
 * The schema, one DDL statement per step, so that every PostgreSQL-protocol database can run it and a crash between
 * steps loses nothing. Steps are only ever appended. No statement asks the database for the time or for an identifier.
 */
import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration'
import { STAMPED_TABLES } from './changed-by.ts'
import { FLEET_ID } from './fleet.ts'
import type { Db } from './store.ts'

const IDENTITY = 'id uuid primary key, name text not null, description text not null'
const TIMES = 'time_created timestamptz not null, time_modified timestamptz not null'

/** What a silo may use when nobody has said otherwise: more than any rack has, exact in JSON. */
export const UNLIMITED = { cpus: 1_000_000, memoryBytes: 2 ** 50, storageBytes: 2 ** 50 } as const

const STEPS: readonly string[] = [
  `create table silo (${IDENTITY}, ${TIMES})`,
  `create unique index silo_name on silo (name)`,
  `create table silo_user (id uuid primary key, silo_id uuid not null references silo, external_id text not null,
    password_hash text not null, ${TIMES})`,
  `create unique index silo_user_external_id on silo_user (silo_id, external_id)`,
  `create table role_assignment (user_id uuid not null references silo_user, scope text not null, role text not null,
    primary key (user_id, scope))`,
  `create table session (token_hash text primary key, user_id uuid not null references silo_user,
    time_created timestamptz not null, time_last_used timestamptz not null)`,
  `create table device_auth (user_code text primary key, device_code_hash text not null, client_id uuid not null,
    ttl_s int, user_id uuid references silo_user, time_expires timestamptz not null)`,
  `create unique index device_auth_code on device_auth (device_code_hash)`,
  `create table access_token (id uuid primary key, token_hash text not null, user_id uuid not null references silo_user,
    client_id uuid not null, time_created timestamptz not null, time_expires timestamptz)`,
  `create unique index access_token_hash on access_token (token_hash)`,
  `create table ssh_key (${IDENTITY}, user_id uuid not null references silo_user, public_key text not null, ${TIMES})`,
  `create unique index ssh_key_name on ssh_key (user_id, name)`,
  `create table project (${IDENTITY}, silo_id uuid not null references silo, ${TIMES})`,
  `create unique index project_name on project (silo_id, name)`,
  `create table vpc (${IDENTITY}, project_id uuid not null references project, dns_name text not null,
    vni int not null, ipv6_prefix text not null, system_router_id uuid not null, ${TIMES})`,
  `create unique index vpc_name on vpc (project_id, name)`,
  `create unique index vpc_vni on vpc (vni)`,
  `create table vpc_subnet (${IDENTITY}, vpc_id uuid not null references vpc, ipv4_block text not null,
    ipv6_block text not null, ${TIMES})`,
  `create unique index vpc_subnet_name on vpc_subnet (vpc_id, name)`,
  `create table firewall_rule (${IDENTITY}, vpc_id uuid not null references vpc, position int not null,
    status text not null, direction text not null, action text not null, priority int not null,
    targets jsonb not null, filters jsonb not null, ${TIMES})`,
  `create unique index firewall_rule_name on firewall_rule (vpc_id, name)`,
  `create table ip_pool (${IDENTITY}, ip_version text not null, pool_type text not null, assignment text not null,
    ${TIMES})`,
  `create unique index ip_pool_name on ip_pool (name)`,
  `create table ip_pool_range (id uuid primary key, ip_pool_id uuid not null references ip_pool, first text not null,
    last text not null, time_created timestamptz not null)`,
  `create table ip_pool_silo (ip_pool_id uuid not null references ip_pool, silo_id uuid not null references silo,
    is_default boolean not null, primary key (ip_pool_id, silo_id))`,
  `create table instance (${IDENTITY}, project_id uuid not null references project, hostname text not null,
    ncpus int not null, memory_bytes bigint not null, user_data text not null, desired_state text not null,
    run_state text not null, reboot_requested boolean not null, time_run_state_updated timestamptz not null,
    reason text, sled_id uuid, auto_restart_policy text, cpu_platform text, enable_jumbo_frames boolean not null,
    ${TIMES})`,
  `create unique index instance_name on instance (project_id, name)`,
  `create table instance_ssh_key (instance_id uuid not null references instance on delete cascade,
    ssh_key_id uuid not null references ssh_key on delete cascade, primary key (instance_id, ssh_key_id))`,
  `create table network_interface (${IDENTITY}, instance_id uuid not null references instance on delete cascade,
    vpc_id uuid not null references vpc, subnet_id uuid not null references vpc_subnet, slot int not null,
    is_primary boolean not null, mac text not null, ipv4 text, ipv6 text, transit_ips jsonb not null, ${TIMES})`,
  `create unique index network_interface_name on network_interface (instance_id, name)`,
  `create unique index network_interface_mac on network_interface (mac)`,
  `create unique index network_interface_ipv4 on network_interface (subnet_id, ipv4)`,
  `create unique index network_interface_ipv6 on network_interface (subnet_id, ipv6)`,
  `create table external_ip (id uuid primary key, kind text not null, ip_pool_id uuid not null references ip_pool,
    ip text not null, first_port int not null, last_port int not null, instance_id uuid references instance,
    project_id uuid references project, name text, description text, ${TIMES})`,
  `create unique index external_ip_ports on external_ip (ip, first_port)`,
  `create unique index external_ip_name on external_ip (project_id, name)`,
  `create table desired_state (kind text not null, target text not null, generation bigint not null,
    digest text not null, primary key (kind, target))`,
  `create table vpc_router (${IDENTITY}, vpc_id uuid not null references vpc, kind text not null, ${TIMES})`,
  `create unique index vpc_router_name on vpc_router (vpc_id, name)`,
  `alter table vpc_subnet add column custom_router_id uuid references vpc_router`,
  `create table router_route (${IDENTITY}, vpc_router_id uuid not null references vpc_router on delete cascade,
    kind text not null, destination jsonb not null, target jsonb not null,
    subnet_id uuid references vpc_subnet on delete cascade, ${TIMES})`,
  `create unique index router_route_name on router_route (vpc_router_id, name)`,
  `create table internet_gateway (${IDENTITY}, vpc_id uuid not null references vpc, ${TIMES})`,
  `create unique index internet_gateway_name on internet_gateway (vpc_id, name)`,
  `create table internet_gateway_pool (${IDENTITY},
    internet_gateway_id uuid not null references internet_gateway on delete cascade,
    ip_pool_id uuid not null references ip_pool on delete cascade, ${TIMES})`,
  `create unique index internet_gateway_pool_name on internet_gateway_pool (internet_gateway_id, name)`,
  `create unique index internet_gateway_pool_pool on internet_gateway_pool (internet_gateway_id, ip_pool_id)`,
  `create table internet_gateway_address (${IDENTITY},
    internet_gateway_id uuid not null references internet_gateway on delete cascade, address text not null, ${TIMES})`,
  `create unique index internet_gateway_address_name on internet_gateway_address (internet_gateway_id, name)`,
  `create unique index internet_gateway_address_address on internet_gateway_address (internet_gateway_id, address)`,
  `alter table silo add column identity_mode text not null default 'local_only',
    add column discoverable boolean not null default true, add column admin_group_name text,
    add column mapped_fleet_roles jsonb not null default '{}', add column device_token_max_ttl_s int,
    add column quota_cpus bigint not null default ${UNLIMITED.cpus},
    add column quota_memory_bytes bigint not null default ${UNLIMITED.memoryBytes},
    add column quota_storage_bytes bigint not null default ${UNLIMITED.storageBytes}`,
  `alter table silo_user alter column password_hash drop not null`,
  `create table silo_group (id uuid primary key, silo_id uuid not null references silo on delete cascade,
    external_id text not null, ${TIMES})`,
  `create unique index silo_group_external_id on silo_group (silo_id, external_id)`,
  `create table silo_group_member (group_id uuid not null references silo_group on delete cascade,
    user_id uuid not null references silo_user on delete cascade, primary key (group_id, user_id))`,
  `create table role_grant (resource_type text not null, resource_id uuid not null, identity_type text not null,
    identity_id uuid not null, role text not null,
    primary key (resource_type, resource_id, identity_type, identity_id, role))`,
  `create index role_grant_identity on role_grant (identity_id)`,
  `insert into role_grant select scope, case scope when 'fleet' then '${FLEET_ID}'::uuid else silo_id end, 'silo_user',
    user_id, role from role_assignment join silo_user on silo_user.id = user_id`,
  `drop table role_assignment`,
  // Sessions get an id that may be shown; those of before are ended.
  `delete from session`,
  `alter table session add column id uuid not null`,
  `create table sled (id uuid primary key, provision_policy text not null, time_modified timestamptz not null)`,
  // No references: entries outlive the users and silos they tell of.
  `create table audit_log (id uuid primary key, time_started timestamptz not null, time_completed timestamptz not null,
    request_id text not null, request_uri text not null, operation_id text not null, source_ip text not null,
    user_agent text, silo_id uuid, silo_user_id uuid, auth_method text, credential_id uuid, http_status int not null,
    error_code text, error_message text)`,
  `create index audit_log_time on audit_log (time_completed, id)`,
  `create table volume (id uuid primary key, parent_id uuid references volume)`,
  `create index volume_parent on volume (parent_id)`,
  `create table volume_block (volume_id uuid not null references volume on delete cascade, byte_offset bigint not null,
    data bytea not null, primary key (volume_id, byte_offset))`,
  `create table disk (${IDENTITY}, project_id uuid not null references project, size_bytes bigint not null,
    block_size int not null, disk_type text not null, import_state text, instance_id uuid references instance,
    image_id uuid, snapshot_id uuid, read_only boolean not null, volume_id uuid not null references volume, ${TIMES})`,
  `create unique index disk_name on disk (project_id, name)`,
  `create index disk_instance on disk (instance_id)`,
  `create table snapshot (${IDENTITY}, project_id uuid not null references project, disk_id uuid not null,
    size_bytes bigint not null, block_size int not null, volume_id uuid not null references volume, ${TIMES})`,
  `create unique index snapshot_name on snapshot (project_id, name)`,
  `create table image (${IDENTITY}, silo_id uuid not null references silo, project_id uuid references project,
    os text not null, version text not null, size_bytes bigint not null, block_size int not null,
    volume_id uuid not null references volume, ${TIMES})`,
  `create unique index image_name_in_project on image (project_id, name) where project_id is not null`,
  `create unique index image_name_in_silo on image (silo_id, name) where project_id is null`,
  `alter table instance add column boot_disk_id uuid references disk on delete set null`,
  `create table fleet_setting (name text primary key, value jsonb not null, ${TIMES})`,
  `create table address_lot (${IDENTITY}, kind text not null, ${TIMES})`,
  `create unique index address_lot_name on address_lot (name)`,
  `create table address_lot_block (id uuid primary key, address_lot_id uuid not null references address_lot on delete cascade,
    first text not null, last text not null)`,
  `create table announce_set (${IDENTITY}, ${TIMES})`,
  `create unique index announce_set_name on announce_set (name)`,
  `create table announcement (announce_set_id uuid not null references announce_set on delete cascade,
    address_lot_block_id uuid not null references address_lot_block, network text not null,
    primary key (announce_set_id, network))`,
  `create table bgp_config (${IDENTITY}, asn bigint not null, announce_set_id uuid not null references announce_set,
    max_paths int not null, vrf text, ${TIMES})`,
  `create unique index bgp_config_name on bgp_config (name)`,
  `create table port_settings (${IDENTITY}, body jsonb not null, ${TIMES})`,
  `create unique index port_settings_name on port_settings (name)`,
  `create table port_settings_bgp (port_settings_id uuid not null references port_settings on delete cascade,
    bgp_config_id uuid not null references bgp_config, primary key (port_settings_id, bgp_config_id))`,
  `create table port_settings_block (port_settings_id uuid not null references port_settings on delete cascade,
    address_lot_block_id uuid not null references address_lot_block,
    primary key (port_settings_id, address_lot_block_id))`,
  `create table switch_port (id uuid primary key, switch_slot text not null, name text not null,
    port_settings_id uuid references port_settings, lldp jsonb)`,
  `create unique index switch_port_name on switch_port (switch_slot, name)`,
  `create table loopback_address (id uuid primary key, address_lot_block_id uuid not null references address_lot_block,
    switch_slot text not null, address text not null, anycast boolean not null)`,
  `create unique index loopback_address_address on loopback_address (switch_slot, address)`,
  `create table bfd_session (switch_slot text not null, remote text not null, local text,
    detection_threshold int not null, required_rx_us bigint not null, mode text not null,
    primary key (switch_slot, remote))`,
  // Snapshots are numbered in the transaction that reads them.
  `create table snapshot_counter (id int primary key, count bigint not null)`,
  `insert into snapshot_counter values (1, 0)`,
  `alter table desired_state add column snapshot bigint not null default 0`,
  `create table placement_group (${IDENTITY}, project_id uuid not null references project, kind text not null,
    policy text not null, ${TIMES})`,
  `create unique index placement_group_name on placement_group (project_id, kind, name)`,
  `create table placement_group_member (group_id uuid not null references placement_group on delete cascade,
    instance_id uuid not null references instance on delete cascade, primary key (group_id, instance_id))`,
  `create index placement_group_member_instance on placement_group_member (instance_id)`,
  `create table reconciler_lease (name text primary key, holder uuid not null, expires_ms bigint not null)`,
  `create index silo_group_member_user on silo_group_member (user_id)`,
  `create index external_ip_pool on external_ip (ip_pool_id)`,
  `create index external_ip_instance on external_ip (instance_id)`,
  'create index audit_log_request on audit_log (request_id)',
  ...STAMPED_TABLES.map((table) => `alter table ${table} add column changed_by text`),
  `create table certificate (${IDENTITY}, silo_id uuid not null references silo on delete cascade, service text not null,
    cert text not null, key text not null, ${TIMES})`,
  `create unique index certificate_name on certificate (silo_id, name)`,
  `create table saml_identity_provider (${IDENTITY}, silo_id uuid not null references silo on delete cascade,
    metadata_xml text not null, idp_entity_id text not null, sp_client_id text not null, acs_url text not null,
    slo_url text not null, technical_contact_email text not null, group_attribute_name text, public_cert text,
    private_key text, ${TIMES})`,
  `create unique index saml_identity_provider_name on saml_identity_provider (silo_id, name)`,
  `create table saml_request (id text primary key,
    provider_id uuid not null references saml_identity_provider on delete cascade, redirect_uri text not null,
    time_expires timestamptz not null)`,
  `create table scim_token (id uuid primary key, silo_id uuid not null references silo on delete cascade,
    token_hash text not null, time_created timestamptz not null, time_expires timestamptz)`,
  `create unique index scim_token_hash on scim_token (token_hash)`,
  `alter table silo_user add column is_active boolean not null default true, add column scim_external_id text`,
  `alter table silo_group add column scim_external_id text`,
  // Sleds of before are completed from the inventory at the next start.
  `alter table sled add column serial text not null default '', add column part text not null default '',
    add column revision int not null default 0, add column slot int not null default -1,
    add column underlay_address text not null default '', add column policy text not null default 'in_service',
    add column hardware_threads int not null default 0, add column physical_ram_bytes bigint not null default 0,
    add column time_created timestamptz not null default 'epoch'`,
  `create unique index sled_slot on sled (slot) where policy = 'in_service' and slot >= 0`,
  `create table physical_disk (id uuid primary key, sled_id uuid not null references sled, vendor text not null,
    model text not null, serial text not null, form_factor text not null, slot int not null, policy text not null, ${TIMES})`,
  `create unique index physical_disk_serial on physical_disk (sled_id, serial)`,
  `create table rack_membership (version bigint primary key, state text not null, members jsonb not null,
    added jsonb not null, time_created timestamptz not null, time_committed timestamptz, time_aborted timestamptz)`,
  `alter table saml_request add column browser_hash text`,
]

/** Of all steps: another one is another schema. */
export const SCHEMA_DIGEST: string = createHash('sha256').update(STEPS.join('\n')).digest('hex')

/** Runs the steps that a database has not had. */
export async function bringUpToDate(db: Db): Promise<void> {
  if (await isUpToDate(db)) return
  const migrator = new Migrator({ db, provider: new NexusMigrations(), disableTransactions: true })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) {
    throw new Error(`its schema could not be brought up to date: ${reasonOf(error)}`, { cause: error })
  }
}

/** The migrator would ask first for every column of every table, which on an embedded database takes longer than all the rest of a start. */
async function isUpToDate(db: Db): Promise<boolean> {
  const ran = await sql<{ name: string }>`select name from kysely_migration`.execute(db).catch(() => undefined)
  // Without an answer it is a new database, or one that cannot be asked: the migrator tells which.
  if (ran?.rows.length !== STEPS.length) return false
  const names = new Set(ran.rows.map(({ name }) => name))
  return STEPS.every((_, i) => names.has(stepName(i)))
}

function stepName(index: number): string {
  return `step-${String(index + 1).padStart(4, '0')}`
}

/** A refused connection is an error without a text of its own, made of one for each address that was tried. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

class NexusMigrations implements MigrationProvider {
  getMigrations(): Promise<Record<string, Migration>> {
    const entries = STEPS.map((statement, i): [string, Migration] => [
      stepName(i),
      {
        async up(db: Kysely<unknown>) {
          await sql.raw(statement).execute(db)
        },
      },
    ])
    return Promise.resolve(Object.fromEntries(entries))
  }
}
