/**
 * One direction of a cable with the queue in front of it: a rate, a delay, a drop-tail limit. The same arithmetic as the link of
 * @lodestone/link, for packets without bytes.
 */
import type { Packet } from './packet.ts'

export interface WireOptions {
  readonly rateBps: number
  readonly delayUs: number
  readonly queueBytes: number
}

export class Wire {
  readonly #usPerByte: number
  readonly #delayUs: number
  readonly #queueBytes: number
  #busyUntilUs = 0
  #packets: (Packet | undefined)[] = Array.from({ length: 64 }, () => undefined)
  #dueUs = new Float64Array(64)
  #head = 0
  #count = 0
  bytes = 0
  drops = 0

  constructor(options: WireOptions) {
    this.#usPerByte = 8e6 / options.rateBps
    this.#delayUs = options.delayUs
    this.#queueBytes = options.queueBytes
  }

  get count(): number {
    return this.#count
  }

  /** How long a packet waits that is offered now. */
  backlogUs(nowUs: number): number {
    return Math.max(0, this.#busyUntilUs - nowUs)
  }

  /** How long behind a full queue. */
  get limitUs(): number {
    return this.#queueBytes * this.#usPerByte
  }

  /** When a packet of `bytes` would arrive that is offered at `atUs`, if nothing else is until then; Infinity for a full queue. */
  arrivalUs(bytes: number, atUs: number): number {
    const waitUs = this.backlogUs(atUs)
    if (waitUs > 0 && waitUs / this.#usPerByte + bytes > this.#queueBytes) return Infinity
    return atUs + waitUs + bytes * this.#usPerByte + this.#delayUs
  }

  /** When the first packet arrives. There is one. */
  get dueUs(): number {
    return this.#dueUs[this.#head]!
  }

  /** @returns false when the queue is full; the packet stays the caller's. */
  offer(packet: Packet, nowUs: number): boolean {
    const waitUs = Math.max(0, this.#busyUntilUs - nowUs)
    if (waitUs > 0 && waitUs / this.#usPerByte + packet.wireBytes > this.#queueBytes) {
      this.drops++
      return false
    }
    this.#busyUntilUs = nowUs + waitUs + packet.wireBytes * this.#usPerByte
    this.bytes += packet.wireBytes
    if (this.#count === this.#packets.length) this.#grow()
    const at = (this.#head + this.#count++) & (this.#packets.length - 1)
    this.#packets[at] = packet
    this.#dueUs[at] = this.#busyUntilUs + this.#delayUs
    return true
  }

  /** The first packet, which has arrived. */
  take(): Packet {
    // because the caller saw that there is one
    const packet = this.#packets[this.#head]!
    this.#packets[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#packets.length - 1)
    this.#count--
    return packet
  }

  #grow(): void {
    const length = this.#packets.length
    const packets: (Packet | undefined)[] = Array.from({ length: 2 * length }, () => undefined)
    const dueUs = new Float64Array(2 * length)
    for (let i = 0; i < length; i++) {
      packets[i] = this.#packets[(this.#head + i) & (length - 1)]
      dueUs[i] = this.#dueUs[(this.#head + i) & (length - 1)]!
    }
    this.#packets = packets
    this.#dueUs = dueUs
    this.#head = 0
  }
}
