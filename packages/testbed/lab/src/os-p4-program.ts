/** Finds and compiles the P4 programs that switches of a laboratory name: a file, or one that comes along. */
import { compile, type Program, renderDiagnostics } from '@lodestone/p4'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The programs of the repository: beside the sources, or beside the bundle of the published package. */
const ROOT = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../../../p4/' : './p4/', import.meta.url))

const compiled = new Map<string, Program>()

/** @param name of `p4/examples/NAME.p4`, `switch` for the rack's, or a path. Throws with diagnostics. */
export function labProgram(name: string): Program {
  const path = programPath(name)
  const known = compiled.get(path)
  if (known !== undefined) return known
  const readFile = (file: string): string | undefined => {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      return undefined // the compiler says which file is missing
    }
  }
  if (!existsSync(path)) {
    throw new Error(
      `there is no P4 program ${name}: no file ${path}, and none that comes along: ${shipped().join(', ')}`,
    )
  }
  const result = compile({ fileName: path, readFile, includePaths: [`${ROOT}include`] })
  if (result.program === undefined) throw new Error(renderDiagnostics(result.diagnostics, readFile))
  compiled.set(path, result.program)
  return result.program
}

function programPath(name: string): string {
  if (name === 'switch') return `${ROOT}switch.p4`
  const example = `${ROOT}examples/${name}.p4`
  return /^[a-z0-9-]+$/.test(name) && existsSync(example) ? example : resolve(name)
}

/** Names of the programs that come along. */
function shipped(): readonly string[] {
  const examples = readdirSync(`${ROOT}examples`).flatMap((file) => /^(.*)\.p4$/.exec(file)?.[1] ?? [])
  return [...examples, 'switch']
}
