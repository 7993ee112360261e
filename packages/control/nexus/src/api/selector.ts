/**
 * Name-or-id rules: an id stands alone, a name needs its parent. Whoever gives both an id and a parent gets 400, and so
 * does a name without one. Everything is looked up inside the caller's silo, and whatever is in a project is found only
 * by callers who may do there what the operation does.
 */
import { type ApiFailure, invalidRequest, objectNotFound } from '@lodestone/api'
import { type Caller, checkProject, checkSiloRole } from '../auth/authorize.ts'
import type { SiloRole } from '../auth/role.ts'
import { diskById, diskByName, type DiskRow, snapshotById, snapshotByName, type SnapshotRow } from '../store/disk.ts'
import { imageById, imageByName, type ImageRow } from '../store/image.ts'
import { type ExternalIpRow, floatingIpById, floatingIpByName } from '../store/external-ip.ts'
import {
  instanceById,
  instanceByName,
  type InstanceRow,
  type NetworkInterfaceRow,
  nicById,
  nicByName,
} from '../store/instance.ts'
import {
  attachmentById,
  attachmentByName,
  gatewayById,
  gatewayByName,
  type InternetGatewayRow,
} from '../store/internet-gateway.ts'
import { groupById, groupByName, type PlacementGroupRow, type PlacementKind } from '../store/placement-group.ts'
import { projectByRef, type ProjectRow } from '../store/project.ts'
import { isId, type Owned } from '../store/scan.ts'
import type { Db } from '../store/store.ts'
import {
  routeById,
  routeByName,
  routerById,
  routerByName,
  type RouterRouteRow,
  type VpcRouterRow,
} from '../store/vpc-router.ts'
import { subnetById, subnetByName, vpcById, vpcByName, type VpcRow, type VpcSubnetRow } from '../store/vpc.ts'

interface InProject {
  readonly project?: string | undefined
}

interface InVpc extends InProject {
  readonly vpc?: string | undefined
}

interface InRouter extends InVpc {
  readonly router?: string | undefined
}

interface InGateway extends InVpc {
  readonly gateway?: string | undefined
}

interface InInstance extends InProject {
  readonly instance?: string | undefined
}

export function notFound(type: string, ref: string): ApiFailure {
  return objectNotFound(type, isId(ref) ? { id: ref } : { name: ref })
}

export async function selectProject(db: Db, actor: Caller, ref: string): Promise<ProjectRow> {
  const row = await projectByRef(db, actor.siloId, ref)
  if (row === undefined || checkProject(actor, row.id) === 'unseen') throw notFound('project', ref)
  return row
}

export async function selectVpc(db: Db, actor: Caller, ref: string, parent: InProject): Promise<VpcRow> {
  if (isId(ref)) {
    if (parent.project !== undefined) throw tooMany('vpc', 'project')
    return owned(actor, await vpcById(db, actor.siloId, ref), 'vpc', ref)
  }
  const project = await selectProject(db, actor, required(parent.project, 'vpc', 'project'))
  return found(await vpcByName(db, project.id, ref), 'vpc', ref)
}

export async function selectSubnet(db: Db, actor: Caller, ref: string, parent: InVpc): Promise<VpcSubnetRow> {
  if (isId(ref)) {
    if (parent.vpc !== undefined || parent.project !== undefined) throw tooMany('subnet', 'vpc and project')
    return owned(actor, await subnetById(db, actor.siloId, ref), 'vpc-subnet', ref)
  }
  const vpc = await selectVpc(db, actor, required(parent.vpc, 'subnet', 'vpc'), parent)
  return found(await subnetByName(db, vpc.id, ref), 'vpc-subnet', ref)
}

export async function selectRouter(db: Db, actor: Caller, ref: string, parent: InVpc): Promise<VpcRouterRow> {
  if (isId(ref)) {
    if (parent.vpc !== undefined || parent.project !== undefined) throw tooMany('router', 'vpc and project')
    return owned(actor, await routerById(db, actor.siloId, ref), 'vpc-router', ref)
  }
  const vpc = await selectVpc(db, actor, required(parent.vpc, 'router', 'vpc'), parent)
  return found(await routerByName(db, vpc.id, ref), 'vpc-router', ref)
}

export async function selectRoute(db: Db, actor: Caller, ref: string, parent: InRouter): Promise<RouterRouteRow> {
  if (isId(ref)) {
    if (parent.router !== undefined || parent.vpc !== undefined || parent.project !== undefined) {
      throw tooMany('route', 'router, vpc and project')
    }
    return owned(actor, await routeById(db, actor.siloId, ref), 'router-route', ref)
  }
  const router = await selectRouter(db, actor, required(parent.router, 'route', 'router'), parent)
  return found(await routeByName(db, router.id, ref), 'router-route', ref)
}

export async function selectGateway(db: Db, actor: Caller, ref: string, parent: InVpc): Promise<InternetGatewayRow> {
  if (isId(ref)) {
    if (parent.vpc !== undefined || parent.project !== undefined) throw tooMany('gateway', 'vpc and project')
    return owned(actor, await gatewayById(db, actor.siloId, ref), 'internet-gateway', ref)
  }
  const vpc = await selectVpc(db, actor, required(parent.vpc, 'gateway', 'vpc'), parent)
  return found(await gatewayByName(db, vpc.id, ref), 'internet-gateway', ref)
}

