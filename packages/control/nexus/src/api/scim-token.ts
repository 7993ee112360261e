/** Tokens of provisioning services (SCIM), for silos whose users and groups come from one. */
import { invalidRequest } from '@lodestone/api'
import type { ScimClientBearerToken } from '@lodestone/contract-nexus'
import { actorOf, type Caller } from '../auth/authorize.ts'
import { SCIM_TOKEN_PREFIX } from '../auth/scim.ts'
import { newSecret, secretDigest } from '../auth/secret.ts'
import { type HandlersOf, nowOf, type Service } from '../service.ts'
import {
  deleteScimToken,
  insertScimToken,
  scimTokenOfSilo,
  type ScimTokenRow,
  scimTokensOfSilo,
} from '../store/scim-token.ts'
import type { SiloRow } from '../store/silo.ts'
import type { Db } from '../store/store.ts'
import { notFound } from './selector.ts'
import { selectManagedSilo } from './silo.ts'

type Ids = 'scim_token_list' | 'scim_token_create' | 'scim_token_view' | 'scim_token_delete'

export function scimTokenHandlers(service: Service): HandlersOf<Ids> {
  const { store, random } = service
  return {
    async scim_token_list({ query, context }) {
      const silo = await selectProvisionedSilo(store.db, actorOf(context), query.silo)
      return (await scimTokensOfSilo(store.db, silo.id)).map(tokenFromRow)
    },
    async scim_token_create({ query, context }) {
      const silo = await selectProvisionedSilo(store.db, actorOf(context), query.silo)
      const bearer_token = `${SCIM_TOKEN_PREFIX}${newSecret(random)}`
      const row: ScimTokenRow = {
        id: random.uuid(),
        silo_id: silo.id,
        token_hash: secretDigest(bearer_token),
        time_created: nowOf(service),
        time_expires: null,
      }
      await insertScimToken(store.db, row)
      return { ...tokenFromRow(row), bearer_token }
    },
    async scim_token_view({ params, query, context }) {
      return tokenFromRow(await selectToken(store.db, actorOf(context), query.silo, params.token_id))
    },
    async scim_token_delete({ params, query, context }) {
      await deleteScimToken(store.db, (await selectToken(store.db, actorOf(context), query.silo, params.token_id)).id)
    },
  }
}

async function selectProvisionedSilo(db: Db, caller: Caller, ref: string): Promise<SiloRow> {
  const silo = await selectManagedSilo(db, caller, ref)
  if (silo.identity_mode === 'saml_scim') return silo
  throw invalidRequest(
    `users of silo "${silo.name}" are not provisioned by SCIM: its identity_mode is ${silo.identity_mode}`,
  )
}

async function selectToken(db: Db, caller: Caller, silo: string, id: string): Promise<ScimTokenRow> {
  const row = await scimTokenOfSilo(db, (await selectProvisionedSilo(db, caller, silo)).id, id)
  if (row === undefined) throw notFound('scim-client-bearer-token', id)
  return row
}

function tokenFromRow(row: ScimTokenRow): ScimClientBearerToken {
  return {
    id: row.id,
    time_created: row.time_created.toISOString(),
    time_expires: row.time_expires?.toISOString() ?? null,
  }
}
