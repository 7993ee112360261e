/** Files that a person names on the command line. */
import { readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'

/** As another process has to be told it. */
export function absolutePath(path: string): string {
  return resolve(path)
}

export function writeText(path: string, text: string): void {
  writeFileSync(path, text.endsWith('\n') ? text : `${text}\n`)
}

/** Throws a Node-style error, which names the file. */
export function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

/** Writes a stream to a file, or to `-`, standard output. @returns how many bytes. */
export async function writeStream(
  path: string,
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const file = path === '-' ? undefined : await open(path, 'w')
  let bytes = 0
  try {
    for await (const chunk of stream) {
      bytes += chunk.length
      if (file !== undefined) await file.write(chunk)
      else if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await file?.close()
  }
  return bytes
}
