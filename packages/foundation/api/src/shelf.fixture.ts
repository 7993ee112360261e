/** A small API with one endpoint of every kind, for the tests of this package. */
import { z } from 'zod'
import { api, endpoint } from './endpoint.ts'
import { NDJSON } from './ndjson.ts'
import { pageFields, pageOf } from './pagination.ts'

export const Book = z.object({ id: z.uuid(), title: z.string(), pages: z.int().min(1) }).meta({ id: 'Book' })
export const BookCreate = z
  .object({
    title: z.string().min(1),
    pages: z.int().min(1),
    cover: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('hard') }),
        z.object({ kind: z.literal('soft'), grams: z.number() }),
      ])
      .optional(),
    tags: z.array(z.object({ name: z.string() })).default([]),
  })
  .meta({ id: 'BookCreate' })

export const shelfApi = api({
  title: 'Shelf',
  version: '1.0.0',
  endpoints: [
    endpoint({
      operationId: 'book_list',
      method: 'GET',
      path: '/v1/books',
      summary: 'List books',
      query: z.object({ ...pageFields, is_lent: z.boolean().optional(), shelf: z.array(z.int()).optional() }),
      response: { status: 200, schema: pageOf(Book) },
      paginated: true,
    }),
    endpoint({
      operationId: 'book_create',
      method: 'POST',
      path: '/v1/books',
      tags: ['books'],
      summary: 'Create a book',
      body: BookCreate,
      response: { status: 201, schema: Book },
    }),
    endpoint({
      operationId: 'book_view',
      method: 'GET',
      path: '/v1/books/{book}',
      summary: 'View a book',
      params: z.object({ book: z.string() }),
      response: { status: 200, schema: Book },
    }),
    endpoint({
      operationId: 'book_delete',
      method: 'DELETE',
      path: '/v1/books/{book}',
      summary: 'Delete a book',
      params: z.object({ book: z.string() }),
      response: { status: 204 },
    }),
    endpoint({
      operationId: 'book_newest',
      method: 'GET',
      path: '/v1/books/newest',
      summary: 'View the newest book',
      response: { status: 200, schema: Book },
    }),
    endpoint({
      operationId: 'token',
      method: 'POST',
      path: '/token',
      summary: 'Get a token',
      body: z.object({ grant_type: z.string(), ttl: z.int().optional() }),
      bodyEncoding: 'form',
      response: { status: 200, schema: z.object({ token: z.string() }) },
    }),
    endpoint({
      operationId: 'watch',
      method: 'GET',
      path: '/watch',
      summary: 'Watch events',
      query: z.object({ count: z.int() }),
      response: { status: 200, stream: NDJSON },
    }),
  ],
})
