/** Reads and compiles `p4/switch.p4`: from the repository, or from beside the bundle in the published package. */
import { compile, type Program, renderDiagnostics } from '@lodestone/p4'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export function compileSwitchProgram(): Program {
  const folder = import.meta.url.endsWith('.ts') ? '../../../../p4/' : './p4/'
  const root = fileURLToPath(new URL(folder, import.meta.url))
  const readFile = (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined // the compiler says which file is missing
    }
  }
  const result = compile({ fileName: `${root}switch.p4`, readFile, includePaths: [`${root}include`] })
  if (result.program === undefined) throw new Error(renderDiagnostics(result.diagnostics, readFile))
  return result.program
}
