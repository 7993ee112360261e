/** The files that tests read. The only place under test support that touches the file system, hence its name. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { ReadFile } from '../source/render.ts'

/** Architecture files of the repository. */
export const INCLUDE: string = fileURLToPath(new URL('../../../../../p4/include', import.meta.url))
export const TESTDATA: string = fileURLToPath(new URL('../../testdata', import.meta.url))

export const readFile: ReadFile = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

test('the architecture files are where programs include them from', () => {
  for (const name of ['core.p4', 'softnpu.p4', 'v1model.p4'])
    assert.ok(readFile(`${INCLUDE}/${name}`) !== undefined, name)
})
