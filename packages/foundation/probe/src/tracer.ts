/**
 * Where packet stories go. Components ask `tracer.isOn` once per batch (one property load when nobody is
 * watching) and only then build steps.
 */
import type { Step, StoryEvent } from './step.ts'

export class Tracer {
  /** Read on packet paths; true while anyone listens. */
  isOn = false
  readonly #listeners = new Set<(event: StoryEvent) => void>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** @returns unsubscribe. */
  listen(listener: (event: StoryEvent) => void): () => void {
    this.#listeners.add(listener)
    this.isOn = true
    return () => {
      this.#listeners.delete(listener)
      this.isOn = this.#listeners.size > 0
    }
  }

  emit(node: string, packet: number, step: Step): void {
    const event: StoryEvent = { packet, atMs: this.#nowMs(), node, step }
    for (const listener of this.#listeners) listener(event)
  }
}
