import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { Files } from './files.ts'
import { MemoryFiles } from './memory-files.ts'
import { OsFiles } from './os-files.ts'

const roots: string[] = []
after(async () => {
  for (const root of roots) await rm(root, { recursive: true })
})

async function osFiles(): Promise<OsFiles> {
  const root = await mkdtemp(join(tmpdir(), 'lodestone-files-'))
  roots.push(root)
  return new OsFiles(root)
}

const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString()

for (const [name, make] of [
  ['MemoryFiles', async (): Promise<Files> => new MemoryFiles()],
  ['OsFiles', osFiles],
] as const) {
  describe(name, () => {
    test('gives back what was written, lists it, and forgets what was removed', async () => {
      const files = await make()
      assert.equal(await files.read('a/b.json'), undefined)
      await files.write('a/b.json', Buffer.from('one'))
      await files.write('a/b.json', Buffer.from('two'))
      await files.write('a/c/d', Buffer.from(''))
      assert.equal(text(await files.read('a/b.json')), 'two')
      assert.equal(text(await files.read('./a//x/../b.json')), 'two')
      assert.deepEqual(await files.list('a'), ['b.json', 'c'])
      assert.deepEqual(await files.list(''), ['a'])
      assert.deepEqual(await files.list('nowhere'), [])
      await files.remove('a/b.json')
      await files.remove('a/b.json')
      assert.deepEqual(await files.list('a/'), ['c'])
    })

    test("keeps a copy, not the caller's bytes", async () => {
      const files = await make()
      const bytes = Buffer.from('abc')
      await files.write('x', bytes)
      bytes.fill(0)
      assert.equal(text(await files.read('x')), 'abc')
      ;(await files.read('x'))!.fill(0)
      assert.equal(text(await files.read('x')), 'abc')
    })

    test('does not leave its root', async () => {
      const files = await make()
      for (const path of ['../x', 'a/../../x', '/etc/passwd', '..', 'a\0b']) {
        await assert.rejects(files.read(path), /leaves its root/, path)
        await assert.rejects(files.write(path, new Uint8Array(1)), /leaves its root/, path)
      }
      await files.write('..a', Buffer.from('fine'))
      assert.equal(text(await files.read('..a')), 'fine')
    })

    test('of writes at the same time one wins whole', async () => {
      const files = await make()
      const all = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(1000))
      await Promise.all(all.map((each) => files.write('x', Buffer.from(each))))
      assert.ok(all.includes(text(await files.read('x'))!))
      assert.deepEqual(await files.list(''), ['x'])
    })
  })
}

test('OsFiles does not list what a crash left half written', async () => {
  const files = await osFiles()
  await files.write('x', Buffer.from('x'))
  await writeFile(join(files.root, '.~9-x'), 'half')
  assert.deepEqual(await files.list(''), ['x'])
  assert.equal((await readdir(files.root)).length, 2)
})
