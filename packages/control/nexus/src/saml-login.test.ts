/** Logging in by SAML: what an identity provider says makes users and groups, and what a forger says makes nothing. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { CallResult, FetchLike } from '@lodestone/api'
import type { NexusClient, SamlIdentityProviderCreate, SiloIdentityMode } from '@lodestone/contract-nexus'
import { SeededRandom } from '@lodestone/host'
import { clientWith } from './fake-rack.fixture.ts'
import { openNexus, valueOf } from './running-nexus.fixture.ts'
import { readReference, referenceCheck } from './reference.fixture.ts'
import {
  type Answer,
  type AuthnRequest,
  isSignedBy,
  readAuthnRequest,
  TestIdentityProvider,
} from './saml/identity-provider.fixture.ts'
import { SecretBox } from './secret-box.ts'
import { issueCertificate, newPrivateKey } from './tls/x509.ts'

const reference = referenceCheck(readReference())
const idp = new TestIdentityProvider('https://idp.example/metadata', 1)
const forger = new TestIdentityProvider('https://idp.example/metadata', 2)
const METADATA_URL = 'https://idp.example/metadata.xml'

const metadataFetch: FetchLike = (request) =>
  Promise.resolve(request.url === METADATA_URL ? new Response(idp.metadata) : new Response('gone', { status: 410 }))
const secrets = new SecretBox(new Uint8Array(32).fill(7), new SeededRandom(11))
const { rack, store, handler, api, close } = await openNexus({
  watch: reference.watch,
  metadataFetch,
  secrets,
})

before(async () => {
  await makeSilo('corp', 'saml_jit', { admin_group_name: 'cloud-admins' })
  valueOf(await api.saml_identity_provider_create({ query: { silo: 'corp' }, body: provider('corp', 'okta') }))
  await makeSilo('rival', 'saml_jit')
  valueOf(await api.saml_identity_provider_create({ query: { silo: 'rival' }, body: provider('rival', 'okta') }))
})

after(async () => {
  await close()
  assert.deepEqual(reference.problems, [])
})

const refusal = (result: CallResult<unknown>): string => {
  assert.ok(!result.ok && result.kind === 'refused')
  return `${result.status} ${result.message}`
}

async function makeSilo(name: string, identity_mode: SiloIdentityMode, more: object = {}): Promise<void> {
  const quotas = { cpus: 1, memory: 1, storage: 1 }
  const silo = { name, description: '', discoverable: true, identity_mode, quotas, tls_certificates: [] }
  valueOf(await api.silo_create({ body: { ...silo, ...more } }))
}

function provider(silo: string, name: string): SamlIdentityProviderCreate {
  return {
    name,
    description: '',
    idp_entity_id: idp.entityId,
    idp_metadata_source: { type: 'base64_encoded_xml', data: Buffer.from(idp.metadata).toString('base64') },
    sp_client_id: `https://${silo}.sys.rack.example/`,
    acs_url: `https://${silo}.sys.rack.example/login/${silo}/saml/${name}`,
    slo_url: `https://${silo}.sys.rack.example/login/${silo}/saml/${name}`,
    technical_contact_email: 'ops@rack.example',
    group_attribute_name: 'groups',
  }
}

/** Goes to log in; @returns what the identity provider is asked. */
async function begin(silo = 'corp', redirectUri?: string, name = 'okta'): Promise<AuthnRequest> {
  const query = redirectUri === undefined ? '' : `?redirect_uri=${encodeURIComponent(redirectUri)}`
  const response = await handler(new Request(`http://nexus/login/${silo}/saml/${name}/redirect${query}`))
  assert.equal(response.status, 302, await response.clone().text())
  return readAuthnRequest(response.headers.get('location')!)
}

function post(form: URLSearchParams, silo = 'corp', name = 'okta', origin = 'http://nexus'): Promise<Response> {
  return handler(new Request(`${origin}/login/${silo}/saml/${name}`, { method: 'POST', body: form }))
}

const nowMs = (): number => rack.clock.wallMs()

async function enter(nameId: string, groups: readonly string[], silo = 'corp'): Promise<NexusClient> {
  const request = await begin(silo)
  const response = await post(idp.answer({ request, nowMs: nowMs(), nameId, attributes: { groups } }), silo)
  assert.equal(response.status, 303, await response.clone().text())
  return clientWith(handler, { cookie: response.headers.get('set-cookie')!.split(';')[0]! })
}

