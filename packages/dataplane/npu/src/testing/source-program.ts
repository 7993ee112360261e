/** Compiles a P4 source file for a test; the architecture's include files come from the repository's `p4/include`. */
import { join } from 'node:path'
import { compile, type Program, renderDiagnostics } from '@lodestone/p4'

const ROOT = join(import.meta.dirname, '../../../../..')

/** @param path relative to the repository. Throws with the diagnostics when it does not compile. */
export function sourceProgram(path: string, read: (file: string) => string): Program {
  const readFile = (file: string): string | undefined => {
    try {
      return read(file)
    } catch {
      // The compiler tries include folders one after the other.
      return undefined
    }
  }
  const result = compile({
    fileName: join(ROOT, path),
    readFile,
    includePaths: [join(ROOT, 'p4/include')],
  })
  if (result.program === undefined) throw new Error(renderDiagnostics(result.diagnostics, readFile))
  return result.program
}
