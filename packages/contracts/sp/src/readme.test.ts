import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, type FetchLike } from '@lodestone/api'
import { spApi } from './index.ts'

test('the example of the README makes the requests it should', async () => {
  const seen: { path: string; body: unknown }[] = []
  const record: FetchLike = async (request) => {
    seen.push({
      path: `${request.method} ${new URL(request.url).pathname}`,
      body: request.body === null ? null : await request.json(),
    })
    return request.url.includes('ignition') ? new Response(null, { status: 204 }) : Response.json({ changed: true })
  }
  const gateway = client(spApi, record, 'http://rack')
  const result = await gateway.sp_power_state_set({ params: { type: 'sled', slot: 3 }, body: 'A2' })
  await gateway.ignition_command({ params: { type: 'sled', slot: 3, command: 'power-on' } })
  assert.ok(result.ok)
  assert.deepEqual(result.value, { changed: true })
  assert.deepEqual(seen, [
    { path: 'POST /sp/sled/3/power-state', body: 'A2' },
    { path: 'POST /ignition/sled/3/power-on', body: null },
  ])
})
