/** Tokens with which a provisioning service (SCIM) keeps the users and groups of a silo. */
import { endpoint } from '@lodestone/api'
import { z } from 'zod'
import { NameOrId, Time, Uuid } from './identity.ts'

const fields = { id: Uuid, time_created: Time, time_expires: Time.nullable() } as const

export const ScimClientBearerToken = z.object(fields).meta({ id: 'ScimClientBearerToken' })
export type ScimClientBearerToken = z.output<typeof ScimClientBearerToken>

/** The only time that the token itself is told. */
export const ScimClientBearerTokenValue = z
  .object({ ...fields, bearer_token: z.string() })
  .meta({ id: 'ScimClientBearerTokenValue' })

const inSilo = z.object({ silo: NameOrId })
const token = z.object({ token_id: Uuid })
const tags = ['system/silos']

export const scimTokenEndpoints = [
  endpoint({
    operationId: 'scim_token_list',
    method: 'GET',
    path: '/v1/system/scim/tokens',
    tags,
    summary: 'List the SCIM tokens of a silo',
    query: inSilo,
    response: { status: 200, schema: z.array(ScimClientBearerToken) },
  }),
  endpoint({
    operationId: 'scim_token_create',
    method: 'POST',
    path: '/v1/system/scim/tokens',
    tags,
    summary: 'Create a SCIM token of a silo',
    query: inSilo,
    response: { status: 201, schema: ScimClientBearerTokenValue },
  }),
  endpoint({
    operationId: 'scim_token_view',
    method: 'GET',
    path: '/v1/system/scim/tokens/{token_id}',
    tags,
    summary: 'View a SCIM token',
    params: token,
    query: inSilo,
    response: { status: 200, schema: ScimClientBearerToken },
  }),
  endpoint({
    operationId: 'scim_token_delete',
    method: 'DELETE',
    path: '/v1/system/scim/tokens/{token_id}',
    tags,
    summary: 'Delete a SCIM token',
    params: token,
    query: inSilo,
    response: { status: 204 },
  }),
] as const
