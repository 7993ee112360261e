import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { readInPieces } from './json-pieces.ts'

const Item = z.object({
  name: z.string().trim(),
  ports: z.array(z.int()).optional(),
  note: z.string().default('none'),
})
const Body = z
  .object({
    generation: z.int(),
    items: z.array(Item).max(400),
    sets: z.array(z.object({ of: z.string(), items: z.array(Item) })).optional(),
    free: z.unknown(),
    tags: z.record(z.string(), z.int()).optional(),
  })
  .refine((body) => body.generation >= body.items.length - 400, 'too few')

const text = fc.oneof(fc.string(), fc.constantFrom('"', '\\', '\\"', ',', ']}', '[{', '\\\\', '\u2028', 'ü'))
const item = fc.record({
  name: fc.oneof({ weight: 9, arbitrary: text }, fc.constant(' padded ')),
  ports: fc.option(fc.array(fc.integer(), { maxLength: 5 }), { nil: undefined }),
  extra: fc.option(fc.jsonValue(), { nil: undefined }),
})
const many = fc
  .array(item, { maxLength: 30 })
  .chain((few) => fc.integer({ min: 0, max: 20 }).map((times) => Array.from({ length: times }, () => few).flat()))
const body = fc.record({
  generation: fc.nat(),
  items: many,
  sets: fc.option(fc.array(fc.record({ of: text, items: many }), { maxLength: 3 }), { nil: undefined }),
  free: fc.option(fc.oneof(fc.jsonValue(), fc.constant('x'.repeat(20_000)), many), { nil: undefined }),
  tags: fc.option(fc.dictionary(text, fc.integer(), { maxKeys: 5 }), { nil: undefined }),
})
const spacing = fc.constantFrom('', ' ', 2, '\t')

test('what is read in pieces is what the whole text gives', async () => {
  let pauses = 0
  let read = 0
  await fc.assert(
    fc.asyncProperty(body, spacing, async (value, space) => {
      const json = JSON.stringify(value, undefined, space)
      const whole = Body.safeParse(JSON.parse(json))
      const pieces = await readInPieces(Body, json, async () => void pauses++)
      if (!whole.success) return assert.equal(pieces, undefined)
      if (json.includes('"__proto__"')) return
      read++
      assert.deepEqual(pieces?.value, whole.data)
    }),
    { numRuns: 150 },
  )
  assert.ok(read > 30 && pauses > read, `${read} read with ${pauses} pauses`)
})

test('whatever is cut out of a text or put into it, nothing is read that the whole would not give', async () => {
  const bases = fc.record({ generation: fc.nat(9), items: many })
  await fc.assert(
    fc.asyncProperty(bases, fc.nat(), fc.nat(40), text, async (value, at, length, other) => {
      const json = JSON.stringify(value)
      const from = at % json.length
      const bad = json.slice(0, from) + other + json.slice(from + length)
      const pieces = await readInPieces(Body, bad, async () => undefined)
      if (pieces === undefined) return
      assert.deepEqual(pieces.value, Body.parse(JSON.parse(bad)))
    }),
    { numRuns: 300 },
  )
})

test('of two members of one name the last counts, so a text with such is not read in pieces', async () => {
  const items = JSON.stringify(Array.from({ length: 400 }, () => ({ name: 'a'.repeat(40) })))
  const twice = `{"generation":9000,"free":1,"items":${items},"items":"none"}`
  assert.equal(Body.safeParse(JSON.parse(twice)).success, false)
  assert.equal(await readInPieces(Body, twice, async () => undefined), undefined)
})
