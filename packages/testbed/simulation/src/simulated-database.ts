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
import { EmbeddedDialect, openEmbeddedDatabase, Store } from '@lodestone/nexus'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
} from 'kysely'
import { asDatabase } from './ambient-guard.ts'

export type DiskFault = 'slow' | 'full' | 'error'

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

/** A process's way to the database. */
export interface ProcessDatabase {
  readonly store: Store
  /** The process dies: what it has not committed is undone. */
  kill(): void
}

export class SimulatedDatabase {
  readonly #engine: PGlite
  readonly #dialect: EmbeddedDialect
  /** Of the one connection that there is: whoever needs it waits until whoever has it is done. */
  readonly #driver: Driver
  #isTaken = false
  readonly #waiting: (() => void)[] = []
  /** Tables in which the schema's own steps write. */
  readonly #written: string[] = []

  private constructor(engine: PGlite) {
    this.#engine = engine
    this.#dialect = new EmbeddedDialect(engine)
    this.#driver = this.#dialect.createDriver()
  }

  /** @param archives where archives of empty databases are kept. */
  static async create(archives: readonly Files[] = []): Promise<SimulatedDatabase> {
    const engine = await openEmbeddedDatabase({ archives })
    const execute = engine.execProtocolRawSync.bind(engine)
    engine.execProtocolRawSync = (message) => asDatabase(() => execute(message))
    const database = new SimulatedDatabase(engine)
    await database.#driver.init()
    await Store.over(new Kysely({ dialect: database.#dialectOf(() => Promise.resolve()) }))
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
    // Plans depend on how full tables are, and the order of rows on plans: no simulation may inherit one.
    await this.#engine.exec('discard plans')
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

  /** Rejects while the disk does not let it be opened. */
  async connect(disk: SimulatedDisk): Promise<ProcessDatabase> {
    let isDead = false
    const isAlive = (): boolean => !isDead
    const dialect = this.#dialectOf((sql) => disk.before(sql, isAlive))
    return {
      store: await Store.over(new Kysely({ dialect })),
      kill() {
        isDead = true
      },
    }
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }

  /** Of one process: all share the connection and what is prepared on it. */
  #dialectOf(before: (sql: string) => Promise<void>): Dialect {
    const driver = this.#driver
    const take = (): Promise<void> => this.#take()
    const release = (): void => this.#release()
    return {
      createAdapter: () => this.#dialect.createAdapter(),
      createIntrospector: (db) => this.#dialect.createIntrospector(db),
      createQueryCompiler: () => this.#dialect.createQueryCompiler(),
      createDriver: () => ({
        init: () => Promise.resolve(),
        async acquireConnection() {
          await take()
          return new ProcessConnection(await driver.acquireConnection(), before)
        },
        releaseConnection() {
          release()
          return Promise.resolve()
        },
        beginTransaction: (connection, settings) => driver.beginTransaction(connection, settings),
        commitTransaction: (connection) => driver.commitTransaction(connection),
        rollbackTransaction: (connection) => driver.rollbackTransaction(connection),
        destroy: () => Promise.resolve(),
      }),
    }
  }

  async #take(): Promise<void> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#isTaken = true
  }

  /** The next one has it at once, so that nobody comes between. */
  #release(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#isTaken = false
    else next()
  }
}

/** The one connection while a process has it. */
class ProcessConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection
  readonly #before: (sql: string) => Promise<void>

  constructor(connection: DatabaseConnection, before: (sql: string) => Promise<void>) {
    this.#connection = connection
    this.#before = before
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    await this.#before(query.sql)
    return this.#connection.executeQuery<Row>(query)
  }

  streamQuery<Row>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<Row>> {
    return this.#connection.streamQuery<Row>(query, chunkSize)
  }
}

function databaseError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code })
}
