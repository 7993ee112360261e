import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { api, endpoint } from './endpoint.ts'
import { openApiDocument } from './openapi.ts'
import { shelfApi } from './shelf.fixture.ts'

test('describes operations, parameters, bodies and the error response', () => {
  const document = JSON.parse(JSON.stringify(openApiDocument(shelfApi)))
  assert.equal(document.openapi, '3.0.3')
  const list = document.paths['/v1/books'].get
  assert.deepEqual(list['x-dropshot-pagination'], { required: [] })
  assert.deepEqual(list.parameters[0], {
    in: 'query',
    name: 'limit',
    description: 'Maximum number of items to return',
    schema: { type: 'integer', minimum: 1, maximum: 0xffff_ffff },
  })
  assert.equal(list.responses['4XX'].$ref, '#/components/responses/Error')
  const create = document.paths['/v1/books'].post
  assert.equal(create.requestBody.content['application/json'].schema.$ref, '#/components/schemas/BookCreate')
  assert.equal(create.responses['201'].content['application/json'].schema.$ref, '#/components/schemas/Book')
  assert.deepEqual(document.components.schemas.Book, {
    type: 'object',
    properties: {
      id: { type: 'string', format: 'uuid' },
      title: { type: 'string' },
      pages: { type: 'integer', minimum: 1 },
    },
    required: ['id', 'title', 'pages'],
  })
  assert.equal(document.components.schemas.Error.description, 'Error information from a response.')
  assert.deepEqual(document.paths['/v1/books/{book}'].delete.parameters, [
    { in: 'path', name: 'book', required: true, schema: { type: 'string' } },
  ])
})

test('refuses two different schemas under one name', () => {
  const make = (schema: z.ZodType): Parameters<typeof openApiDocument>[0] =>
    api({
      title: 'T',
      version: '1',
      endpoints: [
        endpoint({
          operationId: 'a',
          method: 'POST',
          path: '/a',
          summary: 'A',
          body: z.object({ x: z.string() }).meta({ id: 'Same' }),
          response: { status: 200, schema },
        }),
      ],
    })
  assert.throws(() => openApiDocument(make(z.object({ y: z.string() }).meta({ id: 'Same' }))), /two schemas are called/)
})

test('refuses a declaration whose path and params differ, or that is declared twice', () => {
  const declare = (path: string): unknown =>
    endpoint({ operationId: 'a', method: 'GET', path, summary: 'A', response: { status: 204 } })
  assert.throws(() => declare('/a/{b}'), /path names/)
  const one = endpoint({ operationId: 'a', method: 'GET', path: '/a', summary: 'A', response: { status: 204 } })
  assert.throws(() => api({ title: 'T', version: '1', endpoints: [one, one] }), /declared twice/)
})
