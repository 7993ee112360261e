/**
 * Writes `examples/generated` from `examples/sequencer.rsf`, formatted as the repository is. Run after a change of the
 * example or the generator: `node packages/hardware/rsf/tools/generate.ts`. A test fails while they disagree.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, type FormatConfig } from 'oxfmt'
import { addressMapJson, compile, generateClient, renderDiagnostics, renderDocs, type ReadFile } from '../src/index.ts'

const examples = new URL('../examples/', import.meta.url)
const formatConfig = new URL('../../../../.oxfmtrc.json', import.meta.url)

/** File name below `examples/generated` to text. */
export async function generateExamples(): Promise<ReadonlyMap<string, string>> {
  const readFile: ReadFile = (path) => readFileSync(new URL(path, examples), 'utf8')
  const { specification, diagnostics } = compile('sequencer.rsf', readFile)
  if (specification === undefined) throw new Error(renderDiagnostics(diagnostics, readFile))
  // Because the file is the repository's own, its shape is not checked.
  const options = JSON.parse(readFileSync(formatConfig, 'utf8')) as FormatConfig
  const source = generateClient(specification, { runtime: '../../src/index.ts' })
  const client = await format('sequencer.ts', source, options)
  const error = client.errors[0]
  if (error !== undefined) throw new Error(error.message)
  const json = await format('sequencer.map.json', JSON.stringify(addressMapJson(specification)), options)
  return new Map([
    ['sequencer.ts', client.code],
    ['sequencer.map.json', json.code],
    ['sequencer.md', renderDocs(specification, 'markdown')],
  ])
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of await generateExamples()) {
    writeFileSync(new URL(`generated/${name}`, examples), text)
  }
}
