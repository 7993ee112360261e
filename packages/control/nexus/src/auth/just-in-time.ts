/**
 * From what an identity provider says of somebody to a user of the silo. Where the silo takes users and groups from logins, both are made
 * when they are first heard of, and each login says anew which groups the user is in. Where they are provisioned (SCIM), a login changes
 * nothing, and who has not been provisioned has no account.
 */
import { nowOf, type Service } from '../service.ts'
import type { SiloRow } from '../store/silo.ts'
import type { Db } from '../store/store.ts'
import {
  groupByExternalId,
  groupsOfUser,
  insertGroup,
  insertMember,
  insertUser,
  deleteMember,
  userByAnyCase,
  userByExternalId,
} from '../store/user.ts'

export interface AssertedUser {
  readonly externalId: string
  readonly groups: readonly string[]
}

/** @returns the user's id; undefined when there is no such user and none is to be made. */
export async function userOfAssertion(
  service: Service,
  tx: Db,
  silo: SiloRow,
  { externalId, groups }: AssertedUser,
): Promise<string | undefined> {
  if (silo.identity_mode !== 'saml_jit') {
    const provisioned = await userByAnyCase(tx, silo.id, externalId)
    return provisioned?.is_active === true ? provisioned.id : undefined
  }
  const known = await userByExternalId(tx, silo.id, externalId)
  const userId = known?.id ?? (await addUser(service, tx, silo.id, externalId))
  await setMemberships(service, tx, silo.id, userId, groups)
  return userId
}

async function addUser(service: Service, tx: Db, siloId: string, externalId: string): Promise<string> {
  const id = service.random.uuid()
  const now = nowOf(service)
  const times = { time_created: now, time_modified: now }
  await insertUser(tx, { id, silo_id: siloId, external_id: externalId, password_hash: null, ...times })
  return id
}

async function setMemberships(
  service: Service,
  tx: Db,
  siloId: string,
  userId: string,
  names: readonly string[],
): Promise<void> {
  const wanted = new Set(names)
  for (const { id, external_id } of await groupsOfUser(tx, userId)) {
    if (!wanted.delete(external_id)) await deleteMember(tx, id, userId)
  }
  const now = nowOf(service)
  for (const name of wanted) {
    let group = await groupByExternalId(tx, siloId, name)
    if (group === undefined) {
      group = {
        id: service.random.uuid(),
        silo_id: siloId,
        external_id: name,
        scim_external_id: null,
        time_created: now,
        time_modified: now,
      }
      await insertGroup(tx, group)
    }
    await insertMember(tx, group.id, userId)
  }
}
