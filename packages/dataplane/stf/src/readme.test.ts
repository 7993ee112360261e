import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sideBySide, testProgram } from './index.ts'

const programPath = join(import.meta.dirname, '../testdata/router.p4')
const includePaths = [join(import.meta.dirname, '../../../../p4/include')]
const readFile = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // the compiler tries folders one after the other
  }
}

test('the example of the README', () => {
  const stf = [
    'add routes ip.dst:0x0a000000/8 forward(port:3)',
    'packet 0 0a000001 40 11',
    'expect 3 0a000001 40',
  ].join('\n')
  const outcome = testProgram({ programPath, stf, readFile, includePaths })
  if (outcome.kind !== 'ran') throw new Error(outcome.kind)

  const [failure] = outcome.result.failures
  assert.equal(failure?.message, 'packet 1 on port 3: the packet differs in byte 4')
  assert.deepEqual(sideBySide(failure.expected ?? '', failure.actual ?? ''), [
    '> 0000  0a00 0001 40                              0a00 0001 3f11',
  ])
})
