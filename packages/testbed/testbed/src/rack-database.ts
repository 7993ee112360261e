/** The database of a running rack: embedded, in memory, or on a server, and what its user calls it. */
import { openStore, type Store } from '@lodestone/nexus'
import { claimDatabase } from './os-state-directory.ts'
import type { RackOptions } from './rack-options.ts'

/** A database on its way. */
export interface OpeningDatabase {
  readonly store: Promise<Store>
  /** To be called before the first write is acknowledged. */
  readonly finish: () => Promise<void>
}

export async function openDatabase({
  stateDirectory,
  isEphemeral,
  archives,
  database,
}: RackOptions): Promise<OpeningDatabase> {
  const finish = await claimDatabase(stateDirectory)
  const store = openStore({
    ...(isEphemeral === true ? {} : { storeDirectory: `${stateDirectory}/database` }),
    ...(archives === undefined ? {} : { archives }),
    ...(database === undefined ? {} : { database }),
  })
  store.catch(() => {}) // the control plane that is started on it says why there is none
  return { store, finish }
}

/** For messages. */
export function databasePlace({ stateDirectory, database }: RackOptions): string {
  return database === undefined ? `in ${stateDirectory}/database` : withoutPassword(database)
}

/** Secrets are not shown. */
function withoutPassword(url: string): string {
  return url.replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:…@')
}
