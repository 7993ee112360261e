/**
 * The store that tests run on: embedded, or on the PostgreSQL server that `LODE_TEST_POSTGRES` names (a URL of its
 * maintenance database), where each test file gets a database of its own.
 */
import process from 'node:process'
import type { VirtualClock } from '@lodestone/host'
import pg from 'pg'
import { TEST_ARCHIVES } from './archives.fixture.ts'
import { postgresPool } from './store/postgres-pool.ts'
import { Store } from './store/store.ts'

export interface TestStore {
  readonly store: Store
  close(): Promise<void>
}

/** @param clock of whoever uses it: virtual time stands while the server has something to do. The embedded store never waits for anything. */
export async function openTestStore(clock: VirtualClock): Promise<TestStore> {
  const server = process.env['LODE_TEST_POSTGRES']
  if (server === undefined || server === '') {
    const store = await Store.open({ archives: TEST_ARCHIVES })
    // Time passes in the same turns of the loop as with a server.
    const unwatch = clock.waitAlsoFor(() => true)
    return {
      store,
      close() {
        unwatch()
        return store.close()
      },
    }
  }
  const name = `lode_test_${process.pid}_${process.hrtime.bigint()}`
  await administer(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const pool = postgresPool(url.href)
  const store = await Store.connect(pool)
  const unwatch = clock.waitAlsoFor(
    () => pool.idleCount === pool.totalCount && pool.waitingCount === 0 && store.changes.isQuiet(),
  )
  return {
    store,
    async close() {
      unwatch()
      await store.close()
      await administer(server, `drop database ${name} with (force)`)
    },
  }
}

/** Of a statement that found somebody on the database: a session that has ended takes until its process has gone. */
const IN_USE = '55006'
const ATTEMPTS = 12

async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    for (let left = ATTEMPTS; left > 0; left--) {
      try {
        await client.query(statement)
        return
      } catch (error) {
        // The server itself has waited five seconds by then.
        if (left === 1 || !(error instanceof pg.DatabaseError && error.code === IN_USE)) throw error
      }
    }
  } finally {
    await client.end() // an open connection would keep the process
  }
}
