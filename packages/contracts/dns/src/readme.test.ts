import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, type FetchLike } from '@lodestone/api'
import { dnsApi } from './index.ts'

test('the example of the README makes the request it should', async () => {
  const seen: { path: string; body: unknown }[] = []
  const record: FetchLike = async (request) => {
    seen.push({ path: new URL(request.url).pathname, body: await request.json() })
    return new Response(null, { status: 204 })
  }
  const dns = client(dnsApi, record, 'http://[fd00:1122:3344:101::1]:5353')
  const result = await dns.dns_config_put({
    body: {
      generation: 2,
      serial: 2,
      time_created: '2026-01-01T00:00:00Z',
      zones: [{ zone_name: 'oxide.test', records: { 'eng.sys': [{ type: 'A', data: '198.51.100.5' }] } }],
    },
  })
  assert.ok(result.ok)
  assert.deepEqual(seen, [
    {
      path: '/config',
      body: {
        generation: 2,
        serial: 2,
        time_created: '2026-01-01T00:00:00Z',
        zones: [{ zone_name: 'oxide.test', records: { 'eng.sys': [{ type: 'A', data: '198.51.100.5' }] } }],
      },
    },
  ])
})
