import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { openApiText } from '@lodestone/api'
import { dnsApi } from './index.ts'

const golden = new URL('../openapi.json', import.meta.url)

test('openapi.json is what the declaration says (UPDATE_GOLDEN=1 rewrites it)', () => {
  const text = openApiText(dnsApi)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(golden, text)
  assert.equal(readFileSync(golden, 'utf8'), text)
})
