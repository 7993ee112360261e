/** Files that a person names on the command line. */
import { readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { PcapngBlocks } from '@lodestone/packet'

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

/** Writes a capture to a file, or to `-`, standard output, in whole blocks wherever it is cut off. @returns how many bytes. */
export async function writeCapture(
  path: string,
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<number> {
  const file = path === '-' ? undefined : await open(path, 'w')
  const blocks = new PcapngBlocks()
  let bytes = 0
  try {
    for await (const part of stream) {
      const chunk = blocks.push(part)
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
