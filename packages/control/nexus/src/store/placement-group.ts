/** Groups of instances that are placed together (`affinity`) or apart (`anti_affinity`). */
import type { Selectable, Updateable } from 'kysely'
import { type Owned, type Scan, scanned } from './scan.ts'
import type { InstanceRow } from './instance.ts'
import type { PlacementGroupTable } from './schema.ts'
import type { Db } from './store.ts'

export type PlacementGroupRow = Selectable<PlacementGroupTable>
export type PlacementKind = PlacementGroupRow['kind']

export function listGroups(db: Db, kind: PlacementKind, projectId: string, scan: Scan): Promise<PlacementGroupRow[]> {
  const query = db
    .selectFrom('placement_group')
    .selectAll()
    .where('kind', '=', kind)
    .where('project_id', '=', projectId)
  return scanned(query, 'placement_group', scan).execute()
}

export function groupByName(
  db: Db,
  kind: PlacementKind,
  projectId: string,
  name: string,
): Promise<PlacementGroupRow | undefined> {
  return db
    .selectFrom('placement_group')
    .selectAll()
    .where('kind', '=', kind)
    .where('project_id', '=', projectId)
    .where('name', '=', name)
    .executeTakeFirst()
}

export function groupById(
  db: Db,
  kind: PlacementKind,
  siloId: string,
  id: string,
): Promise<Owned<PlacementGroupRow> | undefined> {
  return db
    .selectFrom('placement_group')
    .innerJoin('project', 'project.id', 'placement_group.project_id')
    .selectAll('placement_group')
    .select('project.id as owning_project_id')
    .where('placement_group.kind', '=', kind)
    .where('placement_group.id', '=', id)
    .where('project.silo_id', '=', siloId)
    .executeTakeFirst()
}

export async function insertPlacementGroup(db: Db, row: PlacementGroupRow): Promise<void> {
  await db.insertInto('placement_group').values(row).execute()
}

export function updateGroup(db: Db, id: string, change: Updateable<PlacementGroupTable>): Promise<PlacementGroupRow> {
  return db.updateTable('placement_group').set(change).where('id', '=', id).returningAll().executeTakeFirstOrThrow()
}

export async function deletePlacementGroup(db: Db, id: string): Promise<void> {
  await db.deleteFrom('placement_group').where('id', '=', id).execute()
}

export async function insertGroupMember(db: Db, groupId: string, instanceId: string): Promise<void> {
  await db.insertInto('placement_group_member').values({ group_id: groupId, instance_id: instanceId }).execute()
}

/** @returns whether it was one. */
export async function deleteGroupMember(db: Db, groupId: string, instanceId: string): Promise<boolean> {
  const gone = await db
    .deleteFrom('placement_group_member')
    .where('group_id', '=', groupId)
    .where('instance_id', '=', instanceId)
    .returning('instance_id')
    .executeTakeFirst()
  return gone !== undefined
}

export function listGroupMembers(db: Db, groupId: string, scan: Scan): Promise<InstanceRow[]> {
  const query = db
    .selectFrom('instance')
    .innerJoin('placement_group_member', 'placement_group_member.instance_id', 'instance.id')
    .selectAll('instance')
    .where('placement_group_member.group_id', '=', groupId)
  return scanned(query, 'instance', scan).execute()
}

export async function isGroupMember(db: Db, groupId: string, instanceId: string): Promise<boolean> {
  const query = db
    .selectFrom('placement_group_member')
    .select('instance_id')
    .where('group_id', '=', groupId)
    .where('instance_id', '=', instanceId)
  return (await query.executeTakeFirst()) !== undefined
}

export function listGroupsOfInstance(
  db: Db,
  kind: PlacementKind,
  instanceId: string,
  scan: Scan,
): Promise<PlacementGroupRow[]> {
  const query = db
    .selectFrom('placement_group')
    .innerJoin('placement_group_member', 'placement_group_member.group_id', 'placement_group.id')
    .selectAll('placement_group')
    .where('placement_group.kind', '=', kind)
    .where('placement_group_member.instance_id', '=', instanceId)
  return scanned(query, 'placement_group', scan).execute()
}

/** Where the other members of an instance's groups are, one row for each of them that is placed. */
export function neighborsInGroups(
  db: Db,
  instanceId: string,
): Promise<{ kind: PlacementKind; policy: PlacementGroupRow['policy']; sled_id: string | null }[]> {
  return db
    .selectFrom('placement_group_member as own')
    .innerJoin('placement_group', 'placement_group.id', 'own.group_id')
    .innerJoin('placement_group_member as other', 'other.group_id', 'own.group_id')
    .innerJoin('instance', 'instance.id', 'other.instance_id')
    .select(['placement_group.kind', 'placement_group.policy', 'instance.sled_id'])
    .where('own.instance_id', '=', instanceId)
    .where('other.instance_id', '!=', instanceId)
    .where('instance.sled_id', 'is not', null)
    .execute()
}
