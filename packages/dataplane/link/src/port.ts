/**
 * A port: anything that moves frames. Links, NICs, pipelines, QEMU sockets, capture files all meet here. Frames are
 * slots of one arena and are handed over in batches; ownership passes with the call.
 */

/** Takes frames. The array is the caller's and is only valid during the call; the slots become the callee's. */
export interface FrameSink {
  receive(slots: Int32Array, count: number): void
}

export interface Port {
  readonly name: string
  readonly isUp: boolean
  /** How long a frame that is sent now waits before its first bit leaves; undefined where nobody knows. */
  readonly backlogMs?: number
  /** How long it would wait behind all that there is room for; Infinity where nothing is dropped for that. */
  readonly backlogLimitMs?: number
  /** Sends frames out of this port. A port that is down, or full, frees and counts them. Never throws. */
  send(slots: Int32Array, count: number): void
  /** Sets who gets the frames that arrive. Until then, arriving frames are freed and counted. */
  attach(sink: FrameSink): void
  /** Called with the new state after each change. @returns unsubscribe. */
  onState(fn: (isUp: boolean) => void): () => void
}
