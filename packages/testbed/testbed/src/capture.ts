/** A live capture of any set of links and CPU ports as one pcapng stream, one interface for each, in bounded memory. */
import type { Arena } from '@lodestone/frame'
import type { Clock } from '@lodestone/host'
import { PcapngWriter } from '@lodestone/packet'

/** Where frames can be watched: a link, or the CPU port of a switch. */
export interface CapturePoint {
  readonly name: string
  /** The slot may be read during the call only. @returns unsubscribe. */
  tap(fn: (slot: number, atMs: number) => void): () => void
}

export interface CaptureOptions {
  readonly arena: Arena
  readonly clock: Clock
  readonly points: readonly CapturePoint[]
  readonly maxFrames?: number
  readonly durationMs?: number
  /** Bytes that may wait for a slow reader; frames beyond are not captured and counted. */
  readonly maxQueuedBytes?: number
}

export function captureStream(options: CaptureOptions): ReadableStream<Uint8Array> {
  const { arena, clock } = options
  const offsetMs = clock.wallMs() - clock.nowMs()
  const stops: (() => void)[] = []
  const stop = (): void => {
    for (const each of stops.splice(0)) each()
  }
  let frames = 0
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const writer = new PcapngWriter((block) => controller.enqueue(block))
        const ids = options.points.map((point) => writer.addInterface(point.name))
        options.points.forEach((point, index) => {
          stops.push(
            point.tap((slot, atMs) => {
              if ((controller.desiredSize ?? 0) <= 0) return
              const wallMs = offsetMs + atMs
              writer.write({
                interfaceId: ids[index]!,
                seconds: Math.floor(wallMs / 1000),
                nanoseconds: Math.floor((wallMs % 1000) * 1e6),
                packetId: arena.packet(slot),
                bytes: arena.peek(slot),
              })
              frames++
              if (frames === options.maxFrames) {
                stop()
                controller.close()
              }
            }),
          )
        })
        if (options.durationMs !== undefined) {
          const timer = clock.after(options.durationMs, () => {
            if (stops.length === 0) return
            stop()
            controller.close()
          })
          stops.push(() => timer.cancel())
        }
      },
      cancel: stop,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: options.maxQueuedBytes ?? 64 * 1024 * 1024 }),
  )
}
