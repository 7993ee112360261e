import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { openApiText } from '@lodestone/api'
import { spApi, spLabApi } from './index.ts'

const golden = new URL('../openapi.json', import.meta.url)
const labGolden = new URL('../openapi-lab.json', import.meta.url)

for (const [file, api] of [
  [golden, spApi],
  [labGolden, spLabApi],
] as const) {
  const name = file.pathname.split('/').at(-1)
  test(`${name} is what the declaration says (UPDATE_GOLDEN=1 rewrites it)`, () => {
    const text = openApiText(api)
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text)
    assert.equal(readFileSync(file, 'utf8'), text)
  })
}