/** A pool or an address as attached to an internet gateway: the attachment, not the pool. */
export async function selectGatewayAttachment(
  db: Db,
  actor: Caller,
  table: 'internet_gateway_pool' | 'internet_gateway_address',
  ref: string,
  parent: InGateway,
): Promise<{ readonly id: string }> {
  const type = table === 'internet_gateway_pool' ? 'internet-gateway-ip-pool' : 'internet-gateway-ip-address'
  if (isId(ref)) {
    if (parent.gateway !== undefined || parent.vpc !== undefined || parent.project !== undefined) {
      throw tooMany(type, 'gateway, vpc and project')
    }
    return owned(actor, await attachmentById(db, table, actor.siloId, ref), type, ref)
  }
  const gateway = await selectGateway(db, actor, required(parent.gateway, type, 'gateway'), parent)
  return found(await attachmentByName(db, table, gateway.id, ref), type, ref)
}

export async function selectInstance(db: Db, actor: Caller, ref: string, parent: InProject): Promise<InstanceRow> {
  if (isId(ref)) {
    if (parent.project !== undefined) throw tooMany('instance', 'project')
    return owned(actor, await instanceById(db, actor.siloId, ref), 'instance', ref)
  }
  const project = await selectProject(db, actor, required(parent.project, 'instance', 'project'))
  return found(await instanceByName(db, project.id, ref), 'instance', ref)
}

export async function selectNic(db: Db, actor: Caller, ref: string, parent: InInstance): Promise<NetworkInterfaceRow> {
  if (isId(ref)) {
    if (parent.instance !== undefined || parent.project !== undefined) {
      throw tooMany('network interface', 'instance and project')
    }
    return owned(actor, await nicById(db, actor.siloId, ref), 'instance-network-interface', ref)
  }
  const instance = await selectInstance(db, actor, required(parent.instance, 'network interface', 'instance'), parent)
  return found(await nicByName(db, instance.id, ref), 'instance-network-interface', ref)
}

export async function selectFloatingIp(db: Db, actor: Caller, ref: string, parent: InProject): Promise<ExternalIpRow> {
  if (isId(ref)) {
    if (parent.project !== undefined) throw tooMany('floating ip', 'project')
    return owned(actor, await floatingIpById(db, actor.siloId, ref), 'floating-ip', ref)
  }
  const project = await selectProject(db, actor, required(parent.project, 'floating ip', 'project'))
  return found(await floatingIpByName(db, project.id, ref), 'floating-ip', ref)
}

export async function selectDisk(db: Db, actor: Caller, ref: string, parent: InProject): Promise<DiskRow> {
  if (isId(ref)) {
    if (parent.project !== undefined) throw tooMany('disk', 'project')
    return owned(actor, await diskById(db, actor.siloId, ref), 'disk', ref)
  }
  const project = await selectProject(db, actor, required(parent.project, 'disk', 'project'))
  return found(await diskByName(db, project.id, ref), 'disk', ref)
}

/** A disk that is named beside something in a project: a name is one of that project. */
export function selectDiskBeside(db: Db, actor: Caller, ref: string, projectId: string): Promise<DiskRow> {
  return selectDisk(db, actor, ref, isId(ref) ? {} : { project: projectId })
}

export async function selectSnapshot(db: Db, actor: Caller, ref: string, parent: InProject): Promise<SnapshotRow> {
  if (isId(ref)) {
    if (parent.project !== undefined) throw tooMany('snapshot', 'project')
    return owned(actor, await snapshotById(db, actor.siloId, ref), 'snapshot', ref)
  }
  const project = await selectProject(db, actor, required(parent.project, 'snapshot', 'project'))
  return found(await snapshotByName(db, project.id, ref), 'snapshot', ref)
}

export async function selectPlacementGroup(
  db: Db,
  actor: Caller,
  kind: PlacementKind,
  ref: string,
  parent: InProject,
): Promise<PlacementGroupRow> {
  const type = kind === 'affinity' ? 'affinity-group' : 'anti-affinity-group'
  if (isId(ref)) {
    if (parent.project !== undefined) throw tooMany(type, 'project')
    return owned(actor, await groupById(db, kind, actor.siloId, ref), type, ref)
  }
  const project = await selectProject(db, actor, required(parent.project, type, 'project'))
  return found(await groupByName(db, kind, project.id, ref), type, ref)
}

/**
 * An image of a project, or of the silo when no project is given.
 * @param siloRole what it takes to do this to an image of the silo; every user of the silo may see those.
 */
export async function selectImage(
  db: Db,
  actor: Caller,
  ref: string,
  parent: InProject,
  siloRole: SiloRole,
): Promise<ImageRow> {
  if (isId(ref) && parent.project !== undefined) throw tooMany('image', 'project')
  const project = parent.project === undefined ? null : await selectProject(db, actor, parent.project)
  const row = isId(ref)
    ? await imageById(db, actor.siloId, ref)
    : await imageByName(db, actor.siloId, project?.id ?? null, ref)
  if (row === undefined) throw notFound('image', ref)
  if (row.project_id !== null && checkProject(actor, row.project_id) === 'unseen') throw notFound('image', ref)
  if (row.project_id === null && siloRole !== 'viewer') checkSiloRole(actor, siloRole)
  return row
}

function owned<T>(actor: Caller, row: Owned<T> | undefined, type: string, ref: string): Owned<T> {
  if (row === undefined || checkProject(actor, row.owning_project_id) === 'unseen') throw notFound(type, ref)
  return row
}

function found<T>(row: T | undefined, type: string, ref: string): T {
  if (row === undefined) throw notFound(type, ref)
  return row
}

function required(parent: string | undefined, what: string, parentName: string): string {
  if (parent === undefined) throw invalidRequest(`${what} should either be an ID or ${parentName} should be specified`)
  return parent
}

function tooMany(what: string, parentName: string): ApiFailure {
  return invalidRequest(`when providing ${what} as an ID ${parentName} should not be specified`)
}