const namesOf = (page: { items: readonly { display_name: string }[] }): string[] =>
  page.items.map((item) => item.display_name).toSorted()

test('the browser is sent to the identity provider with a request, and comes back to where it was going with a session', async () => {
  const location = '/projects/shop?limit=5'
  const request = await begin('corp', location)
  assert.equal(request.issuer, 'https://corp.sys.rack.example/')
  assert.equal(request.acsUrl, 'https://corp.sys.rack.example/login/corp/saml/okta')
  assert.equal(request.issueInstant, new Date(nowMs()).toISOString())
  assert.equal(request.signature, null)
  const form = idp.answer({
    request,
    nowMs: nowMs(),
    nameId: 'ada@corp.example',
    attributes: { groups: ['net', 'eng'] },
  })
  const response = await post(form, 'corp', 'okta', 'https://corp.sys.rack.example')
  assert.equal(response.status, 303)
  assert.equal(response.headers.get('location'), location)
  const cookie = response.headers.get('set-cookie')!
  assert.match(cookie, /^session=[0-9a-f]{40}; Path=\/; HttpOnly; SameSite=Lax; Secure; Max-Age=86400$/)
  const ada = clientWith(handler, { cookie: cookie.split(';')[0]! })
  const me = valueOf(await ada.current_user_view())
  assert.deepEqual([me.display_name, me.silo_name, me.silo_admin], ['ada@corp.example', 'corp', false])
  assert.deepEqual(namesOf(valueOf(await ada.current_user_groups())), ['eng', 'net'])
})

test('each login says anew which groups somebody is in; users and groups stay the same', async () => {
  const first = await enter('grace@corp.example', ['eng', 'cloud-admins'])
  const { id } = valueOf(await first.current_user_view())
  assert.equal(valueOf(await first.current_user_view()).silo_admin, true, 'the admin group has its role from the start')
  const second = await enter('grace@corp.example', [' ops , eng', 'ops', ''])
  const me = valueOf(await second.current_user_view())
  assert.deepEqual([me.id, me.silo_admin], [id, false])
  assert.deepEqual(namesOf(valueOf(await second.current_user_groups())), ['eng', 'ops'])
  assert.equal(
    valueOf(await first.current_user_view()).silo_admin,
    false,
    'sessions of before lose what was taken away',
  )
  const third = await enter('grace@corp.example', [])
  assert.deepEqual(valueOf(await third.current_user_groups()).items, [])
  const admin = await enter('root@corp.example', ['cloud-admins'])
  const groups = namesOf(valueOf(await admin.group_list()))
  for (const name of ['cloud-admins', 'eng', 'ops'])
    assert.equal(groups.filter((each) => each === name).length, 1, name)
  assert.equal(namesOf(valueOf(await admin.user_list())).filter((name) => name.startsWith('grace')).length, 1)
})

test('a signature on the response, on the assertion or on both is taken', async () => {
  for (const sign of ['assertion', 'response', 'both'] as const) {
    const request = await begin()
    const response = await post(idp.answer({ request, nowMs: nowMs(), nameId: 'sig@corp.example', sign }))
    assert.equal(response.status, 303, sign)
  }
})

