import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { makeFolder, writeOutput } from './output-file.ts'

describe('what a command writes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lode-output-'))
  after(() => rmSync(folder, { recursive: true }))

  test('goes into folders that are made one after the other, once more if they are there', () => {
    const file = join(folder, 'a/b/c.txt')
    for (const text of ['one', 'two']) {
      assert.equal(writeOutput(file, text), undefined)
      assert.equal(readFileSync(file, 'utf8'), text)
    }
    assert.equal(makeFolder(join(folder, 'a')), undefined)
  })

  test('is refused with the file that is in the way', () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    assert.equal(makeFolder(file), `cannot write ${file}: ${file} is not a folder`)
    assert.equal(writeOutput(join(file, 'sub/x'), ''), `cannot write ${join(file, 'sub/x')}: ${file} is not a folder`)
    assert.match(writeOutput(folder, '') ?? '', /EISDIR/)
  })

  test(
    'is refused where folders cannot be made, and does not wait for ever',
    { skip: process.platform !== 'linux' },
    () => {
      assert.match(makeFolder('/proc/lode-output/x') ?? '', /^cannot write \/proc\/lode-output\/x: ENOENT/)
    },
  )
})
