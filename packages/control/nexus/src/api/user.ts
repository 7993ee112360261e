/** Users and groups of silos, their sessions and tokens, and the local users that operators make. */
import { invalidRequest } from '@lodestone/api'
import type { Group, User, UserPassword } from '@lodestone/contract-nexus'
import { actorOf, type Caller, checkSiloAdmin } from '../auth/authorize.ts'
import { hashPassword } from '../auth/password.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import { pageOfRows, scanOf } from '../store/scan.ts'
import { type AccessTokenRow, deleteCredentialsOfUser, listAccessTokens, listSessions } from '../store/session.ts'
import type { SiloRow } from '../store/silo.ts'
import type { Db } from '../store/store.ts'
import {
  deleteUser,
  groupOfSilo,
  insertUser,
  listGroups,
  listUsers,
  type SiloGroupRow,
  type SiloUserRow,
  updateUser,
  userOfSilo,
} from '../store/user.ts'
import { orAlreadyExists } from './resource.ts'
import { notFound } from './selector.ts'
import { selectManagedSilo, selectSilo } from './silo.ts'

type OwnIds =
  | 'user_list'
  | 'user_view'
  | 'user_token_list'
  | 'user_session_list'
  | 'user_logout'
  | 'group_list'
  | 'group_view'
type OperatorIds =
  | 'silo_user_list'
  | 'silo_user_view'
  | 'local_idp_user_create'
  | 'local_idp_user_delete'
  | 'local_idp_user_set_password'

export function userHandlers(service: Service): HandlersOf<OwnIds | OperatorIds> {
  return { ...ownHandlers(service), ...operatorHandlers(service) }
}

function ownHandlers({ store }: Service): HandlersOf<OwnIds> {
  return {
    async user_list({ query, context }) {
      const scan = scanOf(query, 'id_ascending')
      const { siloId } = actorOf(context)
      if (query.group !== undefined) await selectGroup(store.db, siloId, query.group)
      return pageOfRows(await listUsers(store.db, siloId, query.group, scan), scan, userFromRow)
    },
    async user_view({ params, context }) {
      return userFromRow(await selectUser(store.db, actorOf(context).siloId, params.user_id))
    },
    async user_token_list({ params, query, context }) {
      const scan = scanOf(query, 'id_ascending')
      const { id } = await selectOwnOrManaged(store.db, actorOf(context), params.user_id)
      return pageOfRows(await listAccessTokens(store.db, id, scan), scan, tokenFromRow)
    },
    async user_session_list({ params, query, context }) {
      const scan = scanOf(query, 'id_ascending')
      const { id } = await selectOwnOrManaged(store.db, actorOf(context), params.user_id)
      return pageOfRows(await listSessions(store.db, id, scan), scan, (row) => ({
        id: row.id,
        time_created: row.time_created.toISOString(),
        time_last_used: row.time_last_used.toISOString(),
      }))
    },
    async user_logout({ params, context }) {
      const { id } = await selectOwnOrManaged(store.db, actorOf(context), params.user_id)
      await store.transaction((tx) => deleteCredentialsOfUser(tx, id))
    },
    async group_list({ query, context }) {
      const scan = scanOf(query, 'id_ascending')
      return pageOfRows(await listGroups(store.db, actorOf(context).siloId, scan), scan, groupFromRow)
    },
    async group_view({ params, context }) {
      return groupFromRow(await selectGroup(store.db, actorOf(context).siloId, params.group_id))
    },
  }
}

function operatorHandlers(service: Service): HandlersOf<OperatorIds> {
  const { store, random } = service
  return {
    async silo_user_list({ query, context }) {
      const scan = scanOf(query, 'id_ascending')
      const silo = await selectSilo(store.db, query.silo ?? actorOf(context).siloId)
      return pageOfRows(await listUsers(store.db, silo.id, undefined, scan), scan, userFromRow)
    },
    async silo_user_view({ params, query }) {
      const silo = await selectSilo(store.db, query.silo)
      return userFromRow(await selectUser(store.db, silo.id, params.user_id))
    },

    async local_idp_user_create({ query, body, context }) {
      const silo = await selectLocalSilo(store.db, actorOf(context), query.silo)
      const now = nowOf(service)
      const row: SiloUserRow = {
        id: random.uuid(),
        silo_id: silo.id,
        external_id: body.external_id,
        password_hash: passwordHash(service, body.password),
        is_active: true,
        scim_external_id: null,
        time_created: now,
        time_modified: now,
      }
      await orAlreadyExists('silo-user', body.external_id, () => insertUser(store.db, row))
      return userFromRow(row)
    },

    async local_idp_user_delete({ params, query, context }) {
      const caller = actorOf(context)
      await store.transaction(async (tx) => {
        const silo = await selectLocalSilo(tx, caller, query.silo)
        const { id } = await selectUser(tx, silo.id, params.user_id)
        await deleteUser(tx, id)
      })
    },

    async local_idp_user_set_password({ params, query, body, context }) {
      const caller = actorOf(context)
      await store.transaction(async (tx) => {
        const silo = await selectSilo(tx, query.silo)
        // Everybody may change their own.
        if (caller.userId !== params.user_id) checkSiloAdmin(caller, silo.id)
        checkLocal(silo)
        const { id } = await selectUser(tx, silo.id, params.user_id)
        await updateUser(tx, id, { password_hash: passwordHash(service, body), time_modified: nowOf(service) })
      })
    },
  }
}

function passwordHash({ random, passwordCost }: Service, password: UserPassword): string | null {
  return password.mode === 'password' ? hashPassword(password.value, random, passwordCost) : null
}

async function selectLocalSilo(db: Db, caller: Caller, ref: string): Promise<SiloRow> {
  const silo = await selectManagedSilo(db, caller, ref)
  checkLocal(silo)
  return silo
}

function checkLocal(silo: SiloRow): void {
  if (silo.identity_mode !== 'local_only') throw invalidRequest(`users of silo "${silo.name}" are not local`)
}

async function selectUser(db: Db, siloId: string, id: string): Promise<SiloUserRow> {
  const row = await userOfSilo(db, siloId, id)
  if (row === undefined) throw notFound('silo-user', id)
  return row
}

/** What a user may see of themselves, and an admin of the silo of everybody. */
async function selectOwnOrManaged(db: Db, caller: Caller, id: string): Promise<SiloUserRow> {
  const row = await selectUser(db, caller.siloId, id)
  if (row.id !== caller.userId) checkSiloAdmin(caller, caller.siloId)
  return row
}

async function selectGroup(db: Db, siloId: string, id: string): Promise<SiloGroupRow> {
  const row = await groupOfSilo(db, siloId, id)
  if (row === undefined) throw notFound('silo-group', id)
  return row
}

function userFromRow(row: SiloUserRow): User {
  return identityOfSilo(row)
}

export function groupFromRow(row: SiloGroupRow): Group {
  return identityOfSilo(row)
}

function identityOfSilo(row: SiloUserRow | SiloGroupRow): User {
  return {
    id: row.id,
    display_name: row.external_id,
    silo_id: row.silo_id,
    time_created: row.time_created.toISOString(),
    time_modified: row.time_modified.toISOString(),
  }
}

export function tokenFromRow(row: AccessTokenRow): { id: string; time_created: string; time_expires: string | null } {
  return {
    id: row.id,
    time_created: row.time_created.toISOString(),
    time_expires: row.time_expires?.toISOString() ?? null,
  }
}
