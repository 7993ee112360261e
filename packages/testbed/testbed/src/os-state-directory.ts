/**
 * The directory a rack keeps its state in. One rack at a time: whoever holds `lock` (its process id inside) owns the
 * directory, and a lock whose process is gone is taken over.
 */
import { existsSync } from 'node:fs'
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
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
  // Written before it gets its name: a lock without a process would look like that of one that is gone.
  const own = `${path}.${processId}`
  const isHeldBy = (pid: number): boolean => pid > 0 && pid !== processId && isAlive(pid)
  try {
    for (;;) {
      await rm(own, { force: true }) // what was taken may be another's lock again: that file is not to be written to
      await writeFile(own, String(processId), { mode: 0o600 })
      if (await unlessFails(link(own, path), 'EEXIST')) return { ok: true, release: () => rm(path, { force: true }) }
      const pid = await holder(path)
      if (isHeldBy(pid)) return { ok: false, pid }
      // Taken, not removed: another process may have taken over meanwhile, and then it gets its lock back. (A third one that begins
      // in just that moment would have it, too.)
      if (!(await unlessFails(rename(path, own), 'ENOENT'))) continue
      if (isHeldBy(await holder(own))) await unlessFails(link(own, path), 'EEXIST')
    }
  } finally {
    await rm(own, { force: true })
  }
}

/** The process that a lock is of; 0 when it is gone. */
async function holder(path: string): Promise<number> {
  return Number(await readFile(path, 'utf8').catch(() => '0'))
}

/** @returns whether it was done, rather than refused with that code. */
async function unlessFails(done: Promise<void>, code: string): Promise<boolean> {
  try {
    await done
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === code) return false // because only the file system rejects here
    throw error
  }
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
