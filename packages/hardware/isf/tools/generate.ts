/**
 * Writes `examples/packet-core/core.ts` from `core.isf`, formatted as the repository is. Run after editing it:
 * `node packages/hardware/isf/tools/generate.ts`. A test fails while the two disagree.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, type FormatConfig } from 'oxfmt'
import { checkSpecification, generateTypeScript, renderDiagnostics } from '../src/index.ts'

const folder = new URL('../examples/packet-core/', import.meta.url)
const formatConfig = new URL('../../../../.oxfmtrc.json', import.meta.url)

/** A generated module as the repository formats it. */
export async function formatModule(name: string, source: string): Promise<string> {
  // Because the file is the repository's own, its shape is not checked.
  const options = JSON.parse(readFileSync(formatConfig, 'utf8')) as FormatConfig
  const result = await format(name, source, options)
  const error = result.errors[0]
  if (error !== undefined) throw new Error(`${name}: ${error.message}`)
  return result.code
}

export async function generateCore(): Promise<string> {
  const text = readFileSync(new URL('core.isf', folder), 'utf8')
  const { specification, diagnostics } = checkSpecification(text)
  if (specification === undefined) throw new Error(renderDiagnostics(diagnostics, 'core.isf', text))
  const source = generateTypeScript(specification, { source: 'core.isf', runtime: '../../src/index.ts' })
  return formatModule('core.ts', source)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('core.ts', folder), await generateCore())
}
