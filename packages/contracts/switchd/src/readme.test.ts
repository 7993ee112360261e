import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, type FetchLike } from '@lodestone/api'
import { switchdApi } from './index.ts'

test('the example of the README makes the request it should', async () => {
  const seen: { path: string; body: unknown }[] = []
  const record: FetchLike = async (request) => {
    seen.push({ path: new URL(request.url).pathname, body: await request.json() })
    return new Response(null, { status: 204 })
  }
  const switchd = client(switchdApi, record, 'http://[fd00:1122:3344:101::2]:12224')
  const result = await switchd.route_ipv4_set({
    body: { cidr: '0.0.0.0/0', targets: [{ port_id: 'qsfp0', link_id: 0, tgt_ip: '192.0.2.1' }] },
  })
  assert.ok(result.ok)
  assert.deepEqual(seen, [
    {
      path: '/route/ipv4',
      body: { cidr: '0.0.0.0/0', targets: [{ port_id: 'qsfp0', link_id: 0, tgt_ip: '192.0.2.1' }] },
    },
  ])
})
