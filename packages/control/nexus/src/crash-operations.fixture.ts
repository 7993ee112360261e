/**
 * For tests: the operations that are cut off at every step, with what has to be there before, and how one sees that all of it happened.
 */
import assert from 'node:assert/strict'
import type { CallResult, FetchLike } from '@lodestone/api'
import type { NexusClient } from '@lodestone/contract-nexus'
import type { FakeRack } from './fake-rack.fixture.ts'
import { valueOf } from './running-nexus.fixture.ts'

const GIB = 2 ** 30
export const query = { project: 'p' }
const description = ''

/** What operations need that is made once. */
export interface CrashWorld {
  readonly rack: FakeRack
  /** Some certificate with its key, PEM. */
  readonly certificate: { readonly cert: string; readonly key: string }
  /** Of a SAML identity provider. */
  readonly metadata: string
  /** Of the silo `scim`, whose users are provisioned. */
  readonly scimToken: string
}

export interface Operation {
  readonly name: string
  /** What must be there before. */
  readonly prepare?: (api: NexusClient, id: string, handler: FetchLike) => Promise<unknown>
  readonly run: (
    api: NexusClient,
    id: string,
    handler: FetchLike,
  ) => Promise<CallResult<unknown> | { readonly ok: boolean }>
  /** Whether all of it is there, or nothing of it; throws when it is neither. */
  readonly isDone: (api: NexusClient, id: string, handler: FetchLike) => Promise<boolean>
  /** By default it is cut off at one place only. */
  readonly isMinor?: true
}

const instance = (name: string) => ({ name, description, hostname: name, ncpus: 1, memory: GIB })

const disk = (name: string) => ({
  name,
  description,
  size: GIB,
  disk_backend: { type: 'distributed', disk_source: { type: 'blank', block_size: 512 } } as const,
})

const stopped = async (api: NexusClient, id: string): Promise<void> => {
  valueOf(await api.instance_create({ query, body: { ...instance(id), start: false } }))
}

const floating = (id: string) => ({ params: { floating_ip: id }, query })
const isAttached = async (api: NexusClient, id: string): Promise<boolean> =>
  valueOf(await api.disk_view({ params: { disk: id }, query })).state.state === 'attached'
const stateOf = async (api: NexusClient, id: string): Promise<string> =>
  valueOf(await api.instance_view({ params: { instance: id }, query })).run_state

const portSettings = (name: string) => ({
  name,
  description,
  port_config: { geometry: 'qsfp28x1' as const },
  links: [{ link_name: 'l', mtu: 1500, speed: 'speed100_g' as const, autoneg: false, lldp: { enabled: true } }],
  addresses: [{ link_name: 'l', addresses: [{ address: '192.0.2.2/30', address_lot: 'lot' }] }],
})

const rules = (...names: string[]) =>
  names.map((name) => ({
    ...({ name, description, status: 'enabled', direction: 'inbound', action: 'allow', priority: 1 } as const),
    targets: [],
    filters: {},
  }))

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'

