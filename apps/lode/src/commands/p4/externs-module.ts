/** `--externs FILE`: the module whose exports are the extern functions and classes that a program calls. */
import type { ExternTable } from '@lodestone/npu'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

export type LoadedExterns =
  | { readonly ok: true; readonly externs: ExternTable }
  | { readonly ok: false; readonly message: string }

export async function loadExterns(file: string): Promise<LoadedExterns> {
  try {
    const loaded = (await import(pathToFileURL(resolve(file)).href)) as Readonly<Record<string, unknown>>
    // `export default { 'Type.method': … }` gives names that cannot be exported.
    const fallback = loaded['default']
    const named = typeof fallback === 'object' && fallback !== null ? fallback : {}
    const entries = Object.entries({ ...named, ...loaded }).filter(([, value]) => typeof value === 'function')
    if (entries.length === 0) return { ok: false, message: `${file} exports no functions` }
    // Only functions are left; what they take and give is the user's responsibility, and checked at each call.
    return { ok: true, externs: Object.fromEntries(entries) as ExternTable }
  } catch (error) {
    return { ok: false, message: `cannot load ${file}: ${error instanceof Error ? error.message : String(error)}` }
  }
}