test('what proves nothing opens nothing', async (t) => {
  const cases: Record<string, (request: AuthnRequest, usual: Answer) => URLSearchParams | Promise<URLSearchParams>> = {
    unsigned: (_r, usual) => idp.answer({ ...usual, sign: 'none' }),
    'signed by somebody else': (_r, usual) => forger.answer(usual),
    'a response signed by somebody else': (_r, usual) => forger.answer({ ...usual, sign: 'both' }),
    'signed with SHA-1': (_r, usual) => idp.answer({ ...usual, isSha1: true }),
    'for another audience': (_r, usual) => idp.answer({ ...usual, audience: 'https://rival.sys.rack.example/' }),
    'for another recipient': (_r, usual) => idp.answer({ ...usual, recipient: 'https://evil.example/acs' }),
    'from another issuer': (_r, usual) => idp.answer({ ...usual, issuer: 'https://other.example/' }),
    expired: (_r, usual) => idp.answer({ ...usual, notBeforeMs: nowMs() - 600_000, notOnOrAfterMs: nowMs() - 120_000 }),
    'not yet valid': (_r, usual) =>
      idp.answer({ ...usual, notBeforeMs: nowMs() + 120_000, notOnOrAfterMs: nowMs() + 600_000 }),
    'in answer to nothing': (_r, usual) => idp.answer({ ...usual, inResponseTo: null }),
    'in answer to what nobody asked': (_r, usual) => idp.answer({ ...usual, inResponseTo: '_0123456789' }),
    'in answer to a request of another silo': async (_r, usual) => {
      const other = await begin('rival')
      return idp.answer({ ...usual, inResponseTo: other.id })
    },
    'with the RelayState of another request': async (_r, usual) => {
      const form = idp.answer(usual)
      form.set('RelayState', (await begin()).id)
      return form
    },
    'with a name that was changed after signing': (_r, usual) =>
      formOf(idp.response(usual).replace('mallory@corp', 'ada@corp')),
    'with a forged assertion before the signed one': (_r, usual) =>
      formOf(idp.response(usual).replace('<saml:Assertion ', `${forgedAssertion(usual)}<saml:Assertion `)),
    'with a forged assertion around the signed one': (_r, usual) => {
      const xml = idp.response(usual)
      const signed = /<saml:Assertion [\s\S]*<\/saml:Assertion>/.exec(xml)![0]
      const wrapped = forgedAssertion(usual).replace('</saml:Issuer>', `</saml:Issuer><x>${signed}</x>`)
      return formOf(xml.replace(signed, wrapped))
    },
    'with the signature moved to a forged assertion': (_r, usual) => {
      const xml = idp.response(usual)
      const signature = /<Signature [\s\S]*<\/Signature>/.exec(xml)![0]
      const signed = /<saml:Assertion [\s\S]*<\/saml:Assertion>/.exec(xml)![0]
      const object = `<Object>${signed.replace(signature, '')}</Object></Signature>`
      const forged = forgedAssertion(usual).replace(
        '</saml:Issuer>',
        `</saml:Issuer>${signature.replace('</Signature>', object)}`,
      )
      return formOf(xml.replace(signed, forged))
    },
    'a response without an assertion': (_r, usual) =>
      formOf(idp.response({ ...usual, sign: 'none' }).replace(/<saml:Assertion [\s\S]*<\/saml:Assertion>/, '')),
    'not XML': () => formOf('hello'),
    'with a document type': (_r, usual) =>
      formOf(`<!DOCTYPE x [<!ENTITY e "x">]>${idp.response({ ...usual, sign: 'none' })}`),
  }
  for (const [name, forge] of Object.entries(cases)) {
    await t.test(name, async () => {
      const request = await begin()
      const usual = {
        request,
        nowMs: nowMs(),
        nameId: 'mallory@corp.example',
        attributes: { groups: ['cloud-admins'] },
      }
      const response = await post(await forge(request, usual))
      assert.equal(response.status, 401, await response.clone().text())
      assert.equal(response.headers.get('set-cookie'), null)
      const { message } = (await response.json()) as { message: string } // because errors have this shape
      assert.equal(message, 'credentials missing or invalid', 'a forger learns nothing')
      assert.equal((await post(idp.answer(usual))).status, 303, 'the answer of the identity provider still counts')
    })
  }
  const admin = await enter('root@corp.example', ['cloud-admins'])
  assert.ok(!namesOf(valueOf(await admin.user_list())).includes('eve@corp.example'), 'nobody was made')
  assert.ok(rack.errors.some((line) => (line as { event: string }).event === 'login-refused'))
})

function formOf(xml: string): URLSearchParams {
  return new URLSearchParams({ SAMLResponse: Buffer.from(xml).toString('base64') })
}

function forgedAssertion(usual: Answer): string {
  return forger.assertion({ ...usual, nameId: 'eve@corp.example' }).replace('ID="_assertion"', 'ID="_forged"')
}

