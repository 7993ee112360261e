/**
 * Keeps the last stories of packets that may have used an entry somebody asks about, while it listens. What it keeps is chosen by the words
 * of the question, so that a busy rack does not crowd out the few packets that matter.
 */
import { type Clock, every, type Timer } from '@lodestone/host'
import { type Step, StoryBook, type StoryEvent, type Tracer } from '@lodestone/probe'

const KEPT = 256
const SWEEP_MS = 250
/** A packet of which nothing was heard for this long went where no component tells of its end. */
const FORGOTTEN_MS = 1500

export interface KeptStory {
  readonly packet: number
  readonly events: readonly StoryEvent[]
}

export class StoryKeeper {
  readonly #book: StoryBook
  readonly #stories: KeptStory[] = []
  readonly #unlisten: () => void
  readonly #sweeper: Timer
  readonly #clock: Clock

  constructor(tracer: Tracer, clock: Clock, node: string, words: readonly string[]) {
    this.#clock = clock
    this.#book = new StoryBook({
      onStory: (story) => {
        if (!story.events.some(({ node: at, step }) => isAt(at, node) && isAbout(step, words))) return
        this.#stories.push(story)
        if (this.#stories.length > KEPT) this.#stories.shift()
      },
    })
    this.#unlisten = tracer.listen((event) => this.#book.add(event))
    this.#sweeper = every(clock, SWEEP_MS, () => this.#book.sweep(clock.nowMs(), FORGOTTEN_MS))
  }

  /** The last ones, oldest first. */
  get stories(): readonly KeptStory[] {
    return this.#stories
  }

  /** Stories that have not ended count as they are. */
  close(): void {
    this.#unlisten()
    this.#sweeper.cancel()
    this.#book.sweep(this.#clock.nowMs(), -1)
  }
}

/** The stack of a switch's processor tells under a name of its own. */
function isAt(place: string, node: string): boolean {
  return place === node || place === `${node}-zone`
}

function isAbout(step: Step, words: readonly string[]): boolean {
  switch (step.kind) {
    case 'table':
      return step.entry !== undefined && hasAll(step.entry, words)
    case 'layer':
      return true
    case 'route':
      return hasAll(step.prefix, words)
    default:
      return false
  }
}

export function hasAll(text: string, words: readonly string[]): boolean {
  return words.every((word) => text.includes(word))
}
