/**
 * The store, through kysely: an embedded PostgreSQL (PGlite) on a data directory or in memory, or any server that speaks
 * PostgreSQL's protocol. Desired state lives here and nowhere else. SQL is written in this folder only, and no statement
 * asks the database for the time or an id.
 *
 * A transaction that has committed on a data directory or a server survives the death of the process. Transactions are
 * serializable: what they read is what holds when they commit, whoever else writes.
 */
import { PGlite } from '@electric-sql/pglite'
import { Kysely, PGliteDialect, PostgresDialect, type Transaction } from 'kysely'
import { Migrator } from 'kysely/migration'
import type pg from 'pg'
import { type ChangeChannel, ProcessChanges, ServerChanges } from './change-channel.ts'
import { releaseAllLeases } from './lease.ts'
import { NexusMigrations } from './migrations.ts'
import type { Database } from './schema.ts'

/** The database, or a transaction on it. */
export type Db = Kysely<Database>

/** SQLSTATE of a serialization failure and of a deadlock: the transaction may simply be run again. */
const RETRY = new Set(['40001', '40P01'])
const UNIQUE_VIOLATION = '23505'
const MAX_ATTEMPTS = 20
const RUN_AGAIN = Symbol('the transaction has to be run again')

export class Store {
  readonly db: Db
  /** Of this process and, on a server, of others: told when a control plane has changed desired state. */
  readonly changes: ChangeChannel
  /** Resolves when nothing is being run again. */
  #again: Promise<void> = Promise.resolve()

  private constructor(db: Db, changes: ChangeChannel) {
    this.db = db
    this.changes = changes
  }

  /** @param directory created when it does not exist; absent: in memory. */
  static async open(directory?: string): Promise<Store> {
    const pglite = await PGlite.create(directory === undefined ? {} : { dataDir: directory })
    const store = await Store.over(new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) }))
    await releaseAllLeases(store.db)
    return store
  }

  /** Over the connections to a server, which are the store's from then on. */
  static connect(pool: pg.Pool): Promise<Store> {
    return Store.over(new Kysely<Database>({ dialect: new PostgresDialect({ pool }) }), () => ServerChanges.open(pool))
  }

  /** Brings the schema of any database up to date. */
  static async over(
    db: Db,
    channel: () => ChangeChannel | Promise<ChangeChannel> = () => new ProcessChanges(),
  ): Promise<Store> {
    const migrator = new Migrator({ db, provider: new NexusMigrations(), disableTransactions: true })
    const { error } = await migrator.migrateToLatest()
    if (error !== undefined) {
      throw new Error(`its schema could not be brought up to date: ${reasonOf(error)}`, { cause: error })
    }
    return new Store(db, await channel())
  }

  /** Runs `body` in a transaction; what it throws rolls everything back. */
  async transaction<T>(body: (tx: Transaction<Database>) => Promise<T>): Promise<T> {
    const first = await this.#attempt(body)
    if (first !== RUN_AGAIN) return first
    // What collided is run again one at a time: a hundred at once would go on colliding until some have no attempts left.
    const before = this.#again
    let done = (): void => {}
    this.#again = new Promise((resolve) => (done = resolve))
    await before
    try {
      for (let attempt = 2; ; attempt++) {
        const result = await this.#attempt(body, attempt === MAX_ATTEMPTS)
        if (result !== RUN_AGAIN) return result
      }
    } finally {
      done()
    }
  }

  async #attempt<T>(body: (tx: Transaction<Database>) => Promise<T>, isLast = false): Promise<T | typeof RUN_AGAIN> {
    try {
      return await this.db.transaction().setIsolationLevel('serializable').execute(body)
    } catch (error) {
      if (isLast || !RETRY.has(sqlState(error) ?? '')) throw error
      return RUN_AGAIN
    }
  }

  async close(): Promise<void> {
    await this.changes.close()
    await this.db.destroy()
  }
}

/** A refused connection is an error without a text of its own, made of one for each address that was tried. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === UNIQUE_VIOLATION
}

function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
