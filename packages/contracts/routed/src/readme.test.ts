import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client } from '@lodestone/api'
import { routedApi } from './index.ts'

test('the README example sends a whole configuration', async () => {
  let sent: Request | undefined
  const fetchLike = (request: Request): Promise<Response> => {
    sent = request
    return Promise.resolve(new Response(null, { status: 204 }))
  }
  const routed = client(routedApi, fetchLike, 'http://[fd00:1122:3344:101::2]:4676')
  const result = await routed.config_apply({
    body: {
      bgp: {
        asn: 64512,
        router_id: '203.0.113.1',
        peers: [{ name: 'upstream', remote_address: '203.0.113.2', remote_asn: 65001, interface: 'qsfp0' }],
        originate4: ['198.51.100.0/24'],
      },
      ddm: { hostname: 'switch0', role: 'transit', interfaces: ['rear0', 'rear1'] },
      tunnel_endpoint: 'fdb0:1::1',
    },
  })
  assert.ok(result.ok)
  assert.equal(sent?.url, 'http://[fd00:1122:3344:101::2]:4676/config')
})
