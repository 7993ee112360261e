import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAnswer, readRow } from './wire.ts'

/** As the embedded database sent it for `select 7 as n, null as "größe"`: parsed, described, bound, executed. */
const SELECT = Buffer.from(
  '310000000474000000060000' +
    '5400000034' +
    '0002' +
    '6e00000000000000000000170004ffffffff0000' +
    '6772c3b6c39f650000000000000000000019ffffffffffff0000' +
    '3200000004' +
    '440000000f00020000000137ffffffff' +
    '430000000d53454c454354203100' +
    '5a0000000549',
  'hex',
)
const ERROR = Buffer.from(
  `45${(4 + 37).toString(16).padStart(8, '0')}${Buffer.from('SERROR\0C23505\0Mduplicate\0Dé\0nthing_pk\0\0').toString('hex')}5a0000000549`,
  'hex',
)

test('a description, a row with a null, and the command tag', () => {
  const answer = readAnswer(SELECT)
  assert.deepEqual(answer.columns, [
    { name: 'n', type: 23 },
    { name: 'größe', type: 25 },
  ])
  assert.equal(answer.tag, 'SELECT 1')
  assert.equal(answer.error, undefined)
  const names = answer.columns.map(({ name }) => name)
  assert.deepEqual(readRow(answer.bytes, answer.rows[0]!, names, [Number, String]), { n: 7, größe: null })
})

test('an error has its SQLSTATE and what it is about', () => {
  const { error } = readAnswer(ERROR)
  assert.deepEqual(
    [error?.code, error?.message, error?.detail, error?.constraint],
    ['23505', 'duplicate', 'é', 'thing_pk'],
  )
})