test('an answer counts once, at the silo it is for, until its request expires', async () => {
  const request = await begin()
  const form = idp.answer({ request, nowMs: nowMs(), nameId: 'once@corp.example' })
  const both = await Promise.all([post(form), post(form)])
  assert.deepEqual(both.map(({ status }) => status).toSorted(), [303, 401], 'of two at once, one')
  assert.equal((await post(form)).status, 401)
  const elsewhere = await begin()
  const answer = idp.answer({ request: elsewhere, nowMs: nowMs(), nameId: 'x@corp.example' })
  assert.equal((await post(answer, 'rival')).status, 401)
  assert.equal((await post(answer, 'corp', 'none')).status, 404)
  assert.equal((await post(answer, 'nobody')).status, 404)
  assert.equal((await post(new URLSearchParams({ x: 'y' }))).status, 400)
  const late = await begin()
  const expired = { time_expires: new Date(nowMs()) }
  await store.db.updateTable('saml_request').set(expired).where('id', '=', late.id).execute()
  assert.equal((await post(idp.answer({ request: late, nowMs: nowMs(), nameId: 'late@corp.example' }))).status, 401)
})

test('over TLS an answer counts in the browser that began the login, and in no other', async () => {
  const origin = 'https://corp.sys.rack.example'
  const start = async (cookie?: string): Promise<{ request: AuthnRequest; cookie: string }> => {
    const headers = cookie === undefined ? {} : { cookie }
    const response = await handler(new Request(`${origin}/login/corp/saml/okta/redirect`, { headers }))
    const set = response.headers.get('set-cookie')!
    assert.match(set, /^saml_login=[0-9a-f]{40}; Path=\/login; HttpOnly; SameSite=None; Secure; Max-Age=1800$/)
    return { request: readAuthnRequest(response.headers.get('location')!), cookie: set.split(';')[0]! }
  }
  const finish = async (request: AuthnRequest, cookie?: string): Promise<number> => {
    const body = idp.answer({ request, nowMs: nowMs(), nameId: 'tab@corp.example' })
    const headers = cookie === undefined ? {} : { cookie }
    const response = await handler(new Request(`${origin}/login/corp/saml/okta`, { method: 'POST', body, headers }))
    return response.status
  }
  const victim = await start()
  const attacker = await start()
  assert.notEqual(victim.cookie, attacker.cookie)
  assert.equal(await finish(attacker.request), 401, 'without a cookie')
  assert.equal(await finish(attacker.request, victim.cookie), 401, 'with that of another login')
  assert.equal(await finish(attacker.request, `x=y; ${attacker.cookie}`), 303, 'what was refused has cost nothing')
  const tab = await start(victim.cookie)
  assert.equal(tab.cookie, victim.cookie, 'two tabs of one browser')
  assert.deepEqual([await finish(tab.request, tab.cookie), await finish(victim.request, victim.cookie)], [303, 303])
})

test('nobody is sent to another origin after the login', async () => {
  const outside = [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'evil',
    '/\t/evil.example',
    'javascript:x',
  ]
  for (const uri of outside) {
    const url = `http://nexus/login/corp/saml/okta/redirect?redirect_uri=${encodeURIComponent(uri)}`
    const response = await handler(new Request(url))
    assert.equal(response.status, 400, uri)
  }
  const request = await begin()
  const form = idp.answer({ request, nowMs: nowMs(), nameId: 'home@corp.example' })
  assert.equal((await post(form)).headers.get('location'), '/')
  const tampered = idp.answer({ request: await begin(), nowMs: nowMs(), nameId: 'home@corp.example' })
  tampered.set('RelayState', 'https://evil.example/')
  assert.equal((await post(tampered)).status, 401)
})

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

