/**
 * The store that tests run on: embedded, or on the PostgreSQL server that `LODE_TEST_POSTGRES` names (a URL of its
 * maintenance database), where each test file gets a database of its own.
 */
import process from 'node:process'
import pg from 'pg'
import { TEST_ARCHIVES } from './archives.fixture.ts'
import { postgresPool } from './store/postgres-pool.ts'
import { Store } from './store/store.ts'

export interface TestStore {
  readonly store: Store
  /** Whether no query is under way. The embedded store never waits for anything. */
  isQuiet(): boolean
  close(): Promise<void>
}

export async function openTestStore(): Promise<TestStore> {
  const server = process.env['LODE_TEST_POSTGRES']
  if (server === undefined || server === '') {
    const store = await Store.open({ archives: TEST_ARCHIVES })
    return { store, isQuiet: () => true, close: () => store.close() }
  }
  const name = `lode_test_${process.pid}_${process.hrtime.bigint()}`
  await administer(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const pool = postgresPool(url.href)
  const store = await Store.connect(pool)
  return {
    store,
    isQuiet: () => pool.idleCount === pool.totalCount && pool.waitingCount === 0,
    async close() {
      await store.close()
      await administer(server, `drop database ${name}`)
    },
  }
}

async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(statement)
  await client.end()
}
