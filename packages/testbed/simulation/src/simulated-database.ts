/**
 * The control plane's database in a simulation: PostgreSQL itself (PGlite, in memory), reached through a disk that can be slow, full or
 * broken, and by processes that can die in the middle of a transaction. Statements run on this thread and need no time but what the disk
 * takes, which is the simulation's.
 *
 * One engine serves all simulations of a process, one after the other: making one takes a second or more, emptying it a few milliseconds.
 *
 * NOT IMPLEMENTED: what happens below the engine's files (torn pages, lost flushes). Its recovery is PostgreSQL's own.
 */
import type { PGlite } from '@electric-sql/pglite'
import type { Clock, Files, Random } from '@lodestone/host'
import { openEmbeddedDatabase, Store } from '@lodestone/nexus'
import { Kysely, PGliteDialect } from 'kysely'
import { asDatabase } from './ambient-guard.ts'

export type DiskFault = 'slow' | 'full' | 'error'

type Query = (sql: string, parameters?: unknown[], options?: unknown) => Promise<unknown>
interface Transaction {
  readonly query: Query
}

/** What a database of a process does when its disk is not well. */
export class SimulatedDisk {
  /** Each statement takes this long. */
  delayMs = 0
  fault: DiskFault | undefined
  readonly #clock: Clock
  readonly #random: Random

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  /** Before each statement. Rejects as the engine does when its file system fails it. */
  async before(sql: string, isAlive: () => boolean): Promise<void> {
    if (this.delayMs > 0) {
      const delayMs = this.delayMs * (0.5 + this.#random.float())
      await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve))
    }
    if (!isAlive()) throw databaseError('57P01', 'the process that asked is gone')
    const writes = /^\s*(insert|update|delete|create|alter)/i.test(sql)
    if (this.fault === 'full' && writes) throw databaseError('53100', 'could not extend file: No space left on device')
    if (this.fault === 'error' && this.#random.float() < 0.5)
      throw databaseError('58030', 'could not read block: I/O error')
  }
}

export interface DatabaseConnection {
  readonly store: Store
  /** The process dies: what it has not committed is undone. */
  kill(): void
}

export class SimulatedDatabase {
  readonly #engine: PGlite
  /** Tables in which the schema's own steps write. */
  readonly #written: string[] = []

  private constructor(engine: PGlite) {
    this.#engine = engine
  }

  /** @param archives where archives of empty databases are kept. */
  static async create(archives: readonly Files[] = []): Promise<SimulatedDatabase> {
    const engine = await openEmbeddedDatabase({ archives })
    const execute = engine.execProtocolRawSync.bind(engine)
    engine.execProtocolRawSync = (message) => asDatabase(() => execute(message))
    const database = new SimulatedDatabase(engine)
    await Store.over(new Kysely({ dialect: new PGliteDialect({ pglite: engine }) }))
    await database.#keepPristine()
    return database
  }

  /** As after its creation: what the schema's steps wrote is there, and nothing else. */
  async empty(): Promise<void> {
    const { rows } = await this.#engine.query<{ tablename: string }>(
      `select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%' order by tablename`,
    )
    const tables = rows.map((row) => `"${row.tablename}"`)
    await this.#engine.exec(`truncate ${tables.join(', ')} restart identity cascade`)
    for (const table of this.#written) await this.#engine.exec(`insert into ${table} select * from pristine.${table}`)
  }

  /** Keeps what the schema's steps wrote. */
  async #keepPristine(): Promise<void> {
    await this.#engine.exec('create schema pristine')
    const { rows } = await this.#engine.query<{ tablename: string }>(
      `select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%' order by tablename`,
    )
    for (const { tablename } of rows) {
      const table = `"${tablename}"`
      const some = await this.#engine.query(`select 1 from ${table} limit 1`)
      if (some.rows.length === 0) continue
      await this.#engine.exec(`create table pristine.${table} as table ${table}`)
      this.#written.push(table)
    }
  }

  /** A process's way to the database. Rejects while the disk does not let it be opened. */
  async connect(disk: SimulatedDisk): Promise<DatabaseConnection> {
    const engine = this.#engine
    let isDead = false
    const isAlive = (): boolean => !isDead
    const through =
      (query: Query): Query =>
      async (sql, parameters, options) => {
        await disk.before(sql, isAlive)
        return query(sql, parameters, options)
      }
    const pglite = {
      closed: false,
      ready: true,
      waitReady: Promise.resolve(),
      query: through((sql, parameters, options) => engine.query(sql, parameters, options as never)),
      transaction: (body: (tx: Transaction) => Promise<void>) =>
        engine.transaction((tx) =>
          body({ query: through((sql, parameters, options) => tx.query(sql, parameters, options as never)) }),
        ),
      close: () => Promise.resolve(),
    }
    // because the dialect uses nothing but these of the engine
    const dialect = new PGliteDialect({ pglite: pglite as unknown as PGlite })
    const store = await Store.over(new Kysely({ dialect }))
    return {
      store,
      kill() {
        isDead = true
      },
    }
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}

function databaseError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code })
}