test('requests are signed where there is a key for that', async () => {
  const random = new SeededRandom(9)
  const certificate = issueCertificate({
    commonName: 'sp',
    publicKey,
    issuer: { commonName: 'sp', key: newPrivateKey(random) },
    notBefore: new Date(0),
    notAfter: new Date(Date.UTC(2100, 0, 1)),
    random,
    names: [{ type: 'dns', value: 'sp.example' }],
  })
  const signing_keypair = {
    private_key: privateKey.export({ type: 'pkcs1', format: 'der' }).toString('base64'),
    public_cert: certificate.replace(/-----[^-]+-----|\s/g, ''),
  }
  const query = { silo: 'corp' }
  const body = { ...provider('corp', 'signed'), signing_keypair }
  const made = valueOf(await api.saml_identity_provider_create({ query, body }))
  assert.equal(made.public_cert, signing_keypair.public_cert)
  assert.ok(!JSON.stringify(made).includes(signing_keypair.private_key), 'the key never comes out')
  const keys = await store.db.selectFrom('saml_identity_provider').select('private_key').execute()
  assert.ok(!JSON.stringify(keys).includes(signing_keypair.private_key), 'it is sealed')
  const request = await begin('corp', '/x', 'signed')
  assert.ok(isSignedBy(request, certificate))
  assert.equal(
    (await post(idp.answer({ request, nowMs: nowMs(), nameId: 'k@corp.example' }), 'corp', 'signed')).status,
    303,
  )

  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const mismatch = {
    ...signing_keypair,
    private_key: other.export({ type: 'pkcs1', format: 'der' }).toString('base64'),
  }
  const wrong = { ...body, name: 'wrong' }
  for (const [pair, message] of [
    [mismatch, 'signing_keypair: the key is not that of the certificate'],
    [
      { ...signing_keypair, private_key: 'AAAA' },
      'signing_keypair.private_key: it is not an RSA key in PKCS#1 DER, encoded in base64',
    ],
    [
      { ...signing_keypair, public_cert: 'AAAA' },
      'signing_keypair.public_cert: it is not a certificate in DER, encoded in base64',
    ],
  ] as const) {
    const result = await api.saml_identity_provider_create({ query, body: { ...wrong, signing_keypair: pair } })
    assert.equal(refusal(result), `400 ${message}`)
  }
})

test('an assertion that is encrypted for that key is read like any other, and proves as little when it proves nothing', async () => {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const usual = async (): Promise<Answer> => ({
    request: await begin('corp', '/x', 'signed'),
    nowMs: nowMs(),
    nameId: 'sealed@corp.example',
    attributes: { groups: ['eng'] },
    encryptFor: { publicKey: pem },
  })
  const status = async (form: URLSearchParams, name = 'signed'): Promise<number> =>
    (await post(form, 'corp', name)).status
  for (const sign of ['assertion', 'response', 'both'] as const) {
    const form = idp.answer({ ...(await usual()), sign })
    assert.doesNotMatch(Buffer.from(form.get('SAMLResponse')!, 'base64').toString(), /sealed@corp/)
    const response = await post(form, 'corp', 'signed')
    assert.equal(response.status, 303, sign)
    const user = clientWith(handler, { cookie: response.headers.get('set-cookie')!.split(';')[0]! })
    assert.equal(valueOf(await user.current_user_view()).display_name, 'sealed@corp.example')
    assert.deepEqual(namesOf(valueOf(await user.current_user_groups())), ['eng'])
  }
  const refused: readonly (readonly [string, URLSearchParams, string?])[] = [
    ['unsigned', idp.answer({ ...(await usual()), sign: 'none' })],
    ['signed by somebody else', forger.answer(await usual())],
    ['signed with SHA-1 within', idp.answer({ ...(await usual()), isSha1: true })],
    ['for another audience', idp.answer({ ...(await usual()), audience: 'https://rival.sys.rack.example/' })],
    [
      'for another key',
      idp.answer({
        ...(await usual()),
        encryptFor: { publicKey: stranger.export({ type: 'spki', format: 'pem' }).toString() },
      }),
    ],
    [
      'by a broken algorithm',
      idp.answer({
        ...(await usual()),
        encryptFor: { publicKey: pem, algorithm: 'http://www.w3.org/2001/04/xmlenc#tripledes-cbc' },
      }),
    ],
    ['at a provider without a key', idp.answer({ ...(await usual()), request: await begin('corp') }), 'okta'],
  ]
  for (const [what, form, name] of refused) assert.equal(await status(form, name), 401, what)
})

