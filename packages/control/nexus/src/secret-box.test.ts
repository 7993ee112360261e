import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryFiles, SeededRandom } from '@lodestone/host'
import { isSealed, SecretBox, SECRETS_KEY_FILE, UNSEALED } from './secret-box.ts'

const box = new SecretBox(new Uint8Array(32).fill(7), new SeededRandom(1))
const other = new SecretBox(new Uint8Array(32).fill(8), new SeededRandom(1))

test('what was sealed opens with its key, at its place, and nowhere else', () => {
  for (const text of ['', 'secret', 'ä'.repeat(5000)]) {
    const sealed = box.seal(text, 'certificate 1')
    assert.ok(isSealed(sealed))
    assert.ok(text === '' || !sealed.includes(text))
    assert.equal(box.open(sealed, 'certificate 1'), text)
    assert.throws(() => box.open(sealed, 'certificate 2'), /certificate 2 was not sealed with this key/)
    assert.throws(() => other.open(sealed, 'certificate 1'), /was not sealed with this key/)
    assert.throws(() => UNSEALED.open(sealed, 'certificate 1'), /there is no key/)
  }
})

test('a bit that is changed anywhere is noticed, and so is a text that is cut', () => {
  const sealed = Buffer.from(box.seal('secret', 'p').slice('sealed:1:'.length), 'base64')
  for (let i = 0; i < sealed.length; i++) {
    const changed = Buffer.from(sealed)
    changed[i]! ^= 1
    assert.throws(() => box.open(`sealed:1:${changed.toString('base64')}`, 'p'), /not sealed with this key/)
    assert.throws(
      () => box.open(`sealed:1:${sealed.subarray(0, i).toString('base64')}`, 'p'),
      /not sealed with this key/,
    )
  }
})

test('two of the same text are not alike, and a text that is not sealed is what it says', () => {
  assert.notEqual(box.seal('secret', 'p'), box.seal('secret', 'p'))
  assert.equal(box.open('clear', 'p'), 'clear')
  assert.equal(UNSEALED.open(UNSEALED.seal('clear', 'p'), 'p'), 'clear')
})

test('a key is made once; a file that is none is refused and left alone', async () => {
  const files = new MemoryFiles()
  const first = await SecretBox.open(files, new SeededRandom(3))
  const second = await SecretBox.open(files, new SeededRandom(4))
  assert.equal(second.open(first.seal('secret', 'p'), 'p'), 'secret')
  assert.equal(first.fingerprint, second.fingerprint)
  assert.notEqual(first.fingerprint, box.fingerprint)
  await files.write(SECRETS_KEY_FILE, Buffer.from('not a key'))
  await assert.rejects(SecretBox.open(files, new SeededRandom(5)), /secrets\.key is no key/)
  assert.equal(Buffer.from((await files.read(SECRETS_KEY_FILE))!).toString(), 'not a key')
})
