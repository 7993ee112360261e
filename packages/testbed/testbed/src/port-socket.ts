/**
 * A port of a node that cables are plugged into and pulled out of while the node lives. Without a cable it has no carrier, and
 * what is sent on it is freed and counted.
 *
 * The node holds the socket, the wiring holds the cable: a topology can change under a running node.
 */
import type { Arena } from '@lodestone/frame'
import type { FrameSink, Port } from '@lodestone/link'

export class PortSocket implements Port {
  readonly name: string
  readonly #arena: Arena
  readonly #listeners = new Set<(isUp: boolean) => void>()
  #cable: Port | undefined
  #sink: FrameSink | undefined
  #unsubscribe: (() => void) | undefined
  /** Frames that were sent while no cable was there. */
  lost = 0

  constructor(name: string, arena: Arena) {
    this.name = name
    this.#arena = arena
  }

  get isUp(): boolean {
    return this.#cable?.isUp ?? false
  }

  get isPlugged(): boolean {
    return this.#cable !== undefined
  }

  plug(cable: Port): void {
    if (this.#cable !== undefined) throw new Error(`${this.name} has a cable already`)
    this.#cable = cable
    if (this.#sink !== undefined) cable.attach(this.#sink)
    this.#unsubscribe = cable.onState((isUp) => this.#announce(isUp))
    if (cable.isUp) this.#announce(true)
  }

  unplug(): void {
    const cable = this.#cable
    if (cable === undefined) return
    this.#unsubscribe?.()
    this.#cable = undefined
    if (cable.isUp) this.#announce(false)
  }

  send(slots: Int32Array, count: number): void {
    if (this.#cable !== undefined) return this.#cable.send(slots, count)
    this.lost += count
    for (let i = 0; i < count; i++) this.#arena.free(slots[i]!)
  }

  attach(sink: FrameSink): void {
    this.#sink = sink
    this.#cable?.attach(sink)
  }

  onState(fn: (isUp: boolean) => void): () => void {
    this.#listeners.add(fn)
    return () => void this.#listeners.delete(fn)
  }

  #announce(isUp: boolean): void {
    for (const listener of [...this.#listeners]) listener(isUp)
  }
}
