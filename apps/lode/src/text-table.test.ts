import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textTable } from './text-table.ts'

test('columns align, numbers to the right, and no line ends in spaces', () => {
  const text = textTable(
    ['name', 'hits', 'note'],
    [
      ['lookup_v4', '7', 'long'],
      ['arp', '1234', ''],
    ],
  )
  assert.deepEqual(text.split('\n'), ['NAME       HITS  NOTE', 'lookup_v4     7  long', 'arp        1234'])
})

test('a column that is not all numbers stays on the left, and a table may be empty', () => {
  assert.equal(textTable(['a'], [['10'], ['x']]), 'A\n10\nx')
  assert.equal(textTable(['table', 'entries'], []), 'TABLE  ENTRIES')
})

test('a row that is too short leaves its last cells empty', () => {
  assert.equal(textTable(['a', 'b'], [['1']]), 'A  B\n1')
})
