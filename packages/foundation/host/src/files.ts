/** Files as a capability: a small tree under one root that the daemon was given, and no way out of it. */

export interface Files {
  // Paths are relative, with `/` between names. One that leads out of the root throws: that is a caller's mistake.

  /** Undefined when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Replaces the file atomically and durably: after it resolves, a crash leaves the new content. */
  write(path: string, content: Uint8Array): Promise<void>
  remove(path: string): Promise<void>
  list(path: string): Promise<readonly string[]>
}

/** `path` without `.`, `..` and empty names. Throws when it leads out of the root. */
export function cleanPath(path: string): string {
  if (path.startsWith('/') || path.includes('\0')) throw new Error(`path ${JSON.stringify(path)} leaves its root`)
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue
    if (name !== '..') names.push(name)
    else if (names.pop() === undefined) throw new Error(`path ${JSON.stringify(path)} leaves its root`)
  }
  return names.join('/')
}
