/** A directory of the operating system as `Files`. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { cleanPath, type Files } from './files.ts'

/** Names of files that are being written; a crash may leave one behind. */
const TEMPORARY = '.~'

export class OsFiles implements Files {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    try {
      return new Uint8Array(await readFile(this.#resolve(path)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    const target = this.#resolve(path)
    await mkdir(dirname(target), { recursive: true })
    // Each write has its own, so that two of them cannot mix, even of two processes.
    const temporary = join(dirname(target), `${TEMPORARY}${randomUUID()}-${basename(target)}`)
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
    const directory = await open(dirname(target), 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  async remove(path: string): Promise<void> {
    await rm(this.#resolve(path), { force: true })
  }

  async list(path: string): Promise<readonly string[]> {
    try {
      const names = await readdir(this.#resolve(path))
      return names.filter((name) => !name.startsWith(TEMPORARY)).sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  #resolve(path: string): string {
    return join(this.root, cleanPath(path))
  }
}
