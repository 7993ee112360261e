import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { api, client, endpoint, implement } from './index.ts'

test('the example of the README works', async () => {
  const echoApi = api({
    title: 'Echo',
    version: '1.0.0',
    endpoints: [
      endpoint({
        operationId: 'echo',
        method: 'PUT',
        path: '/v1/echo/{name}',
        summary: 'Say it back',
        params: z.object({ name: z.string() }),
        body: z.object({ count: z.int().min(1) }),
        response: { status: 200, schema: z.object({ text: z.string() }) },
      }),
    ],
  })

  const handler = implement(echoApi, {
    echo: ({ params, body }) => ({ text: `${params.name} `.repeat(body.count) }),
  })

  const echo = client(echoApi, handler, 'http://echo')
  const result = await echo.echo({ params: { name: 'hi' }, body: { count: 2 } })
  assert.ok(result.ok)
  assert.equal(result.value.text, 'hi hi ')
})
