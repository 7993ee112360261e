/**
 * Kysely over the embedded PostgreSQL (PGlite), by its wire protocol (PostgreSQL 17, chapter 54). PGlite's own `query`
 * parses and plans every statement anew and enters the database six times for it; here a statement is prepared when its text is
 * first seen, and from then on Bind, Execute and Sync travel as one message. A transaction's BEGIN goes with its first statement.
 *
 * There is one connection, and kysely lends it to one user at a time.
 */
import { type PGlite, protocol } from '@electric-sql/pglite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type Driver,
  type Kysely,
  PGliteAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  type QueryResult,
} from 'kysely'
import { type Answer, readAnswer, readRow } from './wire.ts'

const { serialize } = protocol

export class EmbeddedDialect implements Dialect {
  readonly #pglite: PGlite

  /** @param pglite ready; it belongs to the dialect from then on. */
  constructor(pglite: PGlite) {
    this.#pglite = pglite
  }

  createAdapter(): PGliteAdapter {
    return new PGliteAdapter()
  }

  createDriver(): Driver {
    return new EmbeddedDriver(this.#pglite)
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(db)
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler()
  }
}

class EmbeddedDriver implements Driver {
  readonly #pglite: PGlite
  readonly #connection: EmbeddedConnection

  constructor(pglite: PGlite) {
    this.#pglite = pglite
    this.#connection = new EmbeddedConnection(pglite)
  }

  async init(): Promise<void> {
    await this.#pglite.waitReady
    await this.#connection.configure()
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(this.#connection)
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve()
  }

  /** One connection: every isolation level is the serializable one. */
  beginTransaction(): Promise<void> {
    return this.#connection.begin()
  }

  commitTransaction(): Promise<void> {
    return this.#connection.end('commit')
  }

  rollbackTransaction(): Promise<void> {
    return this.#connection.end('rollback')
  }

  async destroy(): Promise<void> {
    if (!this.#pglite.closed) await this.#pglite.close()
  }
}

interface Statement {
  /** Empty for one that is not kept. */
  readonly name: string
  readonly serializers: readonly ((value: unknown) => string)[]
  readonly names: readonly string[]
  readonly parsers: readonly ((text: string) => unknown)[]
}

const TIMESTAMPTZ = 1184
const BEGIN = serialize.query('begin')
const EXECUTE = serialize.execute()
const SYNC = serialize.sync()
/** Statements of as many texts are kept; the one that was not used for longest gives way. */
const MAX_STATEMENTS = 400
/** Definitions run once. PostgreSQL plans what was prepared before one anew, as long as its columns stay. */
const KEPT = /^\s*(select|insert|update|delete|with)\b/i

class EmbeddedConnection implements DatabaseConnection {
  readonly #pglite: PGlite
  /** By text, the one used last at the end. */
  readonly #statements = new Map<string, Statement>()
  #lastName = 0
  #transaction: 'none' | 'asked' | 'begun' = 'none'

  constructor(pglite: PGlite) {
    this.#pglite = pglite
  }

  /** A prepared statement is planned once: no table here is so uneven that the values of parameters should decide its plan. */
  async configure(): Promise<void> {
    await this.#ask([serialize.query('set plan_cache_mode = force_generic_plan')], false)
  }

  begin(): Promise<void> {
    this.#transaction = 'asked'
    return Promise.resolve()
  }

  async end(command: 'commit' | 'rollback'): Promise<void> {
    const wasBegun = this.#transaction === 'begun'
    this.#transaction = 'none'
    if (!wasBegun) return
    const { tag } = await this.#ask([serialize.query(command)], command === 'commit')
    if (command === 'commit' && tag === 'ROLLBACK') {
      throw new Error('the transaction had failed before it was to be committed')
    }
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    const statement = this.#statements.get(sql) ?? (await this.#prepare(sql))
    if (statement.name !== '') {
      this.#statements.delete(sql)
      this.#statements.set(sql, statement)
    }
    const values = parameters.map((value, i) => {
      if (value === null || value === undefined) return null
      const serializer = statement.serializers[i]
      return serializer === undefined ? String(value) : serializer(value)
    })
    const answer = await this.#ask(
      [serialize.bind({ statement: statement.name, values }), EXECUTE, SYNC],
      this.#transaction === 'none',
    )
    return resultOf<Row>(statement, answer)
  }

  // oxlint-disable-next-line require-yield -- the interface wants a generator
  async *streamQuery(): AsyncGenerator<never> {
    throw new Error('results are not streamed')
  }

  async #prepare(sql: string): Promise<Statement> {
    const isKept = KEPT.test(sql)
    const closing: Uint8Array[] = []
    if (isKept && this.#statements.size >= MAX_STATEMENTS) {
      for (const [text, { name }] of this.#statements) {
        this.#statements.delete(text)
        closing.push(serialize.close({ type: 'S', name }))
        break
      }
    }
    const name = isKept ? `s${++this.#lastName}` : ''
    const { parameterTypes, columns } = await this.#ask(
      [...closing, serialize.parse({ name, text: sql }), serialize.describe({ type: 'S', name }), SYNC],
      false,
    )
    const { parsers, serializers } = this.#pglite
    return {
      name,
      serializers: parameterTypes.map((type) => serializers[type] ?? String),
      names: columns.map((column) => column.name),
      parsers: columns.map(({ type }) => {
        const parse = type === TIMESTAMPTZ ? timeOf : parsers[type]
        return parse === undefined ? same : (text) => parse(text, type)
      }),
    }
  }

  /** @param isDurable what was written is to be on disk when this resolves. */
  async #ask(messages: readonly Uint8Array[], isDurable: boolean): Promise<Answer> {
    const isFirst = this.#transaction === 'asked'
    if (isFirst) this.#transaction = 'begun'
    const pieces: Uint8Array[] = []
    await this.#pglite.execProtocolRawStream(joined(isFirst ? [BEGIN, ...messages] : messages), {
      syncToFs: isDurable,
      onRawData: (piece) => pieces.push(piece.slice()), // because it is a view of the database's memory
    })
    const answer = readAnswer(joined(pieces))
    if (answer.error !== undefined) throw answer.error
    return answer
  }
}

/** `2026-01-01 00:00:00.5+00`, in the form that JavaScript parses fastest. */
function timeOf(text: string): Date {
  return new Date(text.endsWith('+00') ? `${text.slice(0, 10)}T${text.slice(11, -3)}Z` : text)
}

function same(text: string): string {
  return text
}

function resultOf<Row>({ names, parsers }: Statement, { rows, bytes, tag }: Answer): QueryResult<Row> {
  const out: Row[] = []
  for (const at of rows) {
    // because kysely says what the columns of its statement are
    out.push(readRow(bytes, at, names, parsers) as Row)
  }
  // `INSERT 0 5`, `UPDATE 3`; a SELECT affects nothing.
  const affected = /^(?:INSERT|UPDATE|DELETE|MERGE) (?:\d+ )?(\d+)$/.exec(tag ?? '')?.[1]
  return affected === undefined ? { rows: out } : { rows: out, numAffectedRows: BigInt(affected) }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
