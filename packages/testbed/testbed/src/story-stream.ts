/**
 * `lode trace`: the events of every story that matches a filter, as NDJSON. A story is sent whole when its packet has come to an
 * end, so its events stand together.
 */
import { ndjsonWriter } from '@lodestone/api'
import { type Clock, every } from '@lodestone/host'
import { StoryBook, type StoryEvent, type StoryFilter, type Tracer } from '@lodestone/probe'

const SWEEP_MS = 250
/** A packet of which nothing was heard for this long went where no component tells of its end. */
const FORGOTTEN_MS = 1500

export function storyStream(
  tracer: Tracer,
  clock: Clock,
  matches: StoryFilter,
  maxPackets: number | undefined,
): ReadableStream<Uint8Array> {
  let packets = 0
  let ended = false
  const stop = (): void => {
    if (ended) return
    ended = true
    unlisten()
    sweeper.cancel()
  }
  const writer = ndjsonWriter<StoryEvent>(stop)
  const book = new StoryBook({
    onStory(story) {
      if (ended || !matches(story)) return
      for (const event of story.events) writer.write(event)
      packets++
      if (packets === maxPackets) {
        stop()
        writer.end()
      }
    },
  })
  const unlisten = tracer.listen((event) => book.add(event))
  const sweeper = every(clock, SWEEP_MS, () => book.sweep(clock.nowMs(), FORGOTTEN_MS))
  return writer.stream
}
