/**
 * Collects events into stories, one per packet, in bounded memory. A story is finished when its packet was delivered,
 * consumed or dropped, or when nothing was heard of it for a while.
 */
import type { StoryEvent } from './step.ts'

export interface Story {
  readonly packet: number
  readonly events: readonly StoryEvent[]
}

export interface StoryBookOptions {
  /** Stories kept at once; the oldest unfinished one gives way. Default 1024. */
  readonly capacity?: number
  /** Events kept per story; later ones are not recorded. Default 256. */
  readonly eventsPerStory?: number
  /** Called once with each finished story. */
  readonly onStory: (story: Story) => void
}

export class StoryBook {
  readonly #capacity: number
  readonly #eventsPerStory: number
  readonly #onStory: (story: Story) => void
  readonly #open = new Map<number, StoryEvent[]>()

  constructor(options: StoryBookOptions) {
    this.#capacity = options.capacity ?? 1024
    this.#eventsPerStory = options.eventsPerStory ?? 256
    this.#onStory = options.onStory
  }

  add(event: StoryEvent): void {
    let events = this.#open.get(event.packet)
    if (events === undefined) {
      if (this.#open.size >= this.#capacity) this.#finish(this.#open.keys().next().value!)
      events = []
      this.#open.set(event.packet, events)
    }
    if (events.length < this.#eventsPerStory) events.push(event)
    const kind = event.step.kind
    if (kind === 'delivered' || kind === 'dropped') this.#finish(event.packet)
  }

  /** Ends every story whose last event is older than `olderThanMs`. */
  sweep(nowMs: number, olderThanMs: number): void {
    for (const [packet, events] of this.#open) {
      if (nowMs - events[events.length - 1]!.atMs >= olderThanMs) this.#finish(packet)
    }
  }

  #finish(packet: number): void {
    const events = this.#open.get(packet)
    if (events === undefined) return
    this.#open.delete(packet)
    this.#onStory({ packet, events })
  }
}
