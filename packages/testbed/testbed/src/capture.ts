/** A live capture of any set of links as one pcapng stream, one interface per link, in bounded memory. */
import type { Arena } from '@lodestone/frame'
import type { Clock } from '@lodestone/host'
import type { Link } from '@lodestone/link'
import { PcapngWriter } from '@lodestone/packet'

export interface CaptureOptions {
  readonly arena: Arena
  readonly clock: Clock
  readonly links: readonly Link[]
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
        const ids = options.links.map((link) => writer.addInterface(link.name))
        options.links.forEach((link, index) => {
          stops.push(
            link.tap((slot, _direction, atMs) => {
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
