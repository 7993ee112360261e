/** A provisioning service keeps the users and groups of a silo by SCIM; whom it has not provisioned cannot log in. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { clientWith } from './fake-rack.fixture.ts'
import { openNexus, valueOf } from './running-nexus.fixture.ts'
import { readReference, referenceCheck } from './reference.fixture.ts'
import { readAuthnRequest, TestIdentityProvider } from './saml/identity-provider.fixture.ts'

interface Resource {
  readonly id: string
  readonly userName?: string
  readonly displayName?: string
  readonly externalId?: string
  readonly active?: boolean
  readonly groups?: readonly { readonly value: string; readonly display: string }[]
  readonly members?: readonly { readonly value: string; readonly display: string }[]
  readonly meta: { readonly resourceType: string; readonly location: string; readonly created: string }
  readonly totalResults: number
  readonly Resources: readonly Resource[]
  readonly detail: string
  readonly scimType: string
  readonly status: string
}

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const reference = referenceCheck(readReference())
const idp = new TestIdentityProvider('https://idp.example/metadata', 1)
let token = ''

const { rack, handler, api, close } = await openNexus({ watch: reference.watch })

before(async () => {
  token = await makeSilo('corp')
})

after(async () => {
  await close()
  assert.deepEqual(reference.problems, [])
})

/** @returns a token of its provisioning service. */
async function makeSilo(name: string): Promise<string> {
  const quotas = { cpus: 1, memory: 1, storage: 1 }
  const more = { identity_mode: 'saml_scim' as const, admin_group_name: 'admins' }
  const body = { name, description: '', discoverable: true, quotas, tls_certificates: [], ...more }
  valueOf(await api.silo_create({ body }))
  const acs = `https://${name}.sys.rack.example/login/${name}/saml/okta`
  const provider = {
    name: 'okta',
    description: '',
    idp_entity_id: idp.entityId,
    idp_metadata_source: { type: 'base64_encoded_xml' as const, data: Buffer.from(idp.metadata).toString('base64') },
    sp_client_id: name,
    acs_url: acs,
    slo_url: acs,
    technical_contact_email: 'x@rack.example',
    group_attribute_name: 'groups',
  }
  valueOf(await api.saml_identity_provider_create({ query: { silo: name }, body: provider }))
  return valueOf(await api.scim_token_create({ query: { silo: name } })).bearer_token
}

async function scim(
  method: string,
  path: string,
  body?: unknown,
  bearer = token,
): Promise<{ status: number; body: Resource; headers: Headers }> {
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/scim+json' }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await handler(new Request(`http://nexus/scim/v2/${path}`, { method, headers, ...sent }))
  const text = await response.text()
  // because every answer of this test is a resource, a list or an error, and whoever looks at the wrong one finds nothing
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Resource, headers: response.headers }
}

const newUser = (userName: string, more: object = {}) => scim('POST', 'Users', { schemas: [USER], userName, ...more })
const newGroup = (displayName: string, more: object = {}) =>
  scim('POST', 'Groups', { schemas: [GROUP], displayName, ...more })
const patch = (path: string, ...Operations: object[]) => scim('PATCH', path, { schemas: [PATCH], Operations })

async function enter(nameId: string, groups: readonly string[] = []): Promise<Response> {
  const redirect = await handler(new Request('http://nexus/login/corp/saml/okta/redirect'))
  const request = readAuthnRequest(redirect.headers.get('location')!)
  const body = idp.answer({ request, nowMs: rack.clock.wallMs(), nameId, attributes: { groups } })
  return handler(new Request('http://nexus/login/corp/saml/okta', { method: 'POST', body }))
}

test('a user is made, found, changed and deleted, and is a user of the silo as long as it is there', async () => {
  const made = await newUser('Ada@corp.example', { externalId: '00u1', name: { givenName: 'Ada' }, active: true })
  assert.equal(made.status, 201)
  const { id, meta } = made.body
  assert.equal(made.headers.get('content-type'), 'application/scim+json')
  assert.equal(meta.location, `http://nexus/scim/v2/Users/${id}`)
  assert.equal(made.headers.get('location'), meta.location)
  assert.deepEqual([made.body.userName, made.body.externalId, made.body.active], ['Ada@corp.example', '00u1', true])
  const found = await scim('GET', `Users?filter=${encodeURIComponent('userName eq "Ada@corp.example"')}`)
  assert.deepEqual([found.body.totalResults, found.body.Resources[0]?.id], [1, id])
  assert.equal((await scim('GET', `Users/${id}`)).body.userName, 'Ada@corp.example')
  const replaced = await scim('PUT', `Users/${id}`, { schemas: [USER], userName: 'ada.l@corp.example' })
  assert.deepEqual(
    [replaced.status, replaced.body.userName, replaced.body.externalId],
    [200, 'ada.l@corp.example', undefined],
  )
  assert.equal((await scim('DELETE', `Users/${id}`)).status, 204)
  assert.equal((await scim('GET', `Users/${id}`)).status, 404)
})

test('who is provisioned logs in, whatever the case of their name; who is deactivated is out at once', async () => {
  const { id } = (await newUser('grace@corp.example')).body
  const entered = await enter('Grace@Corp.example', ['made-up'])
  assert.equal(entered.status, 303)
  const grace = clientWith(handler, { cookie: entered.headers.get('set-cookie')!.split(';')[0]! })
  assert.equal(valueOf(await grace.current_user_view()).id, id)
  assert.deepEqual(valueOf(await grace.current_user_groups()).items, [], 'a login says nothing about groups here')
  assert.equal((await enter('nobody@corp.example')).status, 401)
  const off = await patch(`Users/${id}`, { op: 'replace', path: 'active', value: false })
  assert.deepEqual([off.status, off.body.active], [200, false])
  assert.equal((await grace.current_user_view()).ok, false)
  assert.equal((await enter('grace@corp.example')).status, 401)
  const on = await patch(`Users/${id}`, { op: 'replace', value: { active: true } })
  assert.equal(on.body.active, true)
  assert.equal((await enter('grace@corp.example')).status, 303)
})

