/** Who may do what: roles on fleet, silo and project, through users and groups. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { CallResult } from '@lodestone/api'
import { type NexusClient, type NexusOperation, nexusApi, type ProjectRole } from '@lodestone/contract-nexus'
import { SeededRandom } from '@lodestone/host'
import { REQUIREMENTS } from './auth/authorize.ts'
import { siloRank } from './auth/role.ts'
import { clientWith, settle } from './fake-rack.fixture.ts'
import { openNexus, valueOf } from './running-nexus.fixture.ts'
import { insertGroup, insertMember } from './store/user.ts'

const GIB = 2 ** 30
const ROLES: readonly ProjectRole[] = ['viewer', 'limited_collaborator', 'collaborator', 'admin']
const SILO = 'test-suite-silo'
const random = new SeededRandom(11)
const credentials = new Map<NexusClient, { headers: Record<string, string> }>()

const { rack, store, nexus, handler, api, close } = await openNexus()

after(close)

function statusOf(result: CallResult<unknown>): number {
  if (result.ok) return 200
  assert.ok(result.kind === 'refused', result.message)
  return result.status
}

/** A new local user of the recovery silo, and a client that is logged in as them. */
async function addUser(name: string): Promise<{ id: string; client: NexusClient }> {
  const password = { mode: 'password', value: 'secret' } as const
  const body = { external_id: name, password }
  const { id } = valueOf(await api.local_idp_user_create({ query: { silo: SILO }, body }))
  const session = await clientWith(handler, {}).login_local({
    params: { silo_name: SILO },
    body: { username: name, password: password.value },
  })
  assert.ok(session.ok)
  const headers = { cookie: session.headers.get('set-cookie')!.split(';')[0]! }
  const caller = clientWith(handler, headers)
  credentials.set(caller, { headers })
  return { id, client: caller }
}

async function grantOnProject(project: string, identity_id: string, role_name: ProjectRole): Promise<void> {
  const { role_assignments } = valueOf(await api.project_policy_view({ params: { project } }))
  role_assignments.push({ identity_type: 'silo_user', identity_id, role_name })
  valueOf(await api.project_policy_update({ params: { project }, body: { role_assignments } }))
}

/**
 * A call of every operation that needs a role on a project. Each names things that are there, and does no harm when it
 * is allowed: it repeats what is, or is refused for a reason that has nothing to do with roles.
 */
