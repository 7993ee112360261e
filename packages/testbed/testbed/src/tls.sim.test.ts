/** A client on the internet finds the API of a silo by the rack's own DNS and speaks to it over TLS, through switches and packet engines. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { client, httpFetch } from '@lodestone/api'
import { nexusApi } from '@lodestone/contract-nexus'
import { lookup } from '@lodestone/dns'
import { CloudLab } from './cloud-lab.fixture.ts'

const ZONE = 'oxide.test'
const NAME_SERVER = '198.51.100.2'
const SILO = 'test-suite-silo'

let lab: CloudLab

before(async () => {
  lab = await CloudLab.start(2, ZONE, Date.now()) // because OpenSSL judges certificates by the real time
  await lab.settle()
})
after(() => lab.close())

async function resolve(name: string): Promise<string> {
  const { clock, world, client: from } = lab
  const query = { network: from.stack, clock, random: world.random, server: NAME_SERVER, name, type: 'A' as const }
  const { answers } = await clock.run(lookup(query))
  const [answer] = answers
  assert.ok(answer !== undefined && 'data' in answer)
  return String(answer.data)
}

/** A client that believes the rack's authority and nobody else. */
async function outside(name: string, scheme = 'https') {
  const address = await resolve(name)
  const { clock, authority, client: from } = lab
  const fetch = httpFetch(from.stack, { clock, address, tls: { ca: authority!.certificate } })
  return { fetch, api: client(nexusApi, fetch, `${scheme}://${name}`) }
}

test('a client resolves the name of its silo, believes its certificate and logs in, all through the data plane', async () => {
  const { api } = await outside(`${SILO}.sys.${ZONE}`)
  const body = { username: 'test-privileged', password: 'oxide' }
  const session = await lab.clock.run(api.login_local({ params: { silo_name: SILO }, body }))
  assert.ok(session.ok, session.ok ? '' : session.message)
  const cookie = session.headers.get('set-cookie')!
  assert.match(cookie, /; Secure;/)
  const me = await lab.done(api.current_user_view({ headers: { cookie: cookie.split(';')[0]! } }))
  assert.deepEqual([me.display_name, me.silo_name], ['test-privileged', SILO])
})

test('each silo has its own certificate by SNI, as soon as it has a name', async () => {
  const quotas = { cpus: 1, memory: 1, storage: 1 }
  const silo = {
    description: '',
    discoverable: true,
    identity_mode: 'local_only' as const,
    quotas,
    tls_certificates: [],
  }
  await lab.done(lab.api.silo_create({ body: { ...silo, name: 'eng', mapped_fleet_roles: {} } }))
  await lab.settle()
  const { fetch } = await outside(`eng.sys.${ZONE}`)
  const answer = await lab.clock.run(fetch(new Request(`https://eng.sys.${ZONE}/v1/ping`)))
  assert.deepEqual([answer.status, await lab.clock.run(answer.json())], [200, { status: 'ok' }])
  // The address is the same for all, and proves nothing.
  const wrong = fetch(new Request(`https://nobody.sys.${ZONE}/v1/ping`))
  await assert.rejects(lab.clock.run(wrong), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
})

test('plain HTTP from outside is told to come back over TLS, with path, query and method as they were', async () => {
  const { fetch } = await outside(`${SILO}.sys.${ZONE}`, 'http')
  const answer = await lab.clock.run(fetch(new Request(`http://${SILO}.sys.${ZONE}/v1/projects?limit=1`)))
  assert.equal(answer.status, 308)
  assert.equal(answer.headers.get('location'), `https://${SILO}.sys.${ZONE}/v1/projects?limit=1`)
})

test('a long answer comes through TLS whole', async () => {
  const { api, fetch } = await outside(`${SILO}.sys.${ZONE}`)
  const body = { username: 'test-privileged', password: 'oxide' }
  const session = await lab.clock.run(api.login_local({ params: { silo_name: SILO }, body }))
  assert.ok(session.ok)
  const cookie = session.headers.get('set-cookie')!.split(';')[0]!
  const description = 'x'.repeat(100_000)
  await lab.done(api.project_create({ headers: { cookie }, body: { name: 'long', description } }))
  const url = `https://${SILO}.sys.${ZONE}/v1/projects/long`
  const answer = await lab.clock.run(fetch(new Request(url, { headers: { cookie } })))
  // because the reference has this shape
  const project = (await lab.clock.run(answer.json())) as { description: string }
  assert.equal(project.description, description)
})
