/** From the bearer token of a provisioning service to the silo that it provisions. It opens nothing else, and nothing else opens this. */
import { scimTokenByHash, type ScimTokenRow } from '../store/scim-token.ts'
import type { Db } from '../store/store.ts'
import { secretDigest } from './secret.ts'

export const SCIM_TOKEN_PREFIX = 'oxide-scim-'

export async function authenticateScim(db: Db, headers: Headers, now: Date): Promise<ScimTokenRow | undefined> {
  const bearer = /^Bearer (.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (bearer === undefined || !bearer.startsWith(SCIM_TOKEN_PREFIX)) return undefined
  const token = await scimTokenByHash(db, secretDigest(bearer))
  if (token === undefined || (token.time_expires !== null && token.time_expires <= now)) return undefined
  return token
}