async function projectCalls(
  project: string,
): Promise<Record<string, (caller: NexusClient) => Promise<CallResult<unknown>>>> {
  const inVpc = { project, vpc: 'default' }
  const description = ''
  const ids = { router: '', gateway: '', route: '', floating: '', disk: '' }
  ids.router = valueOf(await api.vpc_router_create({ query: inVpc, body: { name: 'custom', description } })).id
  ids.gateway = valueOf(await api.internet_gateway_create({ query: inVpc, body: { name: 'other', description } })).id
  const destination = { type: 'ip' as const, value: '192.0.2.1' }
  const route = { name: 'r', description, destination, target: { type: 'drop' as const } }
  ids.route = valueOf(await api.vpc_router_route_create({ query: { router: ids.router }, body: route })).id
  const floating = { name: 'float', description }
  ids.floating = valueOf(await api.floating_ip_create({ query: { project }, body: floating })).id
  const disk = {
    description,
    size: GIB,
    disk_backend: { type: 'distributed' as const, disk_source: { type: 'blank' as const, block_size: 512 as const } },
  }
  ids.disk = valueOf(await api.disk_create({ query: { project }, body: { ...disk, name: 'other' } })).id
  valueOf(await api.disk_create({ query: { project }, body: { ...disk, name: 'blank' } }))
  const ofDisk = { name: 's', description, disk: 'blank' }
  const snapshot = valueOf(await api.snapshot_create({ query: { project }, body: ofDisk })).id
  const source = { type: 'snapshot' as const, id: snapshot }
  const image = { name: 'img', description, os: 'none', version: '1', source }
  valueOf(await api.image_create({ query: { project }, body: image }))
  valueOf(await api.image_create({ body: { ...image, name: 'everybody' } }))
  const instance = { name: 'i', description, hostname: 'i', ncpus: 1, memory: GIB }
  const { id } = valueOf(await api.instance_create({ query: { project }, body: instance }))
  await settle(rack, nexus)
  const params = { instance: id }
  const onInstance = { instance: 'i', project }
  const nic = { interface: 'net0' }
  const update = { description: 'changed' }
  const system = { ...inVpc, router: 'system' }
  const own = valueOf(await api.vpc_router_route_list({ query: system })).items[0]!.id
  return {
    project_view: (c) => c.project_view({ params: { project } }),
    project_update: (c) => c.project_update({ params: { project }, body: update }),
    project_delete: (c) => c.project_delete({ params: { project } }),
    project_policy_view: (c) => c.project_policy_view({ params: { project } }),
    // Refused for what it says, after it was seen who says it.
    project_policy_update: (c) =>
      c.project_policy_update({
        params: { project },
        body: { role_assignments: [{ identity_type: 'silo_user', identity_id: id, role_name: 'viewer' }] },
      }),
    vpc_list: (c) => c.vpc_list({ query: { project } }),
    vpc_create: (c) => c.vpc_create({ query: { project }, body: { name: 'default', description, dns_name: 'x' } }),
    vpc_view: (c) => c.vpc_view({ params: { vpc: 'default' }, query: { project } }),
    vpc_update: (c) => c.vpc_update({ params: { vpc: 'default' }, query: { project }, body: update }),
    vpc_delete: (c) => c.vpc_delete({ params: { vpc: 'default' }, query: { project } }),
    vpc_subnet_list: (c) => c.vpc_subnet_list({ query: inVpc }),
    vpc_subnet_create: (c) =>
      c.vpc_subnet_create({ query: inVpc, body: { name: 'default', description, ipv4_block: '10.1.0.0/24' } }),
    vpc_subnet_view: (c) => c.vpc_subnet_view({ params: { subnet: 'default' }, query: inVpc }),
    vpc_subnet_update: (c) => c.vpc_subnet_update({ params: { subnet: 'default' }, query: inVpc, body: update }),
    vpc_subnet_delete: (c) => c.vpc_subnet_delete({ params: { subnet: 'default' }, query: inVpc }),
    vpc_subnet_list_network_interfaces: (c) =>
      c.vpc_subnet_list_network_interfaces({ params: { subnet: 'default' }, query: inVpc }),
    vpc_router_list: (c) => c.vpc_router_list({ query: inVpc }),
    vpc_router_create: (c) => c.vpc_router_create({ query: inVpc, body: { name: 'custom', description } }),
    vpc_router_view: (c) => c.vpc_router_view({ params: { router: ids.router } }),
    vpc_router_update: (c) => c.vpc_router_update({ params: { router: ids.router }, body: update }),
    vpc_router_delete: (c) => c.vpc_router_delete({ params: { router: 'system' }, query: inVpc }),
    vpc_router_route_list: (c) => c.vpc_router_route_list({ query: { router: ids.router } }),
    vpc_router_route_create: (c) => c.vpc_router_route_create({ query: { router: ids.router }, body: route }),
    vpc_router_route_view: (c) => c.vpc_router_route_view({ params: { route: ids.route } }),
    vpc_router_route_update: (c) => c.vpc_router_route_update({ params: { route: ids.route }, body: route }),
    vpc_router_route_delete: (c) => c.vpc_router_route_delete({ params: { route: own } }),
    internet_gateway_list: (c) => c.internet_gateway_list({ query: inVpc }),
    internet_gateway_create: (c) => c.internet_gateway_create({ query: inVpc, body: { name: 'other', description } }),
    internet_gateway_view: (c) => c.internet_gateway_view({ params: { gateway: ids.gateway } }),
    internet_gateway_delete: (c) => c.internet_gateway_delete({ params: { gateway: 'default' }, query: inVpc }),
    internet_gateway_ip_pool_list: (c) => c.internet_gateway_ip_pool_list({ query: { gateway: ids.gateway } }),
    internet_gateway_ip_pool_create: (c) =>
      c.internet_gateway_ip_pool_create({
        query: { ...inVpc, gateway: 'default' },
        body: { name: 'default-v4', description, ip_pool: 'internet' },
      }),
    internet_gateway_ip_pool_delete: async (c) => {
      const body = { name: 'spare', description, ip_pool: 'internet' }
      await api.internet_gateway_ip_pool_create({ query: { gateway: ids.gateway }, body })
      return c.internet_gateway_ip_pool_delete({ params: { pool: 'spare' }, query: { ...inVpc, gateway: 'other' } })
    },
    internet_gateway_ip_address_list: (c) => c.internet_gateway_ip_address_list({ query: { gateway: ids.gateway } }),
    internet_gateway_ip_address_create: async (c) => {
      const body = { name: 'one', description, address: '198.51.100.99' }
      return c.internet_gateway_ip_address_create({ query: { gateway: ids.gateway }, body })
    },
    internet_gateway_ip_address_delete: async (c) => {
      const body = { name: 'two', description, address: '198.51.100.98' }
      await api.internet_gateway_ip_address_create({ query: { gateway: ids.gateway }, body })
      const query = { ...inVpc, gateway: 'other' }
      return c.internet_gateway_ip_address_delete({ params: { address: 'two' }, query })
    },
    vpc_firewall_rules_view: (c) => c.vpc_firewall_rules_view({ query: inVpc }),
    vpc_firewall_rules_update: (c) => c.vpc_firewall_rules_update({ query: inVpc, body: { rules: [] } }),
    instance_list: (c) => c.instance_list({ query: { project } }),
    instance_create: (c) => c.instance_create({ query: { project }, body: instance }),
    instance_view: (c) => c.instance_view({ params }),
    instance_update: (c) =>
      c.instance_update({
        params,
        body: {
          ncpus: 2,
          memory: GIB,
          auto_restart_policy: null,
          boot_disk: null,
          cpu_platform: null,
          enable_jumbo_frames: false,
        },
      }),
    instance_delete: (c) => c.instance_delete({ params }),
    instance_start: (c) => c.instance_start({ params }),
    instance_stop: async (c) => {
      const result = await c.instance_stop({ params })
      if (!result.ok) return result
      await settle(rack, nexus)
      await api.instance_start({ params })
      await settle(rack, nexus)
      return result
    },
    instance_reboot: async (c) => {
      const result = await c.instance_reboot({ params })
      await settle(rack, nexus)
      return result
    },
    instance_external_ip_list: (c) => c.instance_external_ip_list({ params }),
    instance_ephemeral_ip_attach: (c) =>
      c.instance_ephemeral_ip_attach({ params, body: { pool_selector: { type: 'explicit', pool: 'nowhere' } } }),
    instance_ephemeral_ip_detach: (c) => c.instance_ephemeral_ip_detach({ params }),
    instance_serial_console: (c) => rack.clock.run(c.instance_serial_console({ params, query: { from_start: 0 } })),
    instance_serial_console_stream: async (c) => {
      // No client has a method for a WebSocket: without the upgrade the answer to whoever may is 426.
      const response = await handler(
        new Request(`http://nexus/v1/instances/${id}/serial-console/stream`, credentials.get(c)),
      )
      const { status } = response
      if (status === 426) return { ok: true, status, value: undefined, headers: response.headers }
      return { ok: false, kind: 'refused', status, message: await response.text() }
    },
    instance_ssh_public_key_list: (c) => c.instance_ssh_public_key_list({ params }),
    disk_list: (c) => c.disk_list({ query: { project } }),
    disk_create: (c) => c.disk_create({ query: { project }, body: { ...disk, name: 'blank' } }),
    disk_view: (c) => c.disk_view({ params: { disk: 'blank' }, query: { project } }),
    disk_delete: async (c) => {
      await api.disk_create({ query: { project }, body: { ...disk, name: 'spare' } })
      return c.disk_delete({ params: { disk: 'spare' }, query: { project } })
    },
    disk_bulk_write_import_start: (c) =>
      c.disk_bulk_write_import_start({ params: { disk: 'blank' }, query: { project } }),
    disk_bulk_write_import: (c) =>
      c.disk_bulk_write_import({
        params: { disk: 'blank' },
        query: { project },
        body: { offset: 0, base64_encoded_data: '' },
      }),
    disk_bulk_write_import_stop: (c) =>
      c.disk_bulk_write_import_stop({ params: { disk: 'blank' }, query: { project } }),
    disk_finalize_import: (c) => c.disk_finalize_import({ params: { disk: 'blank' }, query: { project }, body: {} }),
    instance_disk_list: (c) => c.instance_disk_list({ params }),
    instance_disk_attach: (c) => c.instance_disk_attach({ params, body: { disk: ids.disk } }),
    instance_disk_detach: (c) => c.instance_disk_detach({ params, body: { disk: ids.disk } }),
    snapshot_list: (c) => c.snapshot_list({ query: { project } }),
    snapshot_create: (c) => c.snapshot_create({ query: { project }, body: { name: 's', description, disk: 'blank' } }),
    snapshot_view: (c) => c.snapshot_view({ params: { snapshot: 's' }, query: { project } }),
    snapshot_delete: async (c) => {
      await api.snapshot_create({ query: { project }, body: { name: 'spare', description, disk: 'blank' } })
      return c.snapshot_delete({ params: { snapshot: 'spare' }, query: { project } })
    },
    image_list: (c) => c.image_list({ query: { project } }),
    image_create: (c) => c.image_create({ query: { project }, body: image }),
    image_view: (c) => c.image_view({ params: { image: 'img' }, query: { project } }),
    image_delete: async (c) => {
      await api.image_create({ query: { project }, body: { ...image, name: 'spare' } })
      return c.image_delete({ params: { image: 'spare' }, query: { project } })
    },
    image_promote: (c) => c.image_promote({ params: { image: 'img' }, query: { project } }),
    image_demote: (c) => c.image_demote({ params: { image: 'everybody' }, query: { project } }),
    instance_anti_affinity_group_list: (c) => c.instance_anti_affinity_group_list({ params }),
    instance_external_subnet_list: (c) => c.instance_external_subnet_list({ params }),
    instance_affinity_group_list: (c) => c.instance_affinity_group_list({ params }),
    external_subnet_list: (c) => c.external_subnet_list({ query: { project } }),
    timeseries_query: (c) =>
      c.timeseries_query({ query: { project }, body: { query: 'get virtual_machine:vcpu_usage' } }),
    ...(await groupCalls(project, id)),
    instance_network_interface_list: (c) => c.instance_network_interface_list({ query: onInstance }),
    instance_network_interface_view: (c) => c.instance_network_interface_view({ params: nic, query: onInstance }),
    instance_network_interface_create: (c) =>
      c.instance_network_interface_create({
        query: onInstance,
        body: { name: 'net1', description, vpc_name: 'default', subnet_name: 'default' },
      }),
    instance_network_interface_update: (c) =>
      c.instance_network_interface_update({ params: nic, query: onInstance, body: update }),
    instance_network_interface_delete: (c) => c.instance_network_interface_delete({ params: nic, query: onInstance }),
    floating_ip_list: (c) => c.floating_ip_list({ query: { project } }),
    floating_ip_create: (c) => c.floating_ip_create({ query: { project }, body: floating }),
    floating_ip_view: (c) => c.floating_ip_view({ params: { floating_ip: ids.floating } }),
    floating_ip_update: (c) => c.floating_ip_update({ params: { floating_ip: ids.floating }, body: update }),
    floating_ip_delete: async (c) => {
      await api.floating_ip_create({ query: { project }, body: { name: 'spare', description } })
      return c.floating_ip_delete({ params: { floating_ip: 'spare' }, query: { project } })
    },
    floating_ip_attach: (c) =>
      c.floating_ip_attach({ params: { floating_ip: ids.floating }, body: { kind: 'instance', parent: id } }),
    floating_ip_detach: (c) => c.floating_ip_detach({ params: { floating_ip: ids.floating } }),
  }
}

