/** The API over TLS: whose certificate is shown to whom, and how operators bring their own. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type CallResult, client, httpFetch, type HttpServer, serveHttp } from '@lodestone/api'
import { type NexusClient, nexusApi } from '@lodestone/contract-nexus'
import { MemoryFiles, type Network, SeededRandom, VirtualClock } from '@lodestone/host'
import { clientWith, type FakeRack, login, makeFakeRack } from './fake-rack.fixture.ts'
import type { Nexus } from './nexus.ts'
import { readReference, referenceCheck } from './reference.fixture.ts'
import { isSealed, SecretBox } from './secret-box.ts'
import type { Store } from './store/store.ts'
import { valueOf } from './running-nexus.fixture.ts'
import { openTestStore, type TestStore } from './test-store.fixture.ts'
import { CertificateAuthority, type ServerName } from './tls/certificate-authority.ts'
import { SiloCertificates } from './tls/silo-certificates.ts'

const ZONE = 'rack.example'
const ADDRESS = '198.51.100.4'
const SILO = `test-suite-silo.sys.${ZONE}`
const reference = referenceCheck(readReference())
let rack: FakeRack
let opened: TestStore
let store: Store
let nexus: Nexus
let api: NexusClient
let authority: CertificateAuthority
let server: HttpServer
const secrets = new SecretBox(new Uint8Array(32).fill(7), new SeededRandom(11))
let outside: Network

before(async () => {
  rack = await makeFakeRack(1, Date.now()) // because OpenSSL judges by the real time
  opened = await openTestStore(rack.clock)
  store = opened.store
  authority = await CertificateAuthority.open(new MemoryFiles(), rack.clock, new SeededRandom(1))
  nexus = rack.makeNexus({ store, authority, secrets, dnsZone: ZONE })
  await nexus.start()
  api = clientWith(reference.watch(nexus.handler), { cookie: await login(nexus.handler) })
  const service = rack.fabric.network('api0', [ADDRESS])
  server = await serveHttp(service, { port: 443, tls: (name) => nexus.tlsIdentity(name) }, nexus.handler)
  outside = rack.fabric.network('client', ['192.0.2.1'])
})

after(async () => {
  server.close()
  await rack.clock.run(nexus.close())
  await opened.close()
  assert.deepEqual(reference.problems, [])
})

/** Asks the API at a name, believing only `ca`; rejects as the TLS library does. */
function ping(hostname: string, ca = authority.certificate): Promise<number> {
  const fetch = httpFetch(outside, { clock: rack.clock, address: ADDRESS, tls: { ca } })
  return rack.clock.run(fetch(new Request(`https://${hostname}/v1/ping`)).then(({ status }) => status))
}

const refusal = (result: CallResult<unknown>): string => {
  assert.ok(!result.ok && result.kind === 'refused')
  return `${result.status} ${result.message}`
}

/** An authority that has nothing to do with the rack, as an operator's company has one. */
function otherAuthority(): Promise<CertificateAuthority> {
  return CertificateAuthority.open(new MemoryFiles(), rack.clock, new SeededRandom(2))
}

