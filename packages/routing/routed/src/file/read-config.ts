/** From the text of a configuration file to a configuration that can be applied, or to all that is wrong with it. */
import type { DaemonConfig } from '../daemon-config.ts'
import { configFromFile, type HostCapabilities } from './config-from-file.ts'
import { type ConfigProblem, type PathProblem, pathText } from './config-problem.ts'
import type { PathSegment, Position } from './located-yaml.ts'
import { RoutedFile } from './schema.ts'
import { schemaProblems } from './schema-problems.ts'
import { type ReadFile, SecretBook } from './secret-book.ts'

export interface ReadOptions {
  /** For secrets that stand in files of their own. */
  readonly readFile: ReadFile
  readonly host: HostCapabilities
}

/** Where a value stands in the text. */
export type PlaceOf = (path: readonly PathSegment[]) => Position

export type ReadResult =
  | { readonly ok: true; readonly config: DaemonConfig; readonly file: RoutedFile; readonly placeOf: PlaceOf }
  /** In the order of the text. */
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

export async function readConfig(text: string, options: ReadOptions): Promise<ReadResult> {
  // Loaded when there is a file: routers of racks are configured otherwise, and have no use for YAML.
  const { LocatedYaml } = await import('./located-yaml.ts')
  const yaml = new LocatedYaml(text)
  if (yaml.syntaxProblems.length > 0) {
    return { ok: false, problems: yaml.syntaxProblems.map((problem) => ({ ...problem, path: '' })) }
  }
  const refuse = (problems: readonly PathProblem[]): ReadResult => {
    const located = problems.map(({ path, key, message }): ConfigProblem => ({
      ...yaml.positionOf(path, key),
      path: pathText(path),
      message,
    }))
    return { ok: false, problems: located.toSorted((a, b) => a.line - b.line || a.column - b.column) }
  }
  const parsed = RoutedFile.safeParse(yaml.value)
  if (!parsed.success) return refuse(schemaProblems(parsed.error, yaml.value))
  const problems: PathProblem[] = []
  const secrets = await SecretBook.read(parsed.data, options.readFile, problems)
  const config = configFromFile(parsed.data, secrets, options.host, problems)
  if (problems.length > 0) return refuse(problems)
  return { ok: true, config, file: parsed.data, placeOf: (path) => yaml.positionOf(path) }
}
