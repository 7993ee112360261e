import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, type FetchLike } from '@lodestone/api'
import { testbedApi } from './index.ts'

test('the example of the README makes the request it should', async () => {
  const seen: { path: string; body: unknown }[] = []
  const record: FetchLike = async (request) => {
    seen.push({ path: new URL(request.url).pathname, body: await request.json() })
    return Response.json({
      name: 'switch0-sled1',
      a: 'switch0/rear1',
      b: 'sled1/net0',
      up: false,
      delay_ms: 0,
      rate_bps: 0,
      loss: 0,
      frames: 0,
      bytes: 0,
      lost: 0,
    })
  }
  const rack = client(testbedApi, record, 'http://127.0.0.1:12300')
  const result = await rack.link_set({ params: { name: 'switch0-sled1' }, body: { up: false } })
  assert.ok(result.ok)
  assert.deepEqual(seen, [{ path: '/links/switch0-sled1', body: { up: false } }])
})