test('groups have members, who have the roles of their groups; the admin group of the silo administers it', async () => {
  const { id } = (await newUser('root@corp.example')).body
  const other = (await newUser('guest@corp.example')).body
  const made = await newGroup('admins', { members: [{ value: id }] })
  assert.equal(made.status, 201)
  assert.deepEqual(
    made.body.members?.map(({ value, display }) => [value, display]),
    [[id, 'root@corp.example']],
  )
  const entered = await enter('root@corp.example')
  const root = clientWith(handler, { cookie: entered.headers.get('set-cookie')!.split(';')[0]! })
  assert.equal(valueOf(await root.current_user_view()).silo_admin, true)
  const groups = (await scim('GET', `Users/${id}`)).body.groups
  assert.deepEqual(
    groups?.map(({ value, display }) => [value, display]),
    [[made.body.id, 'admins']],
  )

  const path = `Groups/${made.body.id}`
  const added = await patch(path, { op: 'add', path: 'members', value: [{ value: other.id }] })
  assert.deepEqual(added.body.members?.map(({ value }) => value).toSorted(), [id, other.id].toSorted())
  const removed = await patch(path, { op: 'remove', path: `members[value eq "${id}"]` })
  assert.deepEqual(
    removed.body.members?.map(({ value }) => value),
    [other.id],
  )
  assert.equal(valueOf(await root.current_user_view()).silo_admin, false)
  const renamed = await patch(path, { op: 'replace', path: 'displayName', value: 'operators' })
  assert.equal(renamed.body.displayName, 'operators')
  const unknown = await patch(path, { op: 'add', path: 'members', value: [{ value: made.body.id }] })
  assert.deepEqual([unknown.status, unknown.body.scimType], [400, 'invalidValue'])
  assert.equal((await scim('DELETE', path)).status, 204)
  assert.equal((await scim('GET', 'Groups')).body.totalResults, 0)
  const { role_assignments } = valueOf(await api.silo_policy_view({ params: { silo: 'corp' } }))
  assert.deepEqual(role_assignments, [], 'its roles went with it')
})

test('names are there once, pages are cut, and what is wrong is told in the words of SCIM', async () => {
  for (let i = 0; i < 5; i++) assert.equal((await newUser(`page-${i}`)).status, 201)
  const again = await newUser('PAGE-1')
  assert.deepEqual([again.status, again.body.status, again.body.scimType], [409, '409', 'uniqueness'])
  const page = await scim('GET', 'Users?startIndex=2&count=2&sortBy=userName&filter=userName%20sw%20%22page-%22')
  assert.deepEqual(
    page.body.Resources.map(({ userName }) => userName),
    ['page-1', 'page-2'],
  )
  assert.equal((await newGroup('one')).status, 201)
  assert.equal((await newGroup('one')).status, 409)
  const wrong: [number, ReturnType<typeof scim>][] = [
    [400, newUser('')],
    [400, scim('POST', 'Users', [])],
    [400, scim('GET', 'Users?filter=userName%20xx')],
    [404, scim('GET', 'Users/5f0b0000-0000-4000-8000-000000000000')],
    [404, scim('GET', 'Users/nobody')],
    [404, scim('DELETE', 'Groups/nobody')],
    [405, scim('DELETE', 'Users')],
  ]
  for (const [status, answer] of wrong) {
    const { status: actual, body } = await answer
    assert.equal(actual, status, JSON.stringify(body))
    assert.equal(body.status, String(status))
  }
})

test('a token opens its own silo, until it is deleted, and what it did is in the audit log', async () => {
  const rival = await makeSilo('rival')
  const { id } = (await newUser('mine@corp.example')).body
  assert.equal((await scim('GET', `Users/${id}`, undefined, rival)).status, 404)
  assert.equal((await scim('DELETE', `Users/${id}`, undefined, rival)).status, 404)
  assert.equal((await scim('GET', 'Users', undefined, rival)).body.totalResults, 0)
  for (const bearer of [
    '',
    'nonsense',
    'oxide-scim-0000000000000000000000000000000000000000',
    rival.replace('scim', 'token'),
  ]) {
    assert.equal((await scim('GET', 'Users', undefined, bearer)).status, 401, bearer)
  }
  const query = { silo: 'rival' }
  const [listed] = valueOf(await api.scim_token_list({ query }))
  valueOf(await api.scim_token_delete({ params: { token_id: listed!.id }, query }))
  assert.equal((await scim('GET', 'Users', undefined, rival)).status, 401)
  const start_time = new Date(0).toISOString()
  const entries = valueOf(await api.audit_log_list({ query: { start_time, limit: 1000 } })).items
  const silo = valueOf(await api.silo_view({ params: { silo: 'corp' } }))
  // Entries of one moment come in no particular order.
  const made = entries.find((entry) => entry.operation_id === 'scim_v2_create_user' && entry.result.kind === 'success')!
  assert.deepEqual(
    [made.actor, made.auth_method, made.result],
    [{ kind: 'scim', silo_id: silo.id }, 'scim_token', { kind: 'success', http_status_code: 201 }],
  )
})
