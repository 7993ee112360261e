import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { MemoryFiles } from '@lodestone/host'
import { TEST_ARCHIVES } from './archives.fixture.ts'
import { type FakeRack, login, makeFakeRack } from './fake-rack.fixture.ts'
import type { Nexus } from './nexus.ts'
import { Store } from './store/store.ts'

const PAGE = '<!doctype html><title>console</title>'
let rack: FakeRack
let store: Store
let nexus: Nexus
let cookie: string

before(async () => {
  rack = await makeFakeRack(1)
  store = await Store.open({ archives: TEST_ARCHIVES })
  const files = new MemoryFiles()
  await files.write('index.html', Buffer.from(PAGE))
  await files.write('assets/index-1a2b.js', Buffer.from('start()'))
  await files.write('assets/index-1a2b.js.gz', gzipSync('start()'))
  await files.write('secret.txt', Buffer.from('not an asset'))
  nexus = rack.makeNexus({ store, console: files })
  await nexus.start()
  cookie = await login(nexus.handler)
})

after(async () => {
  await rack.clock.run(nexus.close())
  await store.close()
})

function get(path: string, headers: Record<string, string> = {}, host = 'nexus'): Promise<Response> {
  return nexus.handler(new Request(`http://${host}${path}`, { headers }))
}

test('a page without a session leads to the login of the silo, and remembers where it was going', async () => {
  const first = await get('/projects/shop/instances?limit=50')
  assert.equal(first.status, 302)
  assert.equal(first.headers.get('location'), '/login?redirect_uri=%2Fprojects%2Fshop%2Finstances%3Flimit%3D50')
  const second = await get(first.headers.get('location')!)
  assert.equal(
    second.headers.get('location'),
    '/login/test-suite-silo/local?redirect_uri=%2Fprojects%2Fshop%2Finstances%3Flimit%3D50',
  )
  const page = await get(second.headers.get('location')!)
  assert.deepEqual([page.status, await page.text()], [200, PAGE])
  const bySilo = await get('/login', {}, 'tenant.sys.rack.example')
  assert.equal(bySilo.headers.get('location'), '/login/tenant/local')
  for (const outside of ['https://evil.example/', '//evil.example/', '/\\evil.example']) {
    const answer = await get(`/login?redirect_uri=${encodeURIComponent(outside)}`)
    assert.equal(answer.headers.get('location'), '/login/test-suite-silo/local', outside)
  }
})

test('pages are one document that no cache keeps and no frame shows', async () => {
  for (const path of ['/', '/projects', '/settings/profile', '/system/silos', '/device/verify', '/projects-new']) {
    const page = await get(path, { cookie })
    assert.equal(page.status, 200, path)
    assert.equal(await page.text(), PAGE)
    assert.equal(page.headers.get('cache-control'), 'no-store')
    assert.equal(page.headers.get('x-frame-options'), 'DENY')
    assert.equal(page.headers.get('x-content-type-options'), 'nosniff')
    assert.match(
      page.headers.get('content-security-policy')!,
      /^default-src 'self'; style-src .*frame-ancestors 'none'$/,
    )
  }
})

test('assets are kept for ever, come compressed to whoever takes that, and nothing else is a file', async () => {
  const plain = await get('/assets/index-1a2b.js')
  assert.equal(await plain.text(), 'start()')
  assert.equal(plain.headers.get('content-type'), 'text/javascript')
  assert.equal(plain.headers.get('cache-control'), 'max-age=31536000, immutable')
  const packed = await get('/assets/index-1a2b.js', { 'accept-encoding': 'gzip, br' })
  assert.equal(packed.headers.get('content-encoding'), 'gzip')
  for (const path of ['/assets/none.js', '/assets/..%2Fsecret.txt', '/assets/%2e%2e/secret.txt', '/secret.txt']) {
    assert.equal((await get(path)).status, 404, path)
  }
  assert.equal((await get('/v1/ping')).status, 200, 'the API is on the same origin')
})
