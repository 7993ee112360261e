/** Files as a capability: a small tree under one root that the daemon was given, and no way out of it. */

export interface Files {
  /** Undefined when there is no such file. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Replaces the file atomically and durably: after it resolves, a crash leaves the new content. */
  write(path: string, content: Uint8Array): Promise<void>
  remove(path: string): Promise<void>
  list(path: string): Promise<readonly string[]>
}
