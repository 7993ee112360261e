/**
 * The embedded PostgreSQL with this version's schema in it. Making one from nothing takes seconds and a gigabyte, loading a copy a fifth of
 * that: so an empty database is made once, kept as an archive, and those that follow begin as copies of it.
 *
 * An archive's name says what is in it: the engine's version and a digest of the schema. Its first bytes are a digest of the rest, and one that
 * is not whole counts as missing. Writers replace it atomically with the same content, so processes need not agree on who makes it.
 */
import { createHash } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { PGlite, type PGliteOptions } from '@electric-sql/pglite'
import { type Files, OsFiles } from '@lodestone/host'
import { Kysely, PGliteDialect } from 'kysely'
import { bringUpToDate, SCHEMA_DIGEST } from './migrations.ts'

/** Of `@electric-sql/pglite`, as the manifest says it: archives of another one may not start. */
export const ENGINE_VERSION = '0.5.16'

/** Cached pages. Zeroing the usual 128 MB takes a sixth of a start, and what a rack writes fits into less. */
const SHARED_BUFFERS = '32MB'
/** Of the write-ahead log, in MB: each new database has a whole one, and the usual 16 are more than everything else in it. */
const WAL_SEGMENT_MB = 1
/** How archives are made: another number for another way. */
const RECIPE = 2

const NAME = `database-${ENGINE_VERSION}-${RECIPE}-${SCHEMA_DIGEST.slice(0, 16)}`
const DIGEST_BYTES = 32

export interface EmbeddedDatabaseOptions {
  /** Created when it does not exist; absent: in memory. */
  readonly directory?: string
  /** Where archives are looked for, in this order; a new one is left in the last place. Default: nowhere. */
  readonly archives?: readonly Files[]
}

/** Its schema is up to date when it is new; one that was there before is as it was left. */
export async function openEmbeddedDatabase({ directory, archives = [] }: EmbeddedDatabaseOptions): Promise<PGlite> {
  const where = directory === undefined ? {} : { dataDir: directory }
  if (archives.length === 0 || (await isThere(directory))) return start(where)
  const archive = await read(archives)
  if (archive !== undefined) return start({ ...where, loadDataDir: new Blob([archive]) })
  const pglite = await start({ ...where, initDbStartParams: [`--wal-segsize=${WAL_SEGMENT_MB}`] })
  await bringUpToDate(new Kysely({ dialect: new PGliteDialect({ pglite }) }))
  await dropTemplates(pglite)
  await keepArchive(pglite, archives.at(-1)!) // because there is at least one
  return pglite
}

async function start(options: PGliteOptions): Promise<PGlite> {
  const startParams = [...PGlite.defaultStartParams, '-c', `shared_buffers=${SHARED_BUFFERS}`]
  const engine = new Engine({ ...options, startParams })
  await engine.waitReady
  return engine
}

/** Without what PGlite reads from the catalog first, for parsers of array types: no column here is one, and it takes 0.1 s. */
class Engine extends PGlite {
  override _initArrayTypes(): Promise<void> {
    return Promise.resolve()
  }
}

/** Makes an archive unless there is one: for who packs it. */
export async function ensureArchive(files: Files): Promise<void> {
  await (await openEmbeddedDatabase({ archives: [files] })).close()
}

async function isThere(directory: string | undefined): Promise<boolean> {
  return directory !== undefined && (await new OsFiles(directory).read('PG_VERSION')) !== undefined
}

async function read(archives: readonly Files[]): Promise<Uint8Array<ArrayBuffer> | undefined> {
  for (const files of archives) {
    const bytes = await files.read(NAME).catch(() => undefined) // what cannot be read is made anew
    if (bytes === undefined) continue
    const content = bytes.subarray(DIGEST_BYTES)
    if (digestOf(content).equals(bytes.subarray(0, DIGEST_BYTES))) return new Uint8Array(zstdDecompressSync(content))
  }
  return undefined
}

/** Databases that nobody will make another one from: two thirds of what would be copied. What is left is whole, so that no copy has to be recovered. */
async function dropTemplates(pglite: PGlite): Promise<void> {
  await pglite.exec('update pg_database set datistemplate = false where datistemplate')
  for (const name of ['template0', 'template1']) await pglite.exec(`drop database ${name}`)
  await pglite.exec('checkpoint')
}

/** Leaves a copy of a database that holds nothing yet, and takes away those of other versions. */
async function keepArchive(pglite: PGlite, files: Files): Promise<void> {
  const dump = await pglite.dumpDataDir('none')
  const content = zstdCompressSync(new Uint8Array(await dump.arrayBuffer()))
  try {
    await files.write(NAME, Buffer.concat([digestOf(content), content]))
    for (const name of await files.list('')) if (name.startsWith('database-') && name !== NAME) await files.remove(name)
  } catch {
    // A full disk or a folder of somebody else's: the next start takes as long as this one.
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
