/**
 * A port of the switch as the switch zone's TCP/IP stack sees it (`tfportqsfp0`): frames that the stack sends leave by
 * that port and no other, frames that came in there for the switch itself arrive here. It is up when its port is.
 */
import type { FrameSink, Port } from '@lodestone/link'

/** Takes the frames that the stack sends; the slots become the callee's. */
export type TfportSender = (port: number, slots: Int32Array, count: number) => void

export class Tfport implements Port {
  readonly name: string
  /** The port's number in the pipeline. */
  readonly port: number
  sink: FrameSink | undefined
  readonly #send: TfportSender
  readonly #listeners = new Set<(isUp: boolean) => void>()
  #isUp: boolean

  constructor(name: string, port: number, isUp: boolean, send: TfportSender) {
    this.name = name
    this.port = port
    this.#isUp = isUp
    this.#send = send
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Follows the port; called by its switch only. */
  setUp(isUp: boolean): void {
    if (isUp === this.#isUp) return
    this.#isUp = isUp
    for (const listener of this.#listeners) listener(isUp)
  }

  send(slots: Int32Array, count: number): void {
    this.#send(this.port, slots, count)
  }

  attach(sink: FrameSink): void {
    this.sink = sink
  }

  onState(fn: (isUp: boolean) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }
}
