/**
 * A packet of the experiment: the TCP segment as the state machine knows it, and its telemetry. No bytes, but every byte counts:
 * `wireBytes` is what it takes on a cable.
 */
import { OutSegment } from '@lodestone/netstack'

/** Payload of a full segment: a guest's MTU of 1500 less IPv4 and TCP. */
export const SEGMENT_BYTES = 1460
/** Around a payload: TCP, IPv4, inner Ethernet, Geneve, UDP, IPv6, Ethernet; preamble, frame check sequence, gap. */
export const OVERHEAD_BYTES = 20 + 20 + 14 + 8 + 8 + 40 + 14 + 24
/** Of an IPv6 packet that holds only the telemetry header with one element. */
export const PROBE_BYTES = 14 + 40 + 8 + 24
/** The telemetry header with one element, and each further element. */
export const TELEMETRY_BYTES = 8
export const ELEMENT_BYTES = 4

export const DATA = 0
export const PROBE = 1
export const ANSWER = 2

export class Packet {
  kind = DATA
  source = 0
  destination = 0
  /** Index of the flow, and whether it goes from the flow's source. */
  flow = 0
  isForward = true
  readonly segment: OutSegment = new OutSegment()
  wireBytes = 0
  path = 0
  /** The element; -1 when there is none. */
  elementId = -1
  elementStamp = 0
  receiverStamp = 0
  /** Sent before: its arrival below the highest one is no reordering. */
  isRepeat = false
}

/** Packets are used again, so that a run of millions makes only as many as are under way at once. */
export class PacketPool {
  readonly #free: Packet[] = []

  take(): Packet {
    return this.#free.pop() ?? new Packet()
  }

  give(packet: Packet): void {
    packet.elementId = -1
    packet.isRepeat = false
    this.#free.push(packet)
  }
}
