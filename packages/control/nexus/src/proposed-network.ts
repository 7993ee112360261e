/**
 * What sleds and switches would be told if a VPC were changed: each change is checked as a request that makes it would be, made in rows that
 * nobody stores, and resolved by the code that resolves the real ones. The store is only read.
 */
import { ApiFailure, invalidRequest } from '@lodestone/api'
import { RouterRouteCreate, VpcFirewallRuleUpdate, VpcRouterCreate } from '@lodestone/contract-nexus'
import type { ExternalIps, ExternalMapping, FirewallRule, VpcRouteSet } from '@lodestone/contract-sled-agent'
import type { NatEntry } from '@lodestone/contract-switchd'
import { checkCount, checkPrimaryAmong } from './api/external-ip.ts'
import { checkRules, ruleFromRow } from './api/firewall.ts'
import { newIdentity } from './api/resource.ts'
import { checkRoute } from './api/router-route.ts'
import type { Inventory } from './inventory.ts'
import { desiredExternalAddresses, desiredInstance, desiredNat } from './reconcile/desired.ts'
import type { Stamped } from './store/changed-by.ts'
import type { FirewallRuleRow } from './store/firewall.ts'
import { lookAtStore, type Snapshot } from './store/snapshot.ts'
import type { Store } from './store/store.ts'
import type { RouterRouteRow, VpcRouterRow } from './store/vpc-router.ts'

export type NetworkChange =
  /** A new rule, or another one in the place of that of the same name. */
  | { readonly kind: 'put-rule'; readonly rule: VpcFirewallRuleUpdate }
  | { readonly kind: 'remove-rule'; readonly name: string }
  /** The same of a route. Without a name of a router: of the only custom one. */
  | { readonly kind: 'put-route'; readonly router?: string; readonly route: RouterRouteCreate }
  | { readonly kind: 'remove-route'; readonly router?: string; readonly name: string }
  /** A custom router without routes. */
  | { readonly kind: 'add-router'; readonly name: string }
  /** Which custom router a subnet has besides the VPC's own; undefined for none. */
  | { readonly kind: 'set-router'; readonly subnet: string; readonly router: string | undefined }
  | { readonly kind: 'attach-address'; readonly floatingIp: string; readonly instance: string }
  | { readonly kind: 'detach-address'; readonly floatingIp: string }

/** A change, and the VNI of the VPC where its names are looked for: absent where nothing is known to be in one. */
export interface VpcChange {
  readonly vni?: number
  readonly change: NetworkChange
}

/** What an instance would be told of; absent parts are not changed by any of the proposals. */
export interface ProposedInstance {
  readonly firewall?: readonly FirewallRule[]
  readonly routes?: readonly VpcRouteSet[]
  readonly externalIps?: ExternalIps
}

export type ProposedNetwork =
  | {
      readonly ok: true
      /** Names of the VPCs that would change. */
      readonly vpcs: readonly string[]
      /** By id of the instance. */
      readonly instances: ReadonlyMap<string, ProposedInstance>
      /** Where external addresses would be; absent where that stays. */
      readonly external?: {
        readonly nat: readonly NatEntry[]
        readonly mappings: readonly ExternalMapping[]
      }
    }
  | { readonly ok: false; readonly message: string }

/** Of rows that are only proposed. */
const PROPOSED_ID = '00000000-0000-0000-0000-000000000000'

/** @param now the time of day, for rows that nobody stores. */
export async function proposedNetwork(
  store: Store,
  inventory: Inventory,
  changes: readonly VpcChange[],
  now: Date,
): Promise<ProposedNetwork> {
  const snapshot = await lookAtStore(store)
  const routers = await store.db.selectFrom('vpc_router').selectAll().orderBy('name').execute()
  const draft = new Draft(snapshot, routers, now)
  try {
    for (const { vni, change } of changes) draft.make(draft.vpcOf(vni, change), change)
    return { ok: true, ...draft.result(inventory) }
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error
    return { ok: false, message: 'message' in error.error ? error.error.message : error.message }
  }
}

