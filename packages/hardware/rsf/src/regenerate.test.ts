import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { generateExamples } from '../tools/generate.ts'
import { formatSource } from './format.ts'

const examples = new URL('../examples/', import.meta.url)

test('generating the example again changes nothing', async () => {
  const files = await generateExamples()
  const folder = new URL('generated/', examples)
  assert.deepEqual(readdirSync(folder).toSorted(), [...files.keys()].toSorted())
  for (const [name, text] of files) {
    assert.equal(readFileSync(new URL(name, folder), 'utf8'), text, `${name}: run node tools/generate.ts`)
  }
})

test('the example specifications are in the canonical layout', () => {
  for (const name of ['sequencer.rsf', 'units.rsf']) {
    const text = readFileSync(new URL(name, examples), 'utf8')
    assert.equal(formatSource(name, text).text, text)
  }
})
