/** What a command writes for its user, into folders that are made where they are missing. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** @returns why it cannot be written, if it cannot. */
export function writeOutput(file: string, content: string | Uint8Array): string | undefined {
  return attempt(file, () => {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  })
}

export function makeFolder(folder: string): string | undefined {
  return attempt(folder, () => mkdirSync(folder, { recursive: true }))
}

function attempt(path: string, body: () => void): string | undefined {
  try {
    body()
    return undefined
  } catch (error) {
    return `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`
  }
}