/** The calls of both kinds of groups of instances. */
async function groupCalls(
  project: string,
  instance: string,
): Promise<Record<string, (caller: NexusClient) => Promise<CallResult<unknown>>>> {
  const query = { project }
  const body = { name: 'group', description: '', policy: 'allow' as const, failure_domain: 'sled' as const }
  const affinity_group = valueOf(await api.affinity_group_create({ query, body })).id
  const anti_affinity_group = valueOf(await api.anti_affinity_group_create({ query, body })).id
  const spare = { ...body, name: 'spare' }
  const update = { description: 'changed' }
  const one = { params: { affinity_group } }
  const other = { params: { anti_affinity_group } }
  const member = { params: { affinity_group, instance } }
  const otherMember = { params: { anti_affinity_group, instance } }
  /** A member that is none is not found, for whoever may look; that is no answer about roles. */
  const known = async (call: Promise<CallResult<unknown>>): Promise<CallResult<unknown>> => {
    const result = await call
    const isMember = !result.ok && result.message.includes('-group-member')
    return isMember ? { ok: true, status: 200, value: undefined, headers: new Headers() } : result
  }
  return {
    affinity_group_list: (c) => c.affinity_group_list({ query }),
    affinity_group_create: (c) => c.affinity_group_create({ query, body }),
    affinity_group_view: (c) => c.affinity_group_view(one),
    affinity_group_update: (c) => c.affinity_group_update({ ...one, body: update }),
    affinity_group_delete: async (c) => {
      await api.affinity_group_create({ query, body: spare })
      return c.affinity_group_delete({ params: { affinity_group: 'spare' }, query })
    },
    affinity_group_member_list: (c) => c.affinity_group_member_list(one),
    affinity_group_member_instance_view: (c) => known(c.affinity_group_member_instance_view(member)),
    affinity_group_member_instance_add: (c) => c.affinity_group_member_instance_add(member),
    affinity_group_member_instance_delete: (c) => known(c.affinity_group_member_instance_delete(member)),
    anti_affinity_group_list: (c) => c.anti_affinity_group_list({ query }),
    anti_affinity_group_create: (c) => c.anti_affinity_group_create({ query, body }),
    anti_affinity_group_view: (c) => c.anti_affinity_group_view(other),
    anti_affinity_group_update: (c) => c.anti_affinity_group_update({ ...other, body: update }),
    anti_affinity_group_delete: async (c) => {
      await api.anti_affinity_group_create({ query, body: spare })
      return c.anti_affinity_group_delete({ params: { anti_affinity_group: 'spare' }, query })
    },
    anti_affinity_group_member_list: (c) => c.anti_affinity_group_member_list(other),
    anti_affinity_group_member_instance_view: (c) => known(c.anti_affinity_group_member_instance_view(otherMember)),
    anti_affinity_group_member_instance_add: (c) => c.anti_affinity_group_member_instance_add(otherMember),
    anti_affinity_group_member_instance_delete: (c) => known(c.anti_affinity_group_member_instance_delete(otherMember)),
  }
}