const scim = async (
  handler: FetchLike,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<Response> =>
  handler(
    new Request(`http://nexus/scim/v2/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  )

/** @param world asked when an operation is run. */
export const operations = (world: () => CrashWorld): readonly Operation[] => [
  {
    name: 'create a project, with its VPC, subnet, routers, routes, gateway and rules',
    run: (api, id) => api.project_create({ body: { name: id, description } }),
    async isDone(api, id) {
      const project = await api.project_view({ params: { project: id } })
      if (!project.ok) return false
      const rules = valueOf(await api.vpc_firewall_rules_view({ query: { project: id, vpc: 'default' } })).rules
      assert.equal(rules.length, 3)
      return true
    },
  },
  {
    name: 'create an instance that runs, with an interface and addresses',
    run: (api, id) =>
      api.instance_create({
        query,
        body: {
          ...instance(id),
          external_ips: [{ type: 'ephemeral', pool_selector: { type: 'auto', ip_version: null } }],
        },
      }),
    async isDone(api, id) {
      const made = await api.instance_view({ params: { instance: id }, query })
      if (!made.ok) return false
      const addresses = valueOf(await api.instance_external_ip_list({ params: { instance: id }, query })).items
      assert.deepEqual(addresses.map(({ kind }) => kind).toSorted(), ['ephemeral', 'snat'])
      assert.equal(world().rack.sleds[0]!.find(made.value.id).now.state, 'running', 'the rack follows')
      assert.ok(
        world().rack.switches.every(({ entries }) =>
          entries.some(({ external_address: ip }) => ip === addresses[0]!.ip),
        ),
      )
      return true
    },
  },
  {
    name: 'delete an instance with its interface and addresses',
    prepare: async (api, id) => valueOf(await api.instance_create({ query, body: { ...instance(id), start: false } })),
    run: (api, id) => api.instance_delete({ params: { instance: id }, query }),
    async isDone(api, id) {
      return !(await api.instance_view({ params: { instance: id }, query })).ok
    },
  },
  {
    name: 'make a VPC, with all that belongs to it',
    run: (api, id) => api.vpc_create({ query, body: { name: id, description, dns_name: id } }),
    async isDone(api, id) {
      if (!(await api.vpc_view({ params: { vpc: id }, query })).ok) return false
      const routers = valueOf(await api.vpc_router_list({ query: { ...query, vpc: id } })).items
      assert.deepEqual(
        routers.map(({ kind }) => kind),
        ['system'],
      )
      return true
    },
  },
  {
    name: 'move a floating address to an instance',
    async prepare(api, id) {
      valueOf(await api.floating_ip_create({ query, body: { name: id, description } }))
      valueOf(await api.instance_create({ query, body: { ...instance(id), start: false } }))
    },
    run: (api, id) =>
      api.floating_ip_attach({ params: { floating_ip: id }, query, body: { kind: 'instance', parent: id } }),
    isDone: async (api, id) =>
      valueOf(await api.floating_ip_view({ params: { floating_ip: id }, query })).instance_id !== null,
  },
  {
    name: 'make port settings with their addresses',
    run: (api, id) =>
      api.networking_switch_port_settings_create({
        body: {
          name: id,
          description,
          port_config: { geometry: 'qsfp28x1' },
          links: [{ link_name: 'l', mtu: 1500, speed: 'speed100_g', autoneg: false, lldp: { enabled: true } }],
          addresses: [{ link_name: 'l', addresses: [{ address: '192.0.2.2/30', address_lot: 'lot' }] }],
        },
      }),
    isDone: async (api, id) => (await api.networking_switch_port_settings_view({ params: { port: id } })).ok,
  },
  {
    name: 'replace a set of announcements',
    prepare: (api, id) =>
      api.networking_bgp_announce_set_update({
        body: { name: id, description, announcement: [{ address_lot_block: 'lot', network: '192.0.2.0/24' }] },
      }),
    run: (api, id) =>
      api.networking_bgp_announce_set_update({
        body: {
          name: id,
          description,
          announcement: ['192.0.2.0/25', '192.0.2.128/25'].map((network) => ({ address_lot_block: 'lot', network })),
        },
      }),
    async isDone(api, id) {
      const { length } = valueOf(await api.networking_bgp_announcement_list({ params: { announce_set: id } }))
      assert.ok(length === 1 || length === 2, `${length} announcements`)
      return length === 2
    },
  },
  {
    name: 'stop an instance',
    isMinor: true,
    prepare: async (api, id) => valueOf(await api.instance_create({ query, body: instance(id) })),
    run: (api, id) => api.instance_stop({ params: { instance: id }, query }),
    isDone: async (api, id) => (await stateOf(api, id)) === 'stopped',
  },
  {
    name: 'start an instance, which finds a sled',
    isMinor: true,
    prepare: stopped,
    run: (api, id) => api.instance_start({ params: { instance: id }, query }),
    isDone: async (api, id) => (await stateOf(api, id)) === 'running',
  },
  {
    name: 'resize an instance',
    isMinor: true,
    prepare: stopped,
    run: (api, id) =>
      api.instance_update({
        params: { instance: id },
        query,
        body: {
          ncpus: 2,
          memory: 2 * GIB,
          boot_disk: null,
          auto_restart_policy: null,
          cpu_platform: null,
          enable_jumbo_frames: false,
        },
      }),
    async isDone(api, id) {
      const { ncpus, memory } = valueOf(await api.instance_view({ params: { instance: id }, query }))
      assert.equal(memory, ncpus * GIB, 'both or none')
      return ncpus === 2
    },
  },
  {
    name: 'create an instance with a disk that it boots from',
    isMinor: true,
    run: (api, id) =>
      api.instance_create({
        query,
        body: {
          ...instance(id),
          start: false,
          boot_disk: { type: 'create', ...disk(id) },
          disks: [{ type: 'create', ...disk(`${id}-b`) }],
        },
      }),
    async isDone(api, id) {
      const made = await api.instance_view({ params: { instance: id }, query })
      if (!made.ok) return false
      const disks = valueOf(await api.instance_disk_list({ params: { instance: id }, query })).items
      assert.equal(disks.length, 2)
      assert.ok(disks.some((each) => each.id === made.value.boot_disk_id))
      return true
    },
  },
  {
    name: 'attach a disk',
    isMinor: true,
    async prepare(api, id) {
      await stopped(api, id)
      valueOf(await api.disk_create({ query, body: disk(id) }))
    },
    run: (api, id) => api.instance_disk_attach({ params: { instance: id }, query, body: { disk: id } }),
    isDone: isAttached,
  },
  {
    name: 'detach a disk',
    isMinor: true,
    prepare: async (api, id) =>
      valueOf(
        await api.instance_create({
          query,
          body: { ...instance(id), start: false, disks: [{ type: 'create', ...disk(id) }] },
        }),
      ),
    run: (api, id) => api.instance_disk_detach({ params: { instance: id }, query, body: { disk: id } }),
    isDone: async (api, id) => !(await isAttached(api, id)),
  },
  {
    name: 'take a floating address from an instance',
    isMinor: true,
    async prepare(api, id) {
      await stopped(api, id)
      valueOf(await api.floating_ip_create({ query, body: { name: id, description } }))
      valueOf(await api.floating_ip_attach({ ...floating(id), body: { kind: 'instance', parent: id } }))
    },
    run: (api, id) => api.floating_ip_detach(floating(id)),
    isDone: async (api, id) => valueOf(await api.floating_ip_view(floating(id))).instance_id === null,
  },
  {
    name: 'delete a VPC with its router, routes, gateway and rules',
    isMinor: true,
    async prepare(api, id) {
      valueOf(await api.vpc_create({ query, body: { name: id, description, dns_name: id } }))
      valueOf(await api.vpc_subnet_delete({ params: { subnet: 'default' }, query: { ...query, vpc: id } }))
    },
    run: (api, id) => api.vpc_delete({ params: { vpc: id }, query }),
    isDone: async (api, id) => !(await api.vpc_view({ params: { vpc: id }, query })).ok,
  },
  {
    name: 'make a subnet, with its route',
    isMinor: true,
    prepare: async (api, id) => valueOf(await api.vpc_create({ query, body: { name: id, description, dns_name: id } })),
    run: (api, id) =>
      api.vpc_subnet_create({
        query: { ...query, vpc: id },
        body: { name: id, description, ipv4_block: '10.0.0.0/24' },
      }),
    async isDone(api, id) {
      if (!(await api.vpc_subnet_view({ params: { subnet: id }, query: { ...query, vpc: id } })).ok) return false
      const route = { params: { route: id }, query: { ...query, vpc: id, router: 'system' } }
      assert.ok((await api.vpc_router_route_view(route)).ok)
      return true
    },
  },
  {
    name: 'replace the rules of a VPC',
    isMinor: true,
    prepare: async (api, id) => valueOf(await api.vpc_create({ query, body: { name: id, description, dns_name: id } })),
    run: (api, id) => api.vpc_firewall_rules_update({ query: { ...query, vpc: id }, body: { rules: rules('a', 'b') } }),
    async isDone(api, id) {
      const { length } = valueOf(await api.vpc_firewall_rules_view({ query: { ...query, vpc: id } })).rules
      assert.ok(length === 2 || length === 3, `${length} rules`)
      return length === 2
    },
  },
  {
    name: 'add a route to a custom router',
    isMinor: true,
    async prepare(api, id) {
      valueOf(await api.vpc_create({ query, body: { name: id, description, dns_name: id } }))
      valueOf(await api.vpc_router_create({ query: { ...query, vpc: id }, body: { name: id, description } }))
    },
    run: (api, id) =>
      api.vpc_router_route_create({
        query: { ...query, vpc: id, router: id },
        body: { name: id, description, destination: { type: 'ip', value: '192.0.2.1' }, target: { type: 'drop' } },
      }),
    isDone: async (api, id) =>
      (await api.vpc_router_route_view({ params: { route: id }, query: { ...query, vpc: id, router: id } })).ok,
  },
  {
    name: 'take a snapshot of a disk',
    isMinor: true,
    prepare: async (api, id) => valueOf(await api.disk_create({ query, body: disk(id) })),
    run: (api, id) => api.snapshot_create({ query, body: { name: id, description, disk: id } }),
    isDone: async (api, id) => (await api.snapshot_view({ params: { snapshot: id }, query })).ok,
  },
  {
    name: 'make an image of a snapshot',
    isMinor: true,
    async prepare(api, id) {
      valueOf(await api.disk_create({ query, body: disk(id) }))
      valueOf(await api.snapshot_create({ query, body: { name: id, description, disk: id } }))
    },
    async run(api, id) {
      const snapshot = await api.snapshot_view({ params: { snapshot: id }, query })
      if (!snapshot.ok) return snapshot
      const source = { type: 'snapshot' as const, id: snapshot.value.id }
      return api.image_create({ query, body: { name: id, description, os: 'none', version: '1', source } })
    },
    isDone: async (api, id) => (await api.image_view({ params: { image: id }, query })).ok,
  },
  {
    name: 'apply settings to a port of a switch',
    isMinor: true,
    prepare: async (api, id) => valueOf(await api.networking_switch_port_settings_create({ body: portSettings(id) })),
    run: (api, id) =>
      api.networking_switch_port_apply_settings({
        params: { port: 'qsfp1' },
        query: { rack_id: world().rack.inventory.rackId, switch_slot: 'switch1' },
        body: { port_settings: id },
      }),
    async isDone(api, id) {
      const { items } = valueOf(await api.networking_switch_port_list())
      const applied = items.find(({ port_name, switch_slot }) => port_name === 'qsfp1' && switch_slot === 'switch1')
      return (
        applied?.port_settings_id ===
        valueOf(await api.networking_switch_port_settings_view({ params: { port: id } })).id
      )
    },
  },
  {
    name: 'make a BGP configuration',
    isMinor: true,
    prepare: (api, id) =>
      api.networking_bgp_announce_set_update({
        body: { name: id, description, announcement: [{ address_lot_block: 'lot', network: '192.0.2.0/24' }] },
      }),
    run: (api, id) =>
      api.networking_bgp_config_create({
        body: { name: id, description, asn: 64_512, bgp_announce_set_id: id, max_paths: 1 },
      }),
    isDone: async (api, id) =>
      valueOf(await api.networking_bgp_config_list({ query: { limit: 10_000 } })).items.some(({ name }) => name === id),
  },
  {
    name: 'make a silo, with its certificate and the group that administers it',
    isMinor: true,
    run: (api, id) =>
      api.silo_create({
        body: {
          name: id,
          description,
          discoverable: true,
          identity_mode: 'saml_jit',
          admin_group_name: 'admins',
          quotas: { cpus: 1, memory: GIB, storage: GIB },
          tls_certificates: [{ name: 'c', description, service: 'external_api', ...world().certificate }],
        },
      }),
    isDone: async (api, id) => (await api.silo_view({ params: { silo: id } })).ok,
  },
  {
    name: 'give a silo an identity provider',
    isMinor: true,
    run: (api, id) =>
      api.saml_identity_provider_create({
        query: { silo: 'scim' },
        body: {
          name: id,
          description,
          idp_entity_id: 'https://idp.example/',
          idp_metadata_source: { type: 'base64_encoded_xml', data: Buffer.from(world().metadata).toString('base64') },
          sp_client_id: 'https://sp.example/',
          acs_url: 'https://sp.example/login',
          slo_url: 'https://sp.example/logout',
          technical_contact_email: 'ops@rack.example',
        },
      }),
    isDone: async (api, id) =>
      (await api.saml_identity_provider_view({ params: { provider: id }, query: { silo: 'scim' } })).ok,
  },
  {
    name: 'give a silo a certificate',
    isMinor: true,
    run: (api, id) =>
      api.certificate_create({ body: { name: id, description, service: 'external_api', ...world().certificate } }),
    isDone: async (api, id) => (await api.certificate_view({ params: { certificate: id } })).ok,
  },
  {
    name: 'provision a group with its members',
    isMinor: true,
    prepare: (_api, id, handler) =>
      scim(handler, world().scimToken, 'POST', 'Users', { schemas: [USER], userName: id }),
    async run(_api, id, handler) {
      const users = await scim(
        handler,
        world().scimToken,
        'GET',
        `Users?filter=${encodeURIComponent(`userName eq "${id}"`)}`,
      )
      if (!users.ok) return users
      const { Resources: found } = (await users.json()) as { Resources: { id: string }[] } // because that is what SCIM answers
      const members = found.map((user) => ({ value: user.id }))
      return scim(handler, world().scimToken, 'POST', 'Groups', { schemas: [GROUP], displayName: id, members })
    },
    async isDone(_api, id, handler) {
      const found = await scim(
        handler,
        world().scimToken,
        'GET',
        `Groups?filter=${encodeURIComponent(`displayName eq "${id}"`)}`,
      )
      // because that is what SCIM answers
      const { Resources: groups = [] } = (await found.json()) as { Resources?: { members?: unknown[] }[] }
      assert.ok(
        groups.every(({ members }) => members?.length === 1),
        'a group has the members that it was given',
      )
      return groups.length === 1
    },
  },
]
