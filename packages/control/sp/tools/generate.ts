/**
 * Writes `src/registers` from `specs`, formatted as the repository is: the clients through which firmware reaches its
 * devices, and the register files that the simulated devices are. Run after a change of a specification:
 * `node packages/control/sp/tools/generate.ts`. A test fails while they disagree.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { compile, generateClient, renderDiagnostics, type ReadFile } from '@lodestone/rsf'
import { format, type FormatConfig } from 'oxfmt'

export const DEVICES = ['sequencer', 'sensors', 'fan-controller', 'ignition', 'vpd', 'monorail'] as const
const specs = new URL('../specs/', import.meta.url)
export const registers = new URL('../src/registers/', import.meta.url)
const formatConfig = new URL('../../../../.oxfmtrc.json', import.meta.url)

/** File name below `src/registers` to text. */
export async function generateRegisters(): Promise<ReadonlyMap<string, string>> {
  const readFile: ReadFile = (path) => readFileSync(new URL(path, specs), 'utf8')
  // Because the file is the repository's own, its shape is not checked.
  const options = JSON.parse(readFileSync(formatConfig, 'utf8')) as FormatConfig
  const files = new Map<string, string>()
  for (const device of DEVICES) {
    const { specification, diagnostics } = compile(`${device}.rsf`, readFile)
    if (specification === undefined || diagnostics.length > 0) throw new Error(renderDiagnostics(diagnostics, readFile))
    const formatted = await format(
      `${device}.ts`,
      generateClient(specification, { parts: ['sync', 'simulation'] }),
      options,
    )
    const error = formatted.errors[0]
    if (error !== undefined) throw new Error(error.message)
    files.set(`${device}.ts`, formatted.code)
  }
  return files
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of await generateRegisters()) writeFileSync(new URL(name, registers), text)
}
