/** Runs generated source: written to a temporary folder, imported, removed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The module's exports, by name. */
export async function loadGenerated(source: string): Promise<Readonly<Record<string, unknown>>> {
  const folder = mkdtempSync(join(tmpdir(), 'rsf-generated-'))
  try {
    const file = join(folder, 'generated.ts')
    writeFileSync(file, source)
    return await import(pathToFileURL(file).href)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** What generated source outside this package imports its runtime from. */
export const RUNTIME = new URL('../index.ts', import.meta.url).href
