import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noPlaces, takeRecord } from './flow-memo.ts'
import { MEMO, type TableLayout } from './layout.ts'

/** Of a table's layout only the number of words counts here. */
const table = (words: number, rangeWords = 0): TableLayout => ({ words, rangeWords }) as TableLayout

test('a record that is written forgets those of other branches, which may lie over it, and keeps those in front of it', () => {
  const places = { ...noPlaces(), isOpen: true }
  const first = takeRecord(places, table(1))!
  const { end, before } = places
  const left = [takeRecord(places, table(1))!, takeRecord(places, table(1))!]
  Object.assign(places, { end, before })
  const right = takeRecord(places, table(3))!
  assert.ok(left[1]!.offset < right.offset + MEMO.words + 24, 'the branches share bytes')
  assert.equal(right.before, first.bit)
  assert.equal(left[0]!.before, first.bit)
  assert.equal(left[1]!.before, first.bit | left[0]!.bit)
  assert.equal(new Set([first, ...left, right].map(({ bit }) => bit)).size, 4)
})

test('a line has no more records than bytes for them, and none before a parser has named it', () => {
  const places = noPlaces()
  assert.equal(takeRecord(places, table(1)), undefined)
  places.isOpen = true
  let taken = 0
  for (let end = 0; takeRecord(places, table(1, 1)) !== undefined; taken++) {
    assert.ok(places.end > end && places.end <= MEMO.lineBytes)
    end = places.end
  }
  assert.equal(taken, Math.floor((MEMO.lineBytes - MEMO.records) / (MEMO.words + 16)))
})
