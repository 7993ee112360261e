/** Flags of the commands that read P4 source, and the files that such a run may read. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseText } from '../../state-flag.ts'

export interface SourceFlags {
  readonly include?: readonly string[]
  readonly define?: readonly string[]
  readonly arch?: string
}

export const sourceFlags = {
  include: {
    kind: 'parsed',
    parse: parseText,
    variadic: true,
    optional: true,
    brief: 'Folder to look for #include files in, before the built-in architecture files',
    placeholder: 'DIR',
  },
  define: {
    kind: 'parsed',
    parse: parseText,
    variadic: true,
    optional: true,
    brief: 'Macro for the preprocessor: NAME or NAME=VALUE',
    placeholder: 'NAME=VALUE',
  },
  arch: {
    kind: 'parsed',
    parse: parseText,
    optional: true,
    brief: 'Refuse programs for another architecture: v1model, psa, softnpu, pna, ebpf, ubpf, xdp',
    placeholder: 'NAME',
  },
} as const

/** `-I`, `-D` as compilers have them. */
export const sourceAliases = { I: 'include', D: 'define' } as const

/** `-Ifolder` and `-DNAME=1` of `lode p4 …` as two words each, which is how flags are read. */
export function splitAliases(words: readonly string[]): string[] {
  if (words[0] !== 'p4') return [...words]
  return words.flatMap((word) => (/^-[ID]./.test(word) ? [word.slice(0, 2), word.slice(2)] : [word]))
}

/** The architecture files of this project: in the repository, or beside the bundle in the published package. */
export function architectureFolder(): string {
  const folder = import.meta.url.endsWith('.ts') ? '../../../../../p4/include' : './p4/include'
  return fileURLToPath(new URL(folder, import.meta.url))
}

export function readSource(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // the compiler says which file is missing
  }
}

/** What `check` and `compile` of the compiler take, or the word that is wrong. */
export function sourceOptions(
  file: string,
  flags: SourceFlags,
  architectures: readonly string[],
): { readonly ok: true; readonly value: SourceOptions } | { readonly ok: false; readonly message: string } {
  if (flags.arch !== undefined && !architectures.includes(flags.arch)) {
    return { ok: false, message: `no architecture '${flags.arch}'; there are ${architectures.join(', ')}` }
  }
  const defines: Record<string, string> = {}
  for (const text of flags.define ?? []) {
    const match = /^([A-Za-z_]\w*)(?:=(.*))?$/s.exec(text)
    if (match === null) return { ok: false, message: `-D takes NAME or NAME=VALUE, not '${text}'` }
    defines[match[1] ?? ''] = match[2] ?? '1'
  }
  const includePaths = [...(flags.include ?? []), architectureFolder()]
  const value = { fileName: file, readFile: readSource, includePaths, defines }
  return { ok: true, value: flags.arch === undefined ? value : { ...value, architecture: flags.arch } }
}

export interface SourceOptions {
  readonly fileName: string
  readonly readFile: (path: string) => string | undefined
  readonly includePaths: readonly string[]
  readonly defines: Readonly<Record<string, string>>
  readonly architecture?: string
}
