import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { generate } from '../tools/generate.ts'
import * as generated from './generated/index.ts'
import * as packet from './index.ts'

test('generating again from the header table changes nothing', async () => {
  const folder = new URL('./generated/', import.meta.url)
  const files = await generate()
  assert.deepEqual(readdirSync(folder).toSorted(), [...files.keys()].toSorted())
  for (const [name, source] of files) {
    assert.equal(readFileSync(new URL(name, folder), 'utf8'), source, `${name}: run node tools/generate.ts`)
  }
})

test('no hand-written export hides a generated one', () => {
  for (const name of Object.keys(generated)) {
    // Because both are module namespaces.
    assert.equal((packet as Record<string, unknown>)[name], (generated as Record<string, unknown>)[name], name)
  }
})
