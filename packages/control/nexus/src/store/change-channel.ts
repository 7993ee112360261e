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
  /** Whether all that was announced here has come to the listeners here, for whoever must not go on before. */
  isQuiet(): boolean
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

  isQuiet(): boolean {
    return true
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
  /** Announcements that have not come back, by who made them; undefined when none will any more. */
  #unheard: Map<string, number> | undefined = new Map()

  private constructor(pool: pg.Pool, client: pg.Client) {
    this.#pool = pool
    this.#client = client
    client.on('notification', ({ payload = '' }) => {
      this.#owe(payload, -1)
      this.#local.announce(payload)
    })
    // A connection that breaks costs promptness only; without a listener it would end the process.
    client.on('error', () => {})
    client.on('end', () => (this.#unheard = undefined))
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
    this.#owe(from, 1)
    this.#pool
      .query('select pg_notify($1, $2)', [CHANNEL, from])
      .catch(() => this.#owe(from, -1)) // the period of the reconcilers does for it
      .finally(() => this.#pending.delete(from))
  }

  listen(as: string, notify: () => void): () => void {
    return this.#local.listen(as, notify)
  }

  isQuiet(): boolean {
    return this.#unheard === undefined || this.#unheard.size === 0
  }

  /** Control planes of other processes have none here. */
  #owe(from: string, more: 1 | -1): void {
    const count = (this.#unheard?.get(from) ?? 0) + more
    if (count > 0) this.#unheard?.set(from, count)
    else this.#unheard?.delete(from)
  }

  async close(): Promise<void> {
    await this.#local.close()
    await this.#client.end()
  }
}
