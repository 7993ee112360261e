import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Kysely, sql } from 'kysely'
import { TEST_ARCHIVES } from '../archives.fixture.ts'
import { openEmbeddedDatabase } from './embedded-database.ts'
import { EmbeddedDialect } from './embedded-dialect.ts'
import { isUniqueViolation } from './store.ts'

interface Tables {
  thing: {
    id: number
    name: string | null
    at: Date | null
    body: unknown
    big: number | bigint | null
    flag: boolean | null
    bytes: Uint8Array | null
  }
}

let db: Kysely<Tables>
const none = { at: null, body: null, big: null, flag: null, bytes: null }

before(async () => {
  db = new Kysely<Tables>({ dialect: new EmbeddedDialect(await openEmbeddedDatabase({ archives: TEST_ARCHIVES })) })
  await sql`create table thing (id int primary key, name text, at timestamptz, body jsonb, big bigint, flag boolean,
    bytes bytea)`.execute(db)
})
after(() => db.destroy())

test('values of every type in use come back as they went in, and null stays null', async () => {
  const full = {
    id: 1,
    name: 'naïve „Größe“ 💾',
    at: new Date('2026-11-23T01:02:03.045Z'),
    body: { a: [1, 'x', null] },
    big: 2 ** 50,
    flag: false,
    bytes: new Uint8Array([0, 1, 255]),
  }
  await db
    .insertInto('thing')
    .values({ ...full, body: JSON.stringify(full.body) })
    .execute()
  await db
    .insertInto('thing')
    .values({ id: 2, name: '', ...none })
    .execute()
  assert.deepEqual(await db.selectFrom('thing').selectAll().orderBy('id').execute(), [
    full,
    { id: 2, name: '', ...none },
  ])
})

test('a statement says how many rows it changed, and one that selects changes none', async () => {
  const changed = await db.updateTable('thing').set({ flag: true }).executeTakeFirst()
  assert.equal(changed.numUpdatedRows, 2n)
  const removed = await db.deleteFrom('thing').where('id', '=', 77).executeTakeFirst()
  assert.equal(removed.numDeletedRows, 0n)
  assert.equal((await sql`select 1 as one`.execute(db)).numAffectedRows, undefined)
})

test('a refused statement says why, and the next one works', async () => {
  const clash = db.insertInto('thing').values({ id: 1, name: 'again', ...none })
  await assert.rejects(clash.execute(), (error) => isUniqueViolation(error) && /duplicate key/.test(String(error)))
  await assert.rejects(sql`select nonsense`.execute(db), /column "nonsense" does not exist/)
  assert.equal((await db.selectFrom('thing').select('id').execute()).length, 2)
})

test('a transaction is whole or not there, also when it ends before it has begun', async () => {
  await db.transaction().execute(() => Promise.resolve())
  const failed = db.transaction().execute(async (tx) => {
    await tx
      .insertInto('thing')
      .values({ id: 3, name: null, ...none })
      .execute()
    throw new Error('changed my mind')
  })
  await assert.rejects(failed, /changed my mind/)
  assert.equal(await db.selectFrom('thing').select('id').where('id', '=', 3).executeTakeFirst(), undefined)
  const swallowed = db.transaction().execute(async (tx) => {
    await tx
      .insertInto('thing')
      .values({ id: 4, name: null, ...none })
      .execute()
    await assert.rejects(
      tx
        .insertInto('thing')
        .values({ id: 4, name: null, ...none })
        .execute(),
    )
  })
  await assert.rejects(swallowed, /failed before it was to be committed/)
  await db.transaction().execute((tx) =>
    tx
      .insertInto('thing')
      .values({ id: 5, name: null, ...none })
      .execute(),
  )
  assert.deepEqual(await db.selectFrom('thing').select('id').orderBy('id').execute(), [{ id: 1 }, { id: 2 }, { id: 5 }])
})

test('while a transaction is open, nobody else writes into it', async () => {
  const other: Promise<unknown>[] = []
  const failed = db.transaction().execute(async (tx) => {
    await tx.selectFrom('thing').select('id').execute()
    other.push(
      db
        .insertInto('thing')
        .values({ id: 6, name: 'mine', ...none })
        .execute(),
    )
    await tx.updateTable('thing').set({ name: 'theirs' }).execute()
    throw new Error('rolled back')
  })
  await assert.rejects(failed, /rolled back/)
  await Promise.all(other)
  const rows = await db.selectFrom('thing').select('name').where('name', 'in', ['mine', 'theirs']).execute()
  assert.deepEqual(rows, [{ name: 'mine' }])
})

test('more texts than are kept prepared all work, and those that were dropped work again', async () => {
  const ask = async (n: number): Promise<void> => {
    const { rows } = await sql<{ n: number }>`select ${sql.raw(String(n))}::int as n`.execute(db)
    assert.equal(rows[0]?.n, n)
  }
  for (let n = 0; n < 450; n++) await ask(n)
  for (const n of [0, 449, 1]) await ask(n)
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from pg_prepared_statements`.execute(db)
  assert.ok(rows[0]!.count <= 400, `${rows[0]!.count} are kept`)
})
