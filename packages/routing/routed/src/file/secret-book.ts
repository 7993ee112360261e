/**
 * Secrets of a configuration, those in files read beforehand. They go to where they are used and nowhere else: messages name
 * the place, never the value.
 */
import type { PathProblem } from './config-problem.ts'
import type { PathSegment } from './located-yaml.ts'
import type { SecretText } from './text-value.ts'

/** Reads a file that a configuration names, relative to it. Rejects with a message for the user. */
export type ReadFile = (path: string) => Promise<string>

const MAX_BYTES = 80

export class SecretBook {
  readonly #contents: ReadonlyMap<string, string | Error>
  readonly #problems: PathProblem[]

  private constructor(contents: ReadonlyMap<string, string | Error>, problems: PathProblem[]) {
    this.#contents = contents
    this.#problems = problems
  }

  /** Reads every `{ file: PATH }` in `value`. */
  static async read(value: unknown, readFile: ReadFile, problems: PathProblem[]): Promise<SecretBook> {
    const contents = new Map<string, string | Error>()
    for (const path of new Set(filesIn(value))) {
      try {
        contents.set(path, (await readFile(path)).replace(/\r?\n$/, ''))
      } catch (error) {
        if (!(error instanceof Error)) throw error
        contents.set(path, error)
      }
    }
    return new SecretBook(contents, problems)
  }

  text(secret: SecretText, path: readonly PathSegment[]): string {
    if (typeof secret === 'string') return this.#checked(secret, path)
    const content = this.#contents.get(secret.file)
    if (typeof content === 'string') return this.#checked(content, [...path, 'file'])
    this.#problems.push({ path: [...path, 'file'], message: content?.message ?? 'cannot be read' })
    return ''
  }

  #checked(text: string, path: readonly PathSegment[]): string {
    const bytes = Buffer.byteLength(text)
    if (bytes === 0 || bytes > MAX_BYTES) {
      this.#problems.push({ path, message: `the secret has ${bytes} bytes, not 1 to ${MAX_BYTES}` })
    }
    return text
  }
}

const SECRET_KEYS: readonly string[] = ['md5', 'key']

function filesIn(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) => {
    if (!SECRET_KEYS.includes(key)) return filesIn(child)
    const isFile = typeof child === 'object' && child !== null && 'file' in child && typeof child.file === 'string'
    return isFile ? [String(child.file)] : []
  })
}

/** The same value with every secret written in it replaced. */
export function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, child]: [string, unknown]) =>
    SECRET_KEYS.includes(key) && typeof child === 'string' ? [key, '(secret)'] : [key, withoutSecrets(child)],
  )
  return Object.fromEntries(entries) as unknown
}
