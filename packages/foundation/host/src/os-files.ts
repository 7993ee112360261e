/** A directory of the operating system as `Files`. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import type { Files } from './files.ts'

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
    const temporary = `${target}.new`
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
      return (await readdir(this.#resolve(path))).sort()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  #resolve(path: string): string {
    const clean = normalize(path)
    if (clean.startsWith('..') || clean.startsWith('/')) throw new Error(`path ${path} leaves ${this.root}`)
    return join(this.root, clean)
  }
}
