/** A live capture of any set of links and CPU ports as one pcapng stream, one interface for each, in bounded memory. */
import type { Arena } from '@lodestone/frame'
import { type Clock, every } from '@lodestone/host'
import { PcapngWriter } from '@lodestone/packet'
import { decisions, StoryBook, type Tracer, verdict } from '@lodestone/probe'

/** With verdicts: how long a frame waits for the end of its packet's story. */
const VERDICT_WAIT_MS = 1000
const VERDICT_SWEEP_MS = 50
/** Packets whose end is remembered for frames that are captured later. */
const VERDICTS_KEPT = 4096

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
  /** Frames that are wanted; all when absent. The bytes may be read during the call only. */
  readonly matches?: (frame: Uint8Array) => boolean
  /** Writes what became of each packet beside it, as comments. Frames are held back until that is known, for a second at most. */
  readonly verdicts?: boolean
  /** Needed for verdicts. */
  readonly tracer?: Tracer
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
        const write = (held: HeldFrame, comments: readonly string[]): void =>
          writer.write({
            ...held,
            ...captureClock(offsetMs + held.atMs),
            ...(comments.length === 0 ? {} : { comments }),
          })
        const held =
          options.verdicts === true && options.tracer !== undefined
            ? new VerdictQueue(clock, options.tracer, write)
            : undefined
        const end = (): void => {
          stop()
          if (held === undefined) return controller.close()
          // The last packets are still on their way.
          const timer = clock.after(VERDICT_WAIT_MS, () => {
            held.close()
            held.stopListening()
            controller.close()
          })
          stops.push(() => {
            timer.cancel()
            held.stopListening()
          })
        }
        options.points.forEach((point, index) => {
          stops.push(
            point.tap((slot, atMs) => {
              if ((controller.desiredSize ?? 0) <= 0) return
              const bytes = arena.peek(slot)
              if (options.matches !== undefined && !options.matches(bytes)) return
              const frame: HeldFrame = { interfaceId: ids[index]!, packetId: arena.packet(slot), atMs, bytes }
              if (held === undefined) write(frame, [])
              else held.push({ ...frame, bytes: bytes.slice() })
              frames++
              if (frames === options.maxFrames) end()
            }),
          )
        })
        if (options.durationMs !== undefined) {
          const timer = clock.after(options.durationMs, () => {
            if (stops.length > 0) end()
          })
          stops.push(() => timer.cancel())
        }
      },
      cancel: () => stop(),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: options.maxQueuedBytes ?? 64 * 1024 * 1024 }),
  )
}

interface HeldFrame {
  readonly interfaceId: number
  readonly packetId: number
  readonly atMs: number
  readonly bytes: Uint8Array
}

function captureClock(wallMs: number): { readonly seconds: number; readonly nanoseconds: number } {
  return { seconds: Math.floor(wallMs / 1000), nanoseconds: Math.floor((wallMs % 1000) * 1e6) }
}

/** Frames in the order they were seen, each held until its packet's story has ended or it has waited long enough. */
class VerdictQueue {
  readonly #write: (frame: HeldFrame, comments: readonly string[]) => void
  readonly #frames: HeldFrame[] = []
  readonly #ends = new Map<number, readonly string[]>()
  readonly #unlisten: () => void
  readonly #sweeper: { cancel(): void }

  constructor(clock: Clock, tracer: Tracer, write: (frame: HeldFrame, comments: readonly string[]) => void) {
    this.#write = write
    const book = new StoryBook({
      onStory: ({ packet, events }) => {
        this.#ends.set(packet, [...verdict(events).lines, ...decisions(events)])
        if (this.#ends.size > VERDICTS_KEPT) this.#ends.delete(this.#ends.keys().next().value!)
      },
    })
    this.#unlisten = tracer.listen((event) => book.add(event))
    this.#sweeper = every(clock, VERDICT_SWEEP_MS, () => {
      book.sweep(clock.nowMs(), VERDICT_WAIT_MS)
      this.#flush(clock.nowMs())
    })
  }

  push(frame: HeldFrame): void {
    this.#frames.push(frame)
  }

  stopListening(): void {
    this.#unlisten()
    this.#sweeper.cancel()
  }

  /** Writes what is left with what is known. */
  close(): void {
    this.#flush(Infinity)
  }

  #flush(nowMs: number): void {
    let done = 0
    for (const frame of this.#frames) {
      const lines = this.#ends.get(frame.packetId)
      if (lines === undefined && nowMs - frame.atMs < VERDICT_WAIT_MS) break
      this.#write(frame, lines ?? [])
      done++
    }
    this.#frames.splice(0, done)
  }
}