test('each silo is proved by its own name, from the first connection on, and nobody else is', async () => {
  assert.equal(await ping(SILO), 200)
  assert.equal(await ping(SILO.toUpperCase()), 200)
  const quotas = { cpus: 1, memory: 1, storage: 1 }
  const silo = {
    description: '',
    discoverable: true,
    identity_mode: 'local_only' as const,
    quotas,
    tls_certificates: [],
  }
  valueOf(await api.silo_create({ body: { ...silo, name: 'eng' } }))
  assert.equal(await ping(`eng.sys.${ZONE}`), 200)
  await assert.rejects(ping(`none.sys.${ZONE}`), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  await assert.rejects(ping(SILO, (await otherAuthority()).certificate), /unable to (verify|get)/)
  assert.equal(await ping('localhost'), 200, 'without a name of the rack it is the recovery silo')
})

test('sessions of TLS have cookies that plain HTTP never sees, and devices are sent to a TLS page', async () => {
  const fetch = httpFetch(outside, { clock: rack.clock, address: ADDRESS, tls: { ca: authority.certificate } })
  const remote = client(nexusApi, fetch, `https://${SILO}`)
  const params = { silo_name: 'test-suite-silo' }
  const session = await rack.clock.run(
    remote.login_local({ params, body: { username: 'test-privileged', password: 'oxide' } }),
  )
  assert.ok(session.ok)
  assert.match(
    session.headers.get('set-cookie')!,
    /^session=[0-9a-f]{40}; Path=\/; HttpOnly; SameSite=Lax; Secure; Max-Age=86400$/,
  )
  const device = await rack.clock.run(remote.device_auth_request({ body: { client_id: new SeededRandom(1).uuid() } }))
  assert.equal(valueOf(device).verification_uri, `https://${SILO}/device/verify`)
})

test("an operator's certificate takes over with the next connection, and gives way when it is deleted", async () => {
  const company = await otherAuthority()
  const { cert, key } = await company.identityFor([{ type: 'dns', value: SILO }])
  const body = {
    name: 'ours',
    description: 'From the company',
    cert: cert + company.certificate,
    key,
    service: 'external_api' as const,
  }
  const made = valueOf(await api.certificate_create({ body }))
  assert.deepEqual(Object.keys(made).toSorted(), [
    'cert',
    'description',
    'id',
    'name',
    'service',
    'time_created',
    'time_modified',
  ])
  assert.equal(await ping(SILO, company.certificate), 200)
  await assert.rejects(ping(SILO), /unable to verify|self.signed/)
  assert.equal(await ping(`eng.sys.${ZONE}`), 200, 'other silos have what they had')

  assert.deepEqual(valueOf(await api.certificate_view({ params: { certificate: 'ours' } })), made)
  assert.deepEqual(valueOf(await api.certificate_view({ params: { certificate: made.id } })), made)
  assert.deepEqual(valueOf(await api.certificate_list()).items, [made])
  assert.equal(refusal(await api.certificate_create({ body })), '400 already exists: certificate "ours"')
  valueOf(await api.certificate_delete({ params: { certificate: 'ours' } }))
  assert.equal(refusal(await api.certificate_view({ params: { certificate: 'ours' } })).slice(0, 3), '404')
  assert.equal(await ping(SILO), 200)
})

test('of several certificates the one that is longest in force is shown, and an expired one never', async () => {
  const later = new VirtualClock(rack.clock.wallMs())
  const names = (name: string): [ServerName, ServerName] => [
    { type: 'dns', value: SILO },
    { type: 'dns', value: `${name}.example` },
  ]
  const company = await CertificateAuthority.open(new MemoryFiles(), later, new SeededRandom(2))
  const give = async (name: string): Promise<void> => {
    const body = {
      name,
      description: '',
      ...(await company.identityFor(names(name))),
      service: 'external_api' as const,
    }
    valueOf(await api.certificate_create({ body }))
  }
  await give('first')
  await later.advance(600_000)
  await give('second')
  const { inventory } = rack
  const chooser = new SiloCertificates({
    store,
    clock: later,
    secrets,
    inventory: { ...inventory, dnsZone: ZONE },
    defaultSilo: 'test-suite-silo',
    authority: await CertificateAuthority.open(new MemoryFiles(), later, new SeededRandom(3)),
  })
  const shown = async (): Promise<string> =>
    new X509Certificate((await chooser.identityFor(SILO))!.cert).subjectAltName!
  assert.match(await shown(), /second\.example/)
  valueOf(await api.certificate_delete({ params: { certificate: 'second' } }))
  assert.match(await shown(), /first\.example/)
  await later.advance(90 * 86_400_000)
  assert.equal(await shown(), `DNS:${SILO}`, "the rack's own authority takes over")
  valueOf(await api.certificate_delete({ params: { certificate: 'first' } }))
})

test('what cannot serve the silo is refused with the field and the place, also when a silo is made with it', async () => {
  const company = await otherAuthority()
  const wrong = await company.identityFor([{ type: 'dns', value: 'www.example' }])
  const body = { name: 'wrong', description: '', ...wrong, service: 'external_api' as const }
  assert.equal(
    refusal(await api.certificate_create({ body })),
    `400 unsupported value for "cert": certificate 1 is for DNS:www.example, not for ${SILO}`,
  )
  const other = await company.identityFor([{ type: 'dns', value: SILO }])
  assert.equal(
    refusal(await api.certificate_create({ body: { ...body, cert: other.cert } })),
    '400 unsupported value for "key": it is not the key of certificate 1',
  )
  const quotas = { cpus: 1, memory: 1, storage: 1 }
  const silo = { name: 'fin', description: '', discoverable: true, identity_mode: 'local_only' as const, quotas }
  assert.match(
    refusal(await api.silo_create({ body: { ...silo, tls_certificates: [body] } })),
    /not for fin\.sys\.rack\.example$/,
  )
  assert.equal(refusal(await api.silo_view({ params: { silo: 'fin' } })).slice(0, 3), '404', 'nothing of it is there')
  const right = await company.identityFor([{ type: 'dns', value: `fin.sys.${ZONE}` }])
  valueOf(await api.silo_create({ body: { ...silo, tls_certificates: [{ ...body, ...right }] } }))
  assert.equal((await nexus.tlsIdentity(`fin.sys.${ZONE}`))?.cert, right.cert)
})

test('a peer that speaks no TLS, or goes away in the handshake, disturbs nobody', async () => {
  const socket = await rack.clock.run(outside.connectTcp({ address: ADDRESS, port: 443 }))
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  const gone = await rack.clock.run(outside.connectTcp({ address: ADDRESS, port: 443 }))
  gone.destroy()
  await rack.clock.advance(100)
  assert.equal(await ping('localhost'), 200)
})

test('private keys are in the database and cannot be read there', async () => {
  const keys = await store.db.selectFrom('certificate').select('key').execute()
  assert.ok(keys.length > 0)
  assert.ok(keys.every(({ key }) => isSealed(key)))
  const settings = await store.db.selectFrom('fleet_setting').selectAll().execute()
  assert.ok(settings.some(({ name }) => name === 'authority'))
  assert.doesNotMatch(JSON.stringify(settings), /PRIVATE KEY/)
})

test('what was written in the clear before is sealed at the next start, and still serves', async () => {
  const given = await otherAuthority()
  const { cert, key } = await given.identityFor([{ type: 'dns', value: SILO }])
  const body = { name: 'old', description: '', cert, key, service: 'external_api' } as const
  const { id } = valueOf(await api.certificate_create({ body }))
  await store.db.updateTable('certificate').set({ key }).where('id', '=', id).execute()
  const next = rack.makeNexus({ store, authority, secrets, dnsZone: ZONE })
  await next.start()
  const row = await store.db.selectFrom('certificate').select('key').where('id', '=', id).executeTakeFirstOrThrow()
  assert.ok(isSealed(row.key))
  assert.equal((await next.tlsIdentity(SILO))?.key, key)
  await rack.clock.run(next.close())
  valueOf(await api.certificate_delete({ params: { certificate: id } }))
})

test('another control plane has the same authority; one with another key for secrets does not start, and says why', async () => {
  const files = new MemoryFiles()
  const own = await CertificateAuthority.open(files, rack.clock, new SeededRandom(5))
  assert.notEqual(own.certificate, authority.certificate)
  const second = rack.makeNexus({ store, authority: own, secrets, dnsZone: ZONE })
  await second.start()
  assert.equal(own.certificate, authority.certificate)
  const shown = new X509Certificate((await second.tlsIdentity(SILO))!.cert)
  assert.ok(shown.verify(new X509Certificate(authority.certificate).publicKey))
  await rack.clock.run(second.close())
  const again = await CertificateAuthority.open(files, rack.clock, new SeededRandom(6))
  assert.equal(again.certificate, authority.certificate, 'its files are those of the shared one')

  const stranger = new SecretBox(new Uint8Array(32).fill(9), new SeededRandom(12))
  for (const each of [{ secrets: stranger }, {}]) {
    const third = rack.makeNexus({ store, authority: own, ...each, dnsZone: ZONE })
    await assert.rejects(third.start(), /sealed with another key .* bring secrets\.key from the state directory/)
  }
})