test('actor × operation: a project is unseen without a role on it, and each role does what it should and no more', async () => {
  const pool = valueOf(await api.system_ip_pool_create({ body: { name: 'internet', description: '' } }))
  const range = { first: '198.51.100.10', last: '198.51.100.20' }
  valueOf(await api.system_ip_pool_range_add({ params: { pool: pool.name }, body: range }))
  const link = { silo: SILO, is_default: true }
  valueOf(await api.system_ip_pool_silo_link({ params: { pool: pool.name }, body: link }))
  const project = 'guarded'
  valueOf(await api.project_create({ body: { name: project, description: '' } }))
  const calls = await projectCalls(project)

  const isOnProject = (operation: NexusOperation): boolean => REQUIREMENTS[operation].scope === 'project'
  // because every endpoint of nexusApi has an operation id of this union
  const operations = nexusApi.endpoints.map(({ operationId }) => operationId as NexusOperation).filter(isOnProject)
  assert.deepEqual(Object.keys(calls).toSorted(), operations.toSorted(), 'every such operation is called')

  const nobody = (await addUser('nobody')).client
  const actors: { name: string; role: ProjectRole | undefined; client: NexusClient }[] = [
    { name: 'nobody', role: undefined, client: nobody },
  ]
  for (const role of ROLES) {
    const name = role.replace('_', '-')
    const direct = await addUser(`project-${name}`)
    await grantOnProject(project, direct.id, role)
    actors.push({ name: `project ${role}`, role, client: direct.client })
  }
  for (const { name, role, client } of actors) {
    for (const operation of operations) {
      const requirement = REQUIREMENTS[operation]
      assert.ok(requirement.scope === 'project')
      const result = await calls[operation]!(client)
      const status = statusOf(result)
      const where = `${name}: ${operation} answered ${status} ${result.ok ? '' : result.message}`
      if (role === undefined) assert.equal(status, 404, where)
      else if (siloRank(role) < siloRank(requirement.role)) assert.equal(status, 403, where)
      else if (operation === 'image_promote' || operation === 'image_demote') {
        assert.equal(status, 403, `${where}: what is for the whole silo takes a role on the silo`)
      } else if (operation === 'instance_ephemeral_ip_attach') assert.match(where, /not found: ip-pool/)
      else assert.ok([200, 400, 409].includes(status), where)
    }
  }
})

