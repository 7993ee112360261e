/**
 * Writes `src/generated` from `src/headers`, formatted as the repository is. Run after editing a definition:
 * `node packages/foundation/packet/tools/generate.ts`. A test fails while the files and the table disagree.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, type FormatConfig } from 'oxfmt'
import { headerDefinitions } from '../src/headers/index.ts'
import { fileName } from './layout.ts'
import { renderHeader, renderIndex, renderTable } from './render.ts'

const generatedFolder = new URL('../src/generated/', import.meta.url)
const formatConfig = new URL('../../../../.oxfmtrc.json', import.meta.url)

/** File name to formatted source, for every generated file. */
export async function generate(): Promise<ReadonlyMap<string, string>> {
  // Because the file is the repository's own, its shape is not checked.
  const options = JSON.parse(readFileSync(formatConfig, 'utf8')) as FormatConfig
  const files = new Map<string, string>()
  const add = async (name: string, source: string): Promise<void> => {
    const result = await format(name, source, options)
    const error = result.errors[0]
    if (error !== undefined) throw new Error(`${name}: ${error.message}`)
    files.set(name, result.code)
  }
  for (const header of headerDefinitions) await add(fileName(header), renderHeader(header))
  await add('header-table.ts', renderTable(headerDefinitions))
  await add('index.ts', renderIndex(headerDefinitions))
  return files
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, source] of await generate()) writeFileSync(new URL(name, generatedFolder), source)
}
