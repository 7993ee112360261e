/** What a command writes for its user, into folders that are made where they are missing. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** @returns why it cannot be written, if it cannot. */
export function writeOutput(file: string, content: string | Uint8Array): string | undefined {
  return attempt(file, () => {
    makeFolders(dirname(file))
    writeFileSync(file, content)
  })
}

export function makeFolder(folder: string): string | undefined {
  return attempt(folder, () => makeFolders(folder))
}

/** One after the other: where no folder can be made and the system says ENOENT (/proc), Node's recursive mkdir never ends. */
function makeFolders(folder: string): void {
  const missing: string[] = []
  for (let at = resolve(folder); ; at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false })
    if (found?.isDirectory()) break
    if (found !== undefined) throw new Error(`${at} is not a folder`)
    missing.push(at)
  }
  for (const one of missing.reverse()) mkdirSync(one)
}

function attempt(path: string, body: () => void): string | undefined {
  try {
    body()
    return undefined
  } catch (error) {
    return `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`
  }
}