test('a silo role counts on every project, a group role on its members, and both end with the policy', async () => {
  const silo = valueOf(await api.silo_view({ params: { silo: SILO } }))
  valueOf(await api.project_create({ body: { name: 'shared', description: '' } }))
  const someone = await addUser('someone')
  const view = { params: { project: 'shared' } }
  const change = { ...view, body: { description: 'mine now' } }
  const now = new Date(rack.clock.wallMs())
  const group = { id: random.uuid(), silo_id: silo.id, external_id: 'net-team' }
  await insertGroup(store.db, { ...group, time_created: now, time_modified: now })
  await insertMember(store.db, group.id, someone.id)
  assert.equal(statusOf(await someone.client.project_view(view)), 404)

  const before = valueOf(await api.policy_view()).role_assignments
  const give = async (role_name: ProjectRole): Promise<void> => {
    const given = { identity_type: 'silo_group' as const, identity_id: group.id, role_name }
    valueOf(await api.policy_update({ body: { role_assignments: [...before, given] } }))
  }
  await give('viewer')
  assert.equal(statusOf(await someone.client.project_view(view)), 200)
  assert.equal(statusOf(await someone.client.project_update(change)), 403)
  await give('collaborator')
  assert.equal(
    statusOf(await someone.client.project_update(change)),
    200,
    "collaborators administer the silo's projects",
  )
  assert.equal(statusOf(await someone.client.policy_update({ body: { role_assignments: [] } })), 403)
  const groups = valueOf(await someone.client.current_user_groups()).items
  assert.deepEqual(
    groups.map((row) => row.display_name),
    ['net-team'],
  )
  const members = valueOf(await api.user_list({ query: { group: group.id } })).items
  assert.deepEqual(
    members.map((row) => row.display_name),
    ['someone'],
  )
  valueOf(await api.policy_update({ body: { role_assignments: before } }))
  assert.equal(statusOf(await someone.client.project_view(view)), 404)
  const unknown = { identity_type: 'silo_user' as const, identity_id: silo.id, role_name: 'viewer' as const }
  assert.equal(statusOf(await api.policy_update({ body: { role_assignments: [unknown] } })), 400)
})

