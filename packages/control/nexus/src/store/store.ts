/**
 * The store, through kysely: an embedded PostgreSQL (PGlite) on a data directory or in memory, or any server that speaks
 * PostgreSQL's protocol. Desired state lives here and nowhere else. SQL is written in this folder only, and no statement
 * asks the database for the time or an id.
 *
 * A transaction that has committed on a data directory or a server survives the death of the process. Transactions are
 * serializable: what they read is what holds when they commit, whoever else writes.
 */
import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import type pg from 'pg'
import { type ChangeChannel, ProcessChanges, ServerChanges } from './change-channel.ts'
import { type EmbeddedDatabaseOptions, openEmbeddedDatabase } from './embedded-database.ts'
import { EmbeddedDialect } from './embedded-dialect.ts'
import { changedByPlugin, ServedRequest } from './changed-by.ts'
import { ChangeLog } from './change-log.ts'
import { releaseAllLeases } from './lease.ts'
import { bringUpToDate } from './migrations.ts'
import type { Database } from './schema.ts'

/** The database, or a transaction on it. */
export type Db = Kysely<Database>

/** SQLSTATE of a serialization failure and of a deadlock: the transaction may simply be run again. */
const RETRY = new Set(['40001', '40P01'])
const UNIQUE_VIOLATION = '23505'
/**
 * Indexes of values that a transaction picks because they are free. Of two that pick the same at once a server stops one by a
 * serialization failure or by the index, as it happens to notice; either way that one may simply pick again.
 */
const PICKED = new Set([
  'external_ip_ports',
  'network_interface_ipv4',
  'network_interface_ipv6',
  'network_interface_mac',
  'vpc_vni',
])
const MAX_ATTEMPTS = 20
const RUN_AGAIN = Symbol('the transaction has to be run again')

export class Store {
  readonly db: Db
  /** Of this process and, on a server, of others: told when a control plane has changed desired state. */
  readonly changes: ChangeChannel
  /** Whose doing a statement is. */
  readonly request = new ServedRequest()
  /** Whose doing what is no longer there is. */
  readonly changeLog = new ChangeLog()
  /** Resolves when nothing is being run again. */
  #again: Promise<void> = Promise.resolve()

  private constructor(db: Db, changes: ChangeChannel) {
    this.db = db.withPlugin(changedByPlugin(this.request))
    this.changes = changes
  }

  /** Over an embedded database, by default one in memory. */
  static async open(options: EmbeddedDatabaseOptions = {}): Promise<Store> {
    const pglite = await openEmbeddedDatabase(options)
    const store = await Store.over(new Kysely<Database>({ dialect: new EmbeddedDialect(pglite) }))
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
    await bringUpToDate(db)
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
      if (isLast || !(RETRY.has(sqlState(error) ?? '') || isPickedTwice(error))) throw error
      return RUN_AGAIN
    }
  }

  async close(): Promise<void> {
    await this.changes.close()
    await this.db.destroy()
  }
}

/** Somebody else has the name (or whatever a caller has chosen). */
export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === UNIQUE_VIOLATION && !isPickedTwice(error)
}

function isPickedTwice(error: unknown): boolean {
  return error instanceof Error && 'constraint' in error && PICKED.has(String(error.constraint))
}

function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
