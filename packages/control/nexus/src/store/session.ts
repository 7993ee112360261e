/** Credentials: sessions of browsers, device authorizations, access tokens, SSH keys. Secrets arrive hashed. */
import type { Insertable, Selectable } from 'kysely'
import { refColumn, type Scan, scanned } from './scan.ts'
import type { AccessTokenTable, DeviceAuthTable, SessionTable, SshKeyTable } from './schema.ts'
import type { Db } from './store.ts'

export type SessionRow = Selectable<SessionTable>
export type DeviceAuthRow = Selectable<DeviceAuthTable>
export type AccessTokenRow = Selectable<AccessTokenTable>
export type SshKeyRow = Selectable<SshKeyTable>

export async function insertSession(db: Db, row: Insertable<SessionTable>): Promise<void> {
  await db.insertInto('session').values(row).execute()
}

export async function touchSession(db: Db, tokenHash: string, now: Date): Promise<void> {
  await db.updateTable('session').set({ time_last_used: now }).where('token_hash', '=', tokenHash).execute()
}

export async function deleteSession(db: Db, tokenHash: string): Promise<void> {
  await db.deleteFrom('session').where('token_hash', '=', tokenHash).execute()
}

export async function deleteSessionsUnusedSince(db: Db, time: Date): Promise<void> {
  await db.deleteFrom('session').where('time_last_used', '<', time).execute()
}

export async function insertDeviceAuth(db: Db, row: Insertable<DeviceAuthTable>): Promise<void> {
  await db.insertInto('device_auth').values(row).execute()
}

export function deviceAuthByUserCode(db: Db, userCode: string): Promise<DeviceAuthRow | undefined> {
  return db.selectFrom('device_auth').selectAll().where('user_code', '=', userCode).executeTakeFirst()
}

export function deviceAuthByCodeHash(db: Db, hash: string): Promise<DeviceAuthRow | undefined> {
  return db.selectFrom('device_auth').selectAll().where('device_code_hash', '=', hash).executeTakeFirst()
}

/** @returns false when somebody has confirmed it before: a device is one user's. */
export async function confirmDeviceAuth(
  db: Db,
  userCode: string,
  userId: string,
  ttlS: number | null,
): Promise<boolean> {
  const result = await db
    .updateTable('device_auth')
    .set({ user_id: userId, ttl_s: ttlS })
    .where('user_code', '=', userCode)
    .where('user_id', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0
}

/** Ends an authorization. @returns false when it has ended before: it gives one token. */
export async function takeDeviceAuth(db: Db, userCode: string): Promise<boolean> {
  const result = await db.deleteFrom('device_auth').where('user_code', '=', userCode).executeTakeFirst()
  return result.numDeletedRows > 0
}

export async function deleteDeviceAuthsBefore(db: Db, time: Date): Promise<void> {
  await db.deleteFrom('device_auth').where('time_expires', '<', time).execute()
}

export async function insertAccessToken(db: Db, row: Insertable<AccessTokenTable>): Promise<void> {
  await db.insertInto('access_token').values(row).execute()
}

export function listAccessTokens(db: Db, userId: string, scan: Scan): Promise<AccessTokenRow[]> {
  const query = db.selectFrom('access_token').selectAll().where('user_id', '=', userId)
  return scanned(query, 'access_token', scan).execute()
}

/** @returns whether there was one. */
export async function deleteAccessToken(db: Db, userId: string, id: string): Promise<boolean> {
  const result = await db
    .deleteFrom('access_token')
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numDeletedRows > 0
}

export function listSshKeys(db: Db, userId: string, scan: Scan): Promise<SshKeyRow[]> {
  return scanned(db.selectFrom('ssh_key').selectAll().where('user_id', '=', userId), 'ssh_key', scan).execute()
}

export function allSshKeys(db: Db, userId: string): Promise<SshKeyRow[]> {
  return db.selectFrom('ssh_key').selectAll().where('user_id', '=', userId).orderBy('name').execute()
}

export function sshKeyByRef(db: Db, userId: string, ref: string): Promise<SshKeyRow | undefined> {
  return db
    .selectFrom('ssh_key')
    .selectAll()
    .where('user_id', '=', userId)
    .where(refColumn(ref), '=', ref)
    .executeTakeFirst()
}

export async function insertSshKey(db: Db, row: Insertable<SshKeyTable>): Promise<void> {
  await db.insertInto('ssh_key').values(row).execute()
}

export async function deleteSshKey(db: Db, id: string): Promise<void> {
  await db.deleteFrom('ssh_key').where('id', '=', id).execute()
}

export function listSshKeysOfInstance(db: Db, instanceId: string, scan: Scan): Promise<SshKeyRow[]> {
  const query = db
    .selectFrom('ssh_key')
    .innerJoin('instance_ssh_key', 'instance_ssh_key.ssh_key_id', 'ssh_key.id')
    .selectAll('ssh_key')
    .where('instance_ssh_key.instance_id', '=', instanceId)
  return scanned(query, 'ssh_key', scan).execute()
}

export async function insertInstanceSshKeys(db: Db, instanceId: string, keyIds: readonly string[]): Promise<void> {
  if (keyIds.length === 0) return
  await db
    .insertInto('instance_ssh_key')
    .values(keyIds.map((id) => ({ instance_id: instanceId, ssh_key_id: id })))
    .execute()
}

export function listSessions(db: Db, userId: string, scan: Scan): Promise<SessionRow[]> {
  return scanned(db.selectFrom('session').selectAll().where('user_id', '=', userId), 'session', scan).execute()
}

/** Ends every session and token of a user. */
export async function deleteCredentialsOfUser(db: Db, userId: string): Promise<void> {
  await db.deleteFrom('session').where('user_id', '=', userId).execute()
  await db.deleteFrom('access_token').where('user_id', '=', userId).execute()
}
