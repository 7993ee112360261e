import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Files, MemoryFiles, OsFiles } from '@lodestone/host'
import { TEST_ARCHIVES } from '../archives.fixture.ts'
import { ENGINE_VERSION, ensureArchive, openEmbeddedDatabase } from './embedded-database.ts'
import { Store } from './store.ts'

/** Counts what is asked of it. */
class WatchedFiles implements Files {
  readonly inner: Files
  writes = 0
  constructor(inner: Files) {
    this.inner = inner
  }
  read(path: string): Promise<Uint8Array | undefined> {
    return this.inner.read(path)
  }
  write(path: string, content: Uint8Array): Promise<void> {
    this.writes++
    return this.inner.write(path, content)
  }
  remove(path: string): Promise<void> {
    return this.inner.remove(path)
  }
  list(path: string): Promise<readonly string[]> {
    return this.inner.list(path)
  }
}

test('the version in the name of an archive is that of the engine', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  assert.equal(manifest.dependencies['@electric-sql/pglite'], ENGINE_VERSION)
})

describe('an archive of an empty database', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lodestone-archive-'))
  after(() => rmSync(directory, { recursive: true, force: true }))
  const cache = TEST_ARCHIVES[0]!
  let name = ''

  before(async () => {
    // Made by whichever test comes first.
    await ensureArchive(cache)
    name = (await cache.list(''))[0]!
  })

  test('is the schema and nothing else, in memory and on a directory', async () => {
    for (const where of [{}, { directory: join(directory, 'new') }]) {
      const files = new WatchedFiles(cache)
      const store = await Store.open({ ...where, archives: [files] })
      assert.deepEqual(await store.db.selectFrom('silo').selectAll().execute(), [])
      await store.db
        .insertInto('fleet_setting')
        .values({ name: 'mark', value: '{}', time_created: new Date(0), time_modified: new Date(0) })
        .execute()
      await store.close()
      assert.equal(files.writes, 0, 'it was used, not made')
    }
    const again = await Store.open({ directory: join(directory, 'new'), archives: TEST_ARCHIVES })
    assert.equal((await again.db.selectFrom('fleet_setting').selectAll().execute()).length, 1, 'what was there stays')
    await again.close()
  })

  test('that is not whole is made anew, and one of another version goes', async () => {
    const files = new WatchedFiles(new MemoryFiles())
    const whole = (await cache.read(name))!
    const broken = whole.slice()
    broken[broken.length >> 1]! ^= 1
    await files.inner.write(name, broken)
    await files.inner.write('database-0.0.1-0123456789abcdef', whole)
    const pglite = await openEmbeddedDatabase({ archives: [files] })
    assert.equal(files.writes, 1)
    assert.deepEqual(await files.list(''), [name])
    assert.deepEqual((await pglite.query('select count(*)::int as silos from silo')).rows, [{ silos: 0 }])
    await pglite.close()
    for (const length of [0, 31, 32, whole.length - 1]) {
      const cut = new MemoryFiles()
      await cut.write(name, whole.subarray(0, length))
      const next = new WatchedFiles(files)
      await (await openEmbeddedDatabase({ archives: [cut, next] })).close()
      assert.equal(next.writes, 0, `of ${length} bytes is passed over for the next place`)
    }
  })

  test('that cannot be read is passed over', async () => {
    await new OsFiles(directory).write('file', new Uint8Array(1))
    const next = new WatchedFiles(cache)
    await (await openEmbeddedDatabase({ archives: [new OsFiles(join(directory, 'file')), next] })).close()
    assert.equal(next.writes, 0)
  })
})
