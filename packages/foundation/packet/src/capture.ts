/** One captured frame, as pcap and pcapng files hold it. */
export interface CapturedPacket {
  /** Time since the epoch of the capture (1970 unless the clock is a simulated one): whole seconds, and the rest. */
  readonly seconds: number
  readonly nanoseconds: number
  readonly bytes: Uint8Array
  /** Length on the wire when `bytes` was cut. */
  readonly originalLength?: number
}

/** A capture that could be read up to `packets`; `error` says why no further, and is absent for a whole file. */
export interface CaptureError {
  readonly kind: 'not-a-capture' | 'truncated' | 'bad-block'
  /** Byte offset in the file. */
  readonly offset: number
}

/** Link types (LINKTYPE_ values of the pcap registry). */
export const LinkType = { ethernet: 1, raw: 101 } as const

/** Splits a time in milliseconds (fractions allowed) into the two numbers of a `CapturedPacket`. */
export function captureTime(ms: number): { readonly seconds: number; readonly nanoseconds: number } {
  const seconds = Math.floor(ms / 1000)
  // Rounding may reach a whole second.
  const nanoseconds = Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))
  return { seconds, nanoseconds }
}
