/**
 * How control planes on one store tell each other that desired state has changed, so that whoever runs the reconciler looks at
 * once and not at the end of its period. A message that is lost costs no more than that period.
 */
import type pg from 'pg'

export interface ChangeChannel {
  /** @param from who announces; its own listener is not called. */
  announce(from: string): void
  /** @returns unsubscribe. */
  listen(as: string, notify: () => void): () => void
  close(): Promise<void>
}

/** Between control planes on one embedded store, which are in one process. */
export class ProcessChanges implements ChangeChannel {
  readonly #listeners = new Map<string, () => void>()

  announce(from: string): void {
    for (const [as, notify] of this.#listeners) if (as !== from) notify()
  }

  listen(as: string, notify: () => void): () => void {
    this.#listeners.set(as, notify)
    return () => void this.#listeners.delete(as)
  }

  close(): Promise<void> {
    this.#listeners.clear()
    return Promise.resolve()
  }
}

const CHANNEL = 'lode_change'

/** By LISTEN and NOTIFY of PostgreSQL, on a connection of its own. */
export class ServerChanges implements ChangeChannel {
  readonly #pool: pg.Pool
  readonly #client: pg.Client
  readonly #local = new ProcessChanges()
  /** Whose announcement is on its way; a second one until then would say the same. */
  readonly #pending = new Set<string>()

  private constructor(pool: pg.Pool, client: pg.Client) {
    this.#pool = pool
    this.#client = client
    client.on('notification', ({ payload }) => this.#local.announce(payload ?? ''))
    // A connection that breaks costs promptness only; without a listener it would end the process.
    client.on('error', () => {})
  }

  static async open(pool: pg.Pool): Promise<ServerChanges> {
    const { Client } = (await import('pg')).default // heavy, and not wanted for embedded stores
    const client = new Client(pool.options)
    await client.connect()
    await client.query(`listen ${CHANNEL}`)
    return new ServerChanges(pool, client)
  }

  announce(from: string): void {
    if (this.#pending.has(from)) return
    this.#pending.add(from)
    this.#pool
      .query('select pg_notify($1, $2)', [CHANNEL, from])
      .catch(() => {}) // the period of the reconcilers does for it
      .finally(() => this.#pending.delete(from))
  }

  listen(as: string, notify: () => void): () => void {
    return this.#local.listen(as, notify)
  }

  async close(): Promise<void> {
    await this.#local.close()
    await this.#client.end()
  }
}
