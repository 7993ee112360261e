/** Streams of JSON values, one per line (`application/x-ndjson`): how live events travel. */
import type { z } from 'zod'

export const NDJSON = 'application/x-ndjson'

export interface NdjsonWriter<T> {
  readonly stream: ReadableStream<Uint8Array>
  /** @returns false when the line was dropped, because the reader is `maxQueued` lines behind or gone. */
  write(value: T): boolean
  /** Whether the next line would be taken. */
  readonly hasRoom: boolean
  end(): void
}

/**
 * A stream that is fed by events. A slow reader loses lines (and is told so by `write`), it never makes memory grow.
 * @param onCancel called once when the reader goes away.
 */
export function ndjsonWriter<T>(onCancel: () => void = () => {}, maxQueued = 65_536): NdjsonWriter<T> {
  const encoder = new TextEncoder()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>(
    {
      start(c) {
        controller = c
      },
      cancel() {
        controller = undefined
        onCancel()
      },
    },
    new CountQueuingStrategy({ highWaterMark: maxQueued }),
  )
  const hasRoom = (): boolean => controller !== undefined && (controller.desiredSize ?? 0) > 0
  return {
    stream,
    get hasRoom() {
      return hasRoom()
    },
    write(value) {
      if (controller === undefined || !hasRoom()) return false
      controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`))
      return true
    },
    end() {
      controller?.close()
      controller = undefined
    },
  }
}

/** The values of a stream of lines. Ends with the stream; throws on a line that does not fit the schema. */
export async function* readNdjson<S extends z.ZodType>(
  stream: ReadableStream<Uint8Array>,
  schema: S,
): AsyncGenerator<z.output<S>> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true })
      const lines = rest.split('\n')
      rest = done ? '' : lines.pop()!
      for (const line of lines) if (line !== '') yield schema.parse(JSON.parse(line))
      if (done) return
    }
  } finally {
    await reader.cancel()
  }
}
