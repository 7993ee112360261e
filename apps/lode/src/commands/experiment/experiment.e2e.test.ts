/** The command as a process: worker threads, exit status, files. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { lode, temporaryDirectory } from '../../lode-process.fixture.ts'

const WORDS = ['experiment', 'ddm', '--quick', '--case', 'half-speed', '--flows', '100', '--seeds', '1..2']

test('prints a table and the goals, writes charts, and says the same the next time', async (t) => {
  const plots = await temporaryDirectory(t)
  const first = await lode([...WORDS, '--plots', plots])
  assert.equal(first.status, 0, first.stderr)
  assert.match(first.stdout, /web-search, half-speed, load 60 %, 2 seeds\nPOLICY +MEAN MS/)
  assert.match(first.stdout, /\nDDM .*\n/)
  assert.match(first.stdout, /G2 +half-speed/)
  assert.deepEqual(readdirSync(plots), ['web-search-half-speed.svg'])
  assert.match(readFileSync(`${plots}/web-search-half-speed.svg`, 'utf8'), /^<svg .*<\/svg>\n$/)
  const again = await lode(WORDS)
  assert.equal(again.stdout, first.stdout)
})

test('a wrong word is a usage error', async () => {
  const result = await lode(['experiment', 'ddm', '--policy', 'conga'])
  assert.equal(result.status, 2)
  assert.match(result.stderr, /--policy takes ecmp/)
})
