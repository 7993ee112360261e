import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client, type FetchLike } from '@lodestone/api'
import { nexusApi } from './index.ts'

test('the example of the README makes the request it should', async () => {
  let seen = ''
  const record: FetchLike = (request) => {
    seen = `${request.method} ${request.url} ${request.headers.get('cookie')}`
    return Promise.resolve(Response.json({ items: [], next_page: null }))
  }
  const api = client(nexusApi, record, 'http://127.0.0.1:12220')
  const list = await api.instance_list({ query: { project: 'demo' }, headers: { cookie: 'session=x' } })
  assert.ok(list.ok)
  assert.equal(seen, 'GET http://127.0.0.1:12220/v1/instances?project=demo session=x')
})
