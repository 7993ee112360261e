import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, type FetchLike } from '@lodestone/api'
import { sledAgentApi } from './index.ts'

test('the example of the README makes the request it should', async () => {
  const seen: { path: string; body: unknown }[] = []
  const record: FetchLike = async (request) => {
    seen.push({ path: new URL(request.url).pathname, body: await request.json() })
    return Response.json({ generation: 7 })
  }
  const sled = client(sledAgentApi, record, 'http://[fd00:1122:3344:101::1]:12345')
  const result = await sled.v2p_set({ body: { generation: 7, mappings: [] } })
  assert.ok(result.ok)
  assert.deepEqual(seen, [{ path: '/v2p', body: { generation: 7, mappings: [] } }])
})
