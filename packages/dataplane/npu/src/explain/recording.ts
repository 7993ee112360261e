/** A trace of every packet: written by generated code while packets flow, read when somebody wants to know. */
import type { Explanation } from './explanation.ts'

export interface RecordingOptions {
  /** Memory for records; the oldest make room for new ones. Default 8 MiB. */
  readonly bytes?: number
}

export interface RecordedPacket {
  /** Port of ingress. */
  readonly port: number
  /** Of the frame, in bytes. */
  readonly length: number
  /** The frame's first bytes, up to 256. */
  readonly head: Uint8Array
  readonly isDropped: boolean
  /**
   * Made now, from records: exact in what the program did; entries that have been changed or removed since are told as they
   * are now, or named as gone.
   */
  explain(): Explanation
}

export interface Recording {
  readonly isOn: boolean
  /** Every packet from now on, and nothing of before. */
  start(options?: RecordingOptions): void
  /** What was recorded stays. */
  stop(): void
  /** Packets whose records are still there, oldest first. Do not send packets while iterating. */
  packets(): Iterable<RecordedPacket>
}
