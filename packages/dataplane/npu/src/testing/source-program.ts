/** Compiles P4 source for a test; the architecture's include files come from the repository's `p4/include`. */
import { join } from 'node:path'
import { compile, type Program, renderDiagnostics } from '@lodestone/p4'

const ROOT = join(import.meta.dirname, '../../../../..')

type Read = (file: string) => string

/** @param path relative to the repository. Throws with the diagnostics when it does not compile. */
export function sourceProgram(path: string, read: Read): Program {
  const compiled = compileFile(join(ROOT, path), read)
  if (typeof compiled === 'string') throw new Error(compiled)
  return compiled
}

/** A compiler of texts that gives the diagnostics of those that do not compile. */
export function compilerOf(read: Read, bmv2 = false): (text: string) => Program | string {
  const file = join(ROOT, 'random.p4')
  return (text) => compileFile(file, (path) => (path === file ? text : read(path)), bmv2)
}

function compileFile(fileName: string, read: Read, bmv2 = false): Program | string {
  const readFile = (file: string): string | undefined => {
    try {
      return read(file)
    } catch {
      // The compiler tries include folders one after the other.
      return undefined
    }
  }
  const result = compile({ fileName, readFile, includePaths: [join(ROOT, 'p4/include')], bmv2 })
  const errors = result.diagnostics.filter(({ severity }) => severity === 'error')
  return result.program ?? renderDiagnostics(errors, readFile)
}
