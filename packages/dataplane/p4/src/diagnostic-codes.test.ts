/** The list of codes for users holds exactly those that the compiler has, and a test fires nearly each of them. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const SOURCE = import.meta.dirname
const PAGE = join(SOURCE, '../../../../docs/p4-diagnostics.md')

/** Codes that no program is known to reach, and why. */
const UNREACHED: ReadonlyMap<string, string> = new Map([
  ['P4C9001', 'the parser refuses what would exhaust the stack'],
  ['P4C6003', 'the checker refuses it first'],
  ['P4C6032', 'no program that shares so much is known'],
])

function codesIn(isTest: boolean): Set<string> {
  const codes = new Set<string>()
  for (const name of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts') !== isTest || name.includes('diagnostic-codes')) continue
    for (const [code] of readFileSync(join(SOURCE, name), 'utf8').matchAll(/P4C\d{4}/g)) codes.add(code)
  }
  return codes
}

test('every code of the source is on the page, and the other way round', () => {
  const page = new Set([...readFileSync(PAGE, 'utf8').matchAll(/^\| (P4C\d{4}) \|/gm)].map((match) => match[1] ?? ''))
  assert.deepEqual([...page].sort(), [...codesIn(false)].sort())
})

test('every code of the front end is fired by some test', () => {
  const tested = codesIn(true)
  const missing = [...codesIn(false)].filter(
    (code) => !tested.has(code) && !UNREACHED.has(code) && !code.startsWith('P4C6'),
  )
  assert.deepEqual(missing, [])
})
