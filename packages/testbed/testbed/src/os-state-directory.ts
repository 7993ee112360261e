/**
 * The directory a rack keeps its state in. One rack at a time: whoever holds `lock` (its process id inside) owns the
 * directory, and a lock whose process is gone is taken over.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const UNFINISHED = 'database.unfinished'

export type LockResult =
  | { readonly ok: true; readonly release: () => Promise<void> }
  | { readonly ok: false; readonly pid: number }

/** @param processId of the caller; `isAlive` tells whether another one still runs. */
export async function lockStateDirectory(
  directory: string,
  processId: number,
  isAlive: (pid: number) => boolean,
): Promise<LockResult> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, 'lock')
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.writeFile(String(processId))
      await file.close()
      return { ok: true, release: () => rm(path, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const pid = Number(await readFile(path, 'utf8').catch(() => ''))
    if (pid > 0 && pid !== processId && isAlive(pid)) return { ok: false, pid }
    await rm(path, { force: true })
  }
  return { ok: false, pid: 0 }
}

/**
 * Readies the directory for the database. While one is made for the first time a mark stands beside it: a database whose making
 * was cut short may not start, holds nothing that anybody was told of, and is made anew.
 * @returns what takes the mark away: to be called before the first write is acknowledged.
 */
export async function claimDatabase(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'database')
  const mark = join(directory, UNFINISHED)
  if (existsSync(mark)) await rm(path, { recursive: true, force: true })
  else if (existsSync(path)) return () => Promise.resolve()
  await writeFile(mark, '')
  return () => rm(mark, { force: true })
}

/** Whether the making of the database was cut short. */
export function isDatabaseUnfinished(directory: string): boolean {
  return existsSync(join(directory, UNFINISHED))
}

/** Writes a file that only its owner may read. */
export async function writeSecret(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name)
  await writeFile(path, text, { mode: 0o600 })
  await chmod(path, 0o600)
}

/** Leaves a file or socket to its owner only. */
export async function makePrivate(directory: string, name: string): Promise<void> {
  await chmod(join(directory, name), 0o600)
}

export async function removeFile(directory: string, name: string): Promise<void> {
  await rm(join(directory, name), { force: true })
}
