import { cleanPath, type Files } from './files.ts'

/** Files in memory, for tests and virtual time. */
export class MemoryFiles implements Files {
  readonly #content = new Map<string, Uint8Array>()

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.#content.get(cleanPath(path))?.slice()
  }

  async write(path: string, content: Uint8Array): Promise<void> {
    this.#content.set(cleanPath(path), new Uint8Array(content)) // `slice` of a Buffer would not copy
  }

  async remove(path: string): Promise<void> {
    this.#content.delete(cleanPath(path))
  }

  async list(path: string): Promise<readonly string[]> {
    const clean = cleanPath(path)
    const prefix = clean === '' ? '' : `${clean}/`
    const names = new Set<string>()
    for (const key of this.#content.keys()) {
      if (key.startsWith(prefix)) names.add(key.slice(prefix.length).split('/')[0]!)
    }
    return [...names].sort()
  }
}