test('providers are listed and viewed by name and id; metadata comes by URL too, and what is wrong with it is told', async () => {
  const query = { silo: 'rival' }
  const byUrl = { ...provider('rival', 'by-url'), idp_metadata_source: { type: 'url' as const, url: METADATA_URL } }
  const made = valueOf(await api.saml_identity_provider_create({ query, body: byUrl }))
  assert.equal((await begin('rival', '/', 'by-url')).issuer, made.sp_client_id)
  assert.deepEqual(valueOf(await api.saml_identity_provider_view({ params: { provider: made.id } })), made)
  assert.deepEqual(valueOf(await api.saml_identity_provider_view({ params: { provider: 'by-url' }, query })), made)
  assert.match(
    refusal(await api.saml_identity_provider_view({ params: { provider: 'by-url' } })),
    /^400 provider should/,
  )
  assert.match(
    refusal(await api.saml_identity_provider_view({ params: { provider: made.id }, query })),
    /^400 when prov/,
  )
  const { items } = valueOf(await api.silo_identity_provider_list({ query }))
  assert.deepEqual(
    items.map(({ name, provider_type }) => `${name} ${provider_type}`),
    ['by-url saml', 'okta saml'],
  )
  assert.match(refusal(await api.saml_identity_provider_create({ query, body: byUrl })), /^400 already exists: saml-/)

  const refused = async (xml: string): Promise<string> => {
    const data = Buffer.from(xml).toString('base64')
    const source = { type: 'base64_encoded_xml' as const, data }
    const body = { ...provider('rival', 'bad'), idp_metadata_source: source }
    return refusal(await api.saml_identity_provider_create({ query, body })).slice('400 idp_metadata_source: '.length)
  }
  const { metadata } = idp
  assert.match(await refused('<a'), /^it is not well-formed XML/)
  assert.match(await refused('<a/>'), /^the document is a a, not an EntityDescriptor/)
  assert.match(await refused(`<!DOCTYPE a>${metadata.replace(/<\?.*\?>/, '')}`), /DOCTYPE/)
  assert.match(
    await refused(metadata.replace('IDPSSO', 'SPSSO').replace('/md:IDPSSO', '/md:SPSSO')),
    /no IDPSSODescriptor/,
  )
  assert.match(await refused(metadata.replace('bindings:HTTP-Redirect', 'bindings:SOAP')), /binding HTTP-Redirect/)
  assert.match(await refused(metadata.replace('https://idp.example/sso', 'javascript:x')), /no http or https URL/)
  assert.match(await refused(metadata.replace('use="signing"', 'use="encryption"')), /no certificate to verify/)
  assert.match(await refused(metadata.replace(/X509Certificate>.*</, 'X509Certificate>AAAA<')), /is no certificate/)
  const gone = { ...byUrl, name: 'gone', idp_metadata_source: { type: 'url' as const, url: 'https://idp.example/x' } }
  assert.match(
    refusal(await api.saml_identity_provider_create({ query, body: gone })),
    /could not be had: it answered 410/,
  )
  const local = { query: { silo: 'test-suite-silo' }, body: provider('x', 'y') }
  assert.match(refusal(await api.saml_identity_provider_create(local)), /users of silo "test-suite-silo" are local/)
})

test('a silo with provisioned users lets in who is provisioned, and its tokens are told once', async () => {
  await makeSilo('scim', 'saml_scim')
  const query = { silo: 'scim' }
  valueOf(await api.saml_identity_provider_create({ query, body: provider('scim', 'okta') }))
  const request = await begin('scim')
  const response = await post(idp.answer({ request, nowMs: nowMs(), nameId: 'nobody@corp.example' }), 'scim')
  assert.equal(response.status, 401)
  const made = valueOf(await api.scim_token_create({ query }))
  assert.match(made.bearer_token, /^oxide-scim-[0-9a-f]{40}$/)
  const { bearer_token: _, ...shown } = made
  assert.deepEqual(valueOf(await api.scim_token_list({ query })), [shown])
  assert.deepEqual(valueOf(await api.scim_token_view({ params: { token_id: made.id }, query })), shown)
  const asUser = clientWith(handler, { authorization: `Bearer ${made.bearer_token}` })
  assert.match(refusal(await asUser.current_user_view()), /^401/)
  valueOf(await api.scim_token_delete({ params: { token_id: made.id }, query }))
  assert.match(refusal(await api.scim_token_view({ params: { token_id: made.id }, query })), /^404/)
  assert.match(
    refusal(await api.scim_token_create({ query: { silo: 'corp' } })),
    /^400 users of silo "corp" are not prov/,
  )
})
