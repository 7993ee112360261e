/**
 * SCIM 2.0 (RFC 7644) for silos whose users and groups are provisioned: `/scim/v2/Users` and `/scim/v2/Groups`, by a token of the silo. Each
 * request is one transaction. What changes something is in the audit log, as with other requests.
 *
 * NOT IMPLEMENTED: /Bulk, /Me, /.search, the resources that describe the service, ETags, passwords; filters compare names with their case.
 */
import SCIMMY from 'scimmy'
import { audit, type AuditedContext } from '../api/audit-log.ts'
import { authenticateScim } from '../auth/scim.ts'
import { nowOf, type Service } from '../service.ts'
import { siloByRef, type SiloRow } from '../store/silo.ts'
import { isUniqueViolation } from '../store/store.ts'
import { textAtMost } from '../text-at-most.ts'
import { BASE_PATH, type ScimContext, ScimGroup, ScimUser } from './scim-resources.ts'

const PATH = /^\/scim\/v2\/(Users|Groups)(?:\/([^/]+))?\/?$/
/** What the library checks itself. */
type PatchMessage = Parameters<InstanceType<typeof ScimUser>['patch']>[0]

const MEDIA_TYPE = 'application/scim+json'
const MAX_BODY_BYTES = 1 << 20
const VERBS: Readonly<Record<string, string>> = { POST: 'create', PUT: 'replace', PATCH: 'patch', DELETE: 'delete' }

/** Answers what is for SCIM; undefined for other paths. */
export async function scimHandler(
  service: Service,
  request: Request,
  requestId: string,
): Promise<Response | undefined> {
  const url = new URL(request.url)
  const match = PATH.exec(url.pathname)
  if (match === null) return undefined
  const timeStarted = nowOf(service)
  const kind = match[1] === 'Users' ? 'user' : 'group'
  const id = match[2]
  const token = await authenticateScim(service.store.db, request.headers, timeStarted)
  let response: Response
  let context: AuditedContext | undefined
  if (token === undefined) response = refusal(401, 'credentials missing or invalid')
  else {
    context = { scimToken: token }
    const silo = await siloByRef(service.store.db, token.silo_id)
    response =
      silo?.identity_mode === 'saml_scim'
        ? await serve(service, silo, request, kind, id, url.searchParams)
        : refusal(403, 'users of the silo are not provisioned')
  }
  const verb = VERBS[request.method]
  if (verb !== undefined) {
    const { status } = response
    const error = status < 400 ? {} : { error: { message: response.statusText || String(status) } }
    const endpoint = { method: request.method, operationId: `scim_v2_${verb}_${kind}` }
    await audit(service, timeStarted, { request, endpoint, requestId, context, status, ...error })
  }
  return response
}

async function serve(
  service: Service,
  silo: SiloRow,
  request: Request,
  kind: 'user' | 'group',
  id: string | undefined,
  search: URLSearchParams,
): Promise<Response> {
  try {
    const body =
      request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH'
        ? await bodyOf(request)
        : undefined
    return await service.store.transaction(async (tx) => {
      const context: ScimContext = { service, silo, tx, failure: undefined }
      try {
        return await act(context, request, kind, id, search, body)
      } catch (error) {
        throw context.failure ?? error // what the store says decides whether the transaction is run again
      }
    })
  } catch (error) {
    if (error instanceof SCIMMY.Types.Error) return refusal(error.status, error.message, error.scimType)
    if (isUniqueViolation(error)) return refusal(409, 'there is one of this name', 'uniqueness')
    service.log('error', 'scim-failed', { error: String(error) })
    return refusal(500, 'Internal Server Error')
  }
}

async function act(
  context: ScimContext,
  request: Request,
  kind: 'user' | 'group',
  id: string | undefined,
  search: URLSearchParams,
  body: object | undefined,
): Promise<Response> {
  const query = queryOf(search)
  const resource = resourceOf(kind, id, query)
  const answer = (status: number, value: unknown): Response => answerWith(new URL(request.url).origin, status, value)
  switch (`${request.method} ${id === undefined ? 'all' : 'one'}`) {
    case 'GET all':
    case 'GET one':
      return answer(200, await resource.read(context))
    case 'POST all':
      return answer(201, await resource.write(body ?? {}, context))
    case 'PUT one':
      return answer(200, await resource.write(body ?? {}, context))
    case 'PATCH one': {
      const patched: unknown = await resource.patch(body as PatchMessage, context)
      return answer(200, patched ?? (await resourceOf(kind, id, query).read(context))) // nothing has changed (RFC 7644 §3.5.2)
    }
    case 'DELETE one':
      await resource.dispose(context)
      return new Response(null, { status: 204 })
    default:
      return refusal(405, 'Method Not Allowed')
  }
}

function resourceOf(kind: 'user' | 'group', id: string | undefined, query: Query) {
  return kind === 'user' ? new ScimUser(id, query) : new ScimGroup(id, query)
}

async function bodyOf(request: Request): Promise<object> {
  const text = await textAtMost(request, MAX_BODY_BYTES)
  if (text === undefined) throw new SCIMMY.Types.Error(413, '', `the body is longer than ${MAX_BODY_BYTES} bytes`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new SCIMMY.Types.Error(400, 'invalidSyntax', 'the body is not JSON')
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json
  throw new SCIMMY.Types.Error(400, 'invalidSyntax', 'the body is not an object')
}

/** The library wants numbers where the protocol has numbers. */
type Query = Record<string, string | number>

function queryOf(search: URLSearchParams): Query {
  return Object.fromEntries(
    [...search].map(([name, value]) => [name, name === 'count' || name === 'startIndex' ? Number(value) : value]),
  )
}

/** Addresses of resources are paths until it is known where the request has come to. */
function answerWith(origin: string, status: number, value: unknown): Response {
  const isPath = (key: string, inner: unknown): inner is string =>
    (key === 'location' || key === '$ref') && typeof inner === 'string' && inner.startsWith(BASE_PATH)
  const text = JSON.stringify(value, (key, inner: unknown) => (isPath(key, inner) ? `${origin}${inner}` : inner))
  // because every document that the library writes is an object, with its address where it has one
  const { meta } = JSON.parse(text) as { meta?: { location?: string } }
  const location = meta?.location === undefined ? {} : { location: meta.location }
  return new Response(text, { status, headers: { 'content-type': MEDIA_TYPE, ...location } })
}

function refusal(status: number, detail: string, scimType?: string): Response {
  const type = scimType === undefined || scimType === '' ? {} : { scimType }
  const body = { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status), ...type, detail }
  const headers = { 'content-type': MEDIA_TYPE, ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}) }
  return new Response(JSON.stringify(body), {
    status,
    statusText: detail.slice(0, 200).replace(/[^\x20-\x7e]/g, '?'),
    headers,
  })
}
