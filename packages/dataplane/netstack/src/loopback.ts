/** Packets from a host to itself: queued, and received in a turn of their own. Also where extra addresses live. */
import { Ip, Mac, Prefix } from '@lodestone/net'
import { NS_DROP } from './drop.ts'
import type { Interface } from './interface.ts'
import { loopbackInput } from './ip-input.ts'
import type { Stack } from './stack.ts'

const QUEUE = 1024

export class Loopback {
  readonly interface: Interface
  readonly #stack: Stack
  #queue = new Int32Array(QUEUE)
  #spare = new Int32Array(QUEUE)
  #count = 0

  constructor(stack: Stack) {
    this.#stack = stack
    const mtuBytes = Math.min(65_535, stack.arena.slotBytes - stack.arena.headroomBytes - 14)
    this.interface = stack.addInterface('lo', Mac.fromNumber(0), mtuBytes, undefined)
    this.interface.addAddress(Prefix.of('127.0.0.1/8'))
    this.interface.addAddress(new Prefix(Ip.of('::1'), 128))
  }

  /** Takes a packet that starts at its IP header. */
  send(slot: number): void {
    if (this.#count === QUEUE) return this.#stack.drop(slot, NS_DROP.LOOPBACK_QUEUE)
    if (this.#count === 0) this.#stack.clock.after(0, this.#turn)
    this.#queue[this.#count++] = slot
  }

  readonly #turn = (): void => {
    const slots = this.#queue
    const count = this.#count
    this.#queue = this.#spare
    this.#spare = slots
    this.#count = 0
    this.#stack.enter()
    try {
      for (let i = 0; i < count; i++) loopbackInput(this.#stack, this.interface, slots[i]!)
    } finally {
      this.#stack.leave()
    }
  }
}