test("a fleet admin cannot look into another silo's projects, and a silo may bring fleet roles", async () => {
  const body = {
    name: 'tenant',
    description: '',
    discoverable: true,
    identity_mode: 'local_only' as const,
    quotas: { cpus: 2, memory: 2 * GIB, storage: 0 },
    tls_certificates: [],
    mapped_fleet_roles: { admin: ['viewer' as const] },
  }
  valueOf(await api.silo_create({ body }))
  assert.equal(statusOf(await api.silo_create({ body })), 400)
  const wrong = await api.silo_create({ body: { ...body, name: 'x', mapped_fleet_roles: { king: ['viewer'] } } })
  assert.equal(statusOf(wrong), 400)
  const password = { mode: 'password', value: 'tenant' } as const
  const query = { silo: 'tenant' }
  const boss = valueOf(await api.local_idp_user_create({ query, body: { external_id: 'boss', password } }))
  const grant = { identity_type: 'silo_user' as const, identity_id: boss.id, role_name: 'admin' as const }
  valueOf(await api.silo_policy_update({ params: query, body: { role_assignments: [grant] } }))
  const params = { silo_name: 'tenant' }
  const session = await clientWith(handler, {}).login_local({ params, body: { username: 'boss', password: 'tenant' } })
  assert.ok(session.ok)
  const tenant = clientWith(handler, { cookie: session.headers.get('set-cookie')!.split(';')[0]! })
  const me = valueOf(await tenant.current_user_view())
  assert.deepEqual([me.silo_admin, me.fleet_viewer], [true, true])
  assert.equal(statusOf(await tenant.silo_list()), 200)
  assert.equal(statusOf(await tenant.silo_create({ body })), 403)

  valueOf(await tenant.project_create({ body: { name: 'private', description: '' } }))
  assert.equal(statusOf(await api.project_view({ params: { project: 'private' } })), 404)
  const [vpc] = valueOf(await tenant.vpc_list({ query: { project: 'private' } })).items
  assert.equal(statusOf(await api.vpc_view({ params: { vpc: vpc!.id } })), 404, 'not by id either')

  const instance = (name: string, memory: number) =>
    tenant.instance_create({
      query: { project: 'private' },
      body: { name, description: '', hostname: name, ncpus: 1, memory, external_ips: [] },
    })
  valueOf(await instance('one', GIB))
  const over = await instance('two', 2 * GIB)
  assert.equal(statusOf(over), 507)
  assert.match(over.ok ? '' : over.message, /quota of bytes of memory is 2147483648, 1073741824 are in use/)
  const use = valueOf(await tenant.utilization_view())
  assert.deepEqual([use.provisioned.cpus, use.capacity.cpus], [1, 2])
  valueOf(await api.silo_quotas_update({ params: query, body: { memory: 4 * GIB } }))
  valueOf(await instance('two', 2 * GIB))
  assert.equal(statusOf(await api.silo_delete({ params: query })), 400, 'a silo with projects stays')
})

