/** What went wrong with a packet, in the terms of both families. */
export const ErrorKind = {
  net: 0,
  host: 1,
  protocol: 2,
  port: 3,
  tooBig: 4,
  timeExceeded: 5,
  prohibited: 6,
  /** Fragments of the packet did not arrive in time. */
  reassembly: 7,
} as const

export type ErrorKind = (typeof ErrorKind)[keyof typeof ErrorKind]
