import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { codeSections, dropCodesPage } from './drop-codes.ts'

const PAGE = join(import.meta.dirname, '../../../../../docs/drop-codes.md')

test('docs/drop-codes.md explains every code (UPDATE_GOLDEN=1 rewrites it)', () => {
  const text = dropCodesPage()
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, text)
  assert.equal(readFileSync(PAGE, 'utf8'), text)
})

test('a code means one thing, and is told in a sentence', () => {
  const all = codeSections().flatMap(({ reasons }) => reasons)
  assert.equal(new Set(all.map(({ code }) => code)).size, all.length)
  for (const { code, sentence } of all) {
    assert.match(code, /^[A-Z0-9]+(_[A-Z0-9]+)*$/)
    assert.match(sentence, /^[A-Z].*\.$/, code)
  }
})
