/** docs/engine-traps.md names the test that holds each trap down: those tests are there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '../../../..')
const ROW = /^\| (.*?) ?\| (\S+\.test\.ts) \| (.+) \|$/

test('every test that the list of traps names is there, under that title', () => {
  const rows = readFileSync(join(ROOT, 'docs/engine-traps.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (trap|what) \|/.test(line))
  assert.ok(rows.length > 40)
  const missing = rows.filter((line) => {
    const [, , file, title] = ROW.exec(line) ?? []
    if (file === undefined || title === undefined) return true
    // Titles that follow a colon of a template, or are cut, stand in the file all the same.
    return !readFileSync(join(ROOT, 'packages', file), 'utf8').includes(title)
  })
  assert.deepEqual(missing, [])
})