type Vpc = Snapshot['vpcs'][number]
type Part = 'firewall' | 'routes' | 'external'

/** The rows that changes are made in. */
class Draft {
  readonly #snapshot: Snapshot
  readonly #routers: VpcRouterRow[]
  readonly #now: Date
  readonly #rules: Snapshot['rules'][number][]
  readonly #routes: Snapshot['routes'][number][]
  readonly #subnets: Snapshot['subnets'][number][]
  readonly #externalIps: Snapshot['externalIps'][number][]
  /** What has changed of each VPC. */
  readonly #changed = new Map<Vpc, Set<Part>>()

  constructor(snapshot: Snapshot, routers: readonly VpcRouterRow[], now: Date) {
    this.#snapshot = snapshot
    this.#routers = [...routers]
    this.#now = now
    this.#rules = [...snapshot.rules]
    this.#routes = [...snapshot.routes]
    this.#subnets = [...snapshot.subnets]
    this.#externalIps = [...snapshot.externalIps]
  }

  vpcOf(vni: number | undefined, change: NetworkChange): Vpc {
    const vpc = this.#snapshot.vpcs.find(vni === undefined ? this.#isVpcFor(change) : (row) => row.vni === vni)
    if (vpc !== undefined) return vpc
    const message = vni === undefined ? 'neither end is in a VPC that could change' : `no VPC has VNI ${vni}`
    throw invalidRequest(message)
  }

