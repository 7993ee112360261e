/** What a console prints, as a stream of lines of JSON that ends when the reader goes. */
import { ndjsonWriter } from '@lodestone/api'
import type { SerialConsoleChunk } from '@lodestone/contract-sled-agent'
import type { ConsoleBuffer } from './console-buffer.ts'

const CHUNK_BYTES = 16 * 1024
/** How many chunks a reader may be behind before it loses some. */
const MAX_QUEUED = 64

/** @param fromOffset since boot; what is no longer kept is skipped. */
export function consoleStream(console: ConsoleBuffer, fromOffset: number): ReadableStream<Uint8Array> {
  let at = fromOffset
  let stopListening = (): void => {}
  const chunks = ndjsonWriter<SerialConsoleChunk>(() => stopListening(), MAX_QUEUED)
  const push = (): void => {
    if (at > console.written) at = 0 // it was rebooted
    while (at < console.written && chunks.hasRoom) {
      const { data, endOffset } = console.read(at, CHUNK_BYTES)
      chunks.write({ offset: endOffset - data.length, data: Buffer.from(data).toString('base64') })
      at = endOffset
    }
  }
  stopListening = console.listen(push)
  push()
  return chunks.stream
}
