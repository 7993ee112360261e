import type { Files } from './files.ts'

/** Files in memory, for tests and virtual time. */
export class MemoryFiles implements Files {
  readonly #content = new Map<string, Uint8Array>()

  read(path: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#content.get(path)?.slice())
  }

  write(path: string, content: Uint8Array): Promise<void> {
    this.#content.set(path, content.slice())
    return Promise.resolve()
  }

  remove(path: string): Promise<void> {
    this.#content.delete(path)
    return Promise.resolve()
  }

  list(path: string): Promise<readonly string[]> {
    const prefix = path === '' || path.endsWith('/') ? path : `${path}/`
    const names = new Set<string>()
    for (const key of this.#content.keys()) {
      if (key.startsWith(prefix)) names.add(key.slice(prefix.length).split('/')[0]!)
    }
    return Promise.resolve([...names].sort())
  }
}