test('operators manage local users: log out, forbid, delete; a password opens nothing afterwards', async () => {
  const { id, client } = await addUser('guest')
  const query = { silo: SILO }
  const sessions = valueOf(await api.user_session_list({ params: { user_id: id } })).items
  assert.equal(sessions.length, 1)
  valueOf(await api.user_logout({ params: { user_id: id } }))
  assert.equal(statusOf(await client.current_user_view()), 401)
  const params = { silo_name: SILO }
  const enter = (password: string) =>
    clientWith(handler, {}).login_local({ params, body: { username: 'guest', password } })
  assert.equal(statusOf(await enter('secret')), 200)
  const forbid = { mode: 'login_disallowed' } as const
  valueOf(await api.local_idp_user_set_password({ params: { user_id: id }, query, body: forbid }))
  assert.equal(statusOf(await enter('secret')), 401)
  const other = (await addUser('other')).client
  assert.equal(statusOf(await other.local_idp_user_delete({ params: { user_id: id }, query })), 403)
  assert.equal(statusOf(await other.user_session_list({ params: { user_id: id } })), 403)
  valueOf(await api.local_idp_user_delete({ params: { user_id: id }, query }))
  assert.equal(statusOf(await api.user_view({ params: { user_id: id } })), 404)
})

test('a silo limits how long tokens of devices live', async () => {
  valueOf(await api.auth_settings_update({ body: { device_token_max_ttl_seconds: 60 } }))
  const client_id = random.uuid()
  const anonymous = clientWith(handler, {})
  const confirm = async (ttl?: number): Promise<{ status: number; device_code: string }> => {
    const body = { client_id, ...(ttl === undefined ? {} : { ttl_seconds: ttl }) }
    const { user_code, device_code } = valueOf(await anonymous.device_auth_request({ body }))
    return { status: statusOf(await api.device_auth_confirm({ body: { user_code } })), device_code }
  }
  assert.equal((await confirm(61)).status, 400)
  const { status, device_code } = await confirm()
  assert.equal(status, 200)
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  const result = await anonymous.device_access_token({ body: { grant_type, device_code, client_id } })
  const token = valueOf(result) as { time_expires: string } // because the RFC's error answers are not `ok`
  assert.equal(new Date(token.time_expires).getTime() - rack.clock.wallMs(), 60_000)
  valueOf(await api.auth_settings_update({ body: { device_token_max_ttl_seconds: null } }))
})