  /** An address that nobody has yet may be asked about from outside: it says itself whose it is or would be. */
  #isVpcFor(change: NetworkChange): (vpc: Vpc) => boolean {
    const isMove = change.kind === 'attach-address' || change.kind === 'detach-address'
    const rows = isMove ? this.#externalIps.filter(({ name }) => name === change.floatingIp) : []
    return ({ project_id: id }) => rows.length === 1 && id === rows[0]!.project_id
  }

  make(vpc: Vpc, change: NetworkChange): void {
    const changed = this.#changed.get(vpc) ?? new Set()
    this.#changed.set(vpc, changed.add(this.#make(vpc, change)))
  }

  #make(vpc: Vpc, change: NetworkChange): Part {
    switch (change.kind) {
      case 'put-rule':
        return this.#putRule(vpc, change.rule)
      case 'remove-rule':
        this.#rules.splice(named('VPC', vpc.name, 'rule', this.#rules, ofVpc(vpc), change.name), 1)
        return 'firewall'
      case 'put-route':
        return this.#putRoute(this.#router(vpc, change.router), change.route)
      case 'remove-route': {
        const router = this.#router(vpc, change.router)
        const at = named('router', router.name, 'route', this.#routes, ofRouter(router), change.name)
        const { kind } = this.#routes[at]!
        if (kind !== 'custom') throw invalidRequest(`route "${change.name}" is of kind ${kind} and cannot be deleted`)
        this.#routes.splice(at, 1)
        return 'routes'
      }
      case 'add-router': {
        const parsed = VpcRouterCreate.safeParse({ name: change.name, description: '' })
        if (!parsed.success) throw invalidRequest(`router ${change.name}: ${problemOf(parsed.error)}`)
        if (this.#routers.some((row) => ofVpc(vpc)(row) && row.name === change.name)) {
          throw invalidRequest(`VPC ${vpc.name} has a router ${change.name} already`)
        }
        const id = `${PROPOSED_ID.slice(0, -4)}${String(this.#routers.length).padStart(4, '0')}`
        this.#routers.push({ ...newIdentity(id, parsed.data, this.#now), vpc_id: vpc.id, kind: 'custom' })
        return 'routes'
      }
      case 'set-router': {
        const router = change.router === undefined ? undefined : this.#router(vpc, change.router)
        if (router?.kind === 'system') throw invalidRequest('every subnet has the system router already')
        const at = named('VPC', vpc.name, 'subnet', this.#subnets, ofVpc(vpc), change.subnet)
        this.#subnets[at] = { ...this.#subnets[at]!, custom_router_id: router?.id ?? null }
        return 'routes'
      }
      case 'attach-address':
      case 'detach-address':
        return this.#moveAddress(vpc, change)
      default: {
        const unreachable: never = change
        return unreachable
      }
    }
  }

  #putRule(vpc: Vpc, rule: VpcFirewallRuleUpdate): Part {
    const parsed = VpcFirewallRuleUpdate.safeParse(rule)
    if (!parsed.success) throw invalidRequest(`rule ${rule.name}: ${problemOf(parsed.error)}`)
    const own = this.#rules.filter(ofVpc(vpc))
    const at = this.#rules.findIndex((row) => ofVpc(vpc)(row) && row.name === rule.name)
    const position = at < 0 ? own.length : this.#rules[at]!.position
    const row = ruleRow(parsed.data, this.#rules[at]?.id ?? PROPOSED_ID, vpc.id, position, this.#now)
    if (at < 0) this.#rules.push(row)
    else this.#rules[at] = row
    checkRules(this.#rules.filter(ofVpc(vpc)).map(ruleFromRow), vpc.name)
    return 'firewall'
  }

  #router(vpc: Vpc, name: string | undefined): VpcRouterRow {
    const routers = this.#routers.filter(ofVpc(vpc))
    const custom = routers.filter(({ kind }) => kind === 'custom')
    const names = `it has ${routers.map((each) => each.name).join(', ')}`
    if (name !== undefined) {
      const router = routers.find((row) => row.name === name)
      if (router === undefined) throw invalidRequest(`VPC ${vpc.name} has no router ${name}; ${names}`)
      return router
    }
    const [only, another] = custom
    if (only === undefined || another !== undefined) {
      throw invalidRequest(
        only === undefined
          ? `VPC ${vpc.name} has no custom router for routes: propose "router add NAME" and "subnet NAME router NAME" before`
          : `VPC ${vpc.name} has several custom routers: say which with "router NAME"; ${names}`,
      )
    }
    return only
  }

  #putRoute(router: VpcRouterRow, route: RouterRouteCreate): Part {
    const parsed = RouterRouteCreate.safeParse(route)
    if (!parsed.success) throw invalidRequest(`route ${route.name}: ${problemOf(parsed.error)}`)
    const { name, destination, target } = parsed.data
    checkRoute(destination, target)
    const at = this.#routes.findIndex((row) => ofRouter(router)(row) && row.name === name)
    const before = this.#routes[at]
    const isDefault = before?.kind === 'default' && before.destination.value === destination.value
    if (router.kind === 'system' && !isDefault) {
      throw invalidRequest(
        'of the system router only the target of a default route can be changed; other routes are for custom routers',
      )
    }
    const row: Stamped<RouterRouteRow> = {
      ...newIdentity(before?.id ?? PROPOSED_ID, parsed.data, this.#now),
      vpc_router_id: router.id,
      kind: before?.kind ?? 'custom',
      destination,
      target,
      subnet_id: null,
      changed_by: null,
    }
    if (at < 0) this.#routes.push(row)
    else this.#routes[at] = row
    if (router.kind === 'custom' && !this.#subnets.some((subnet) => subnet.custom_router_id === router.id)) {
      throw invalidRequest(
        `no subnet has router ${router.name}, so its routes do nothing: propose "subnet NAME router ${router.name}" before`,
      )
    }
    return 'routes'
  }

  #moveAddress(vpc: Vpc, change: Extract<NetworkChange, { kind: 'attach-address' | 'detach-address' }>): Part {
    const ofProject = (row: { project_id: string | null }): boolean => row.project_id === vpc.project_id
    const at = named('project', 'of the VPC', 'floating IP', this.#externalIps, ofProject, change.floatingIp)
    const row = this.#externalIps[at]!
    if (change.kind === 'detach-address') {
      if (row.instance_id === null) throw invalidRequest('the floating IP is not attached to an instance')
      this.#externalIps[at] = { ...row, instance_id: null }
      return 'external'
    }
    const { instances, nics } = this.#snapshot
    const instance = instances[named('project', 'of the VPC', 'instance', instances, ofProject, change.instance)]!
    if (row.instance_id !== null && row.instance_id !== instance.id) {
      throw invalidRequest('tried to attach a floating IP already in use by another instance')
    }
    if (row.instance_id === null) checkCount(this.#externalIps.filter((each) => each.instance_id === instance.id))
    checkPrimaryAmong(
      nics.filter((nic) => nic.instance_id === instance.id),
      row.ip,
    )
    this.#externalIps[at] = { ...row, instance_id: instance.id }
    return 'external'
  }

  result(inventory: Inventory): Omit<Extract<ProposedNetwork, { ok: true }>, 'ok'> {
    const after: Snapshot = {
      ...this.#snapshot,
      rules: this.#rules,
      routes: this.#routes,
      subnets: this.#subnets,
      externalIps: this.#externalIps,
    }
    const instances = new Map<string, ProposedInstance>()
    let hasMoved = false
    for (const [vpc, parts] of this.#changed) {
      hasMoved ||= parts.has('external')
      for (const instance of after.instances) {
        const isHere = after.nics.some((nic) => nic.instance_id === instance.id && nic.vpc_id === vpc.id)
        if (!isHere && !(parts.has('external') && instance.project_id === vpc.project_id)) continue
        const told = desiredInstance(after, instance, [])
        instances.set(instance.id, {
          ...instances.get(instance.id),
          ...(parts.has('firewall') && isHere ? { firewall: told.firewall_rules } : {}),
          ...(parts.has('routes') && isHere ? { routes: told.routes } : {}),
          ...(parts.has('external') ? { externalIps: told.external_ips } : {}),
        })
      }
    }
    const vpcs = [...this.#changed.keys()].map(({ name }) => name)
    if (!hasMoved) return { vpcs, instances }
    const external = {
      nat: desiredNat(after, inventory),
      mappings: desiredExternalAddresses(after, inventory),
    }
    return { vpcs, instances, external }
  }
}

function problemOf({ issues }: { readonly issues: readonly { readonly message: string }[] }): string {
  return issues[0]?.message ?? 'malformed'
}

function ofVpc({ id }: Vpc): (row: { readonly vpc_id: string }) => boolean {
  return ({ vpc_id: vpcId }) => vpcId === id
}

function ofRouter({ id }: VpcRouterRow): (row: RouterRouteRow) => boolean {
  return ({ vpc_router_id: routerId }) => routerId === id
}

/** Index of the row of that name; refused with the names that there are. */
function named<Row extends { readonly name: string | null }>(
  whole: string,
  wholeName: string,
  what: string,
  rows: readonly Row[],
  isOf: (row: Row) => boolean,
  name: string,
): number {
  const at = rows.findIndex((row) => isOf(row) && row.name === name)
  if (at >= 0) return at
  const names = rows.flatMap((row) => (isOf(row) && row.name !== null ? [row.name] : []))
  const there = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
  throw invalidRequest(`${whole} ${wholeName} has no ${what} ${name}; ${there}`)
}

function ruleRow(
  rule: VpcFirewallRuleUpdate,
  id: string,
  vpcId: string,
  position: number,
  now: Date,
): Stamped<FirewallRuleRow> {
  const { status, direction, action, priority, targets, filters } = rule
  const identity = newIdentity(id, rule, now)
  return {
    ...identity,
    vpc_id: vpcId,
    position,
    status,
    direction,
    action,
    priority,
    targets,
    filters,
    changed_by: null,
  }
}
