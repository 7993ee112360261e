/** Queue disciplines in front of a rate-limited wire, as data. */

export type QueueDiscipline =
  /** A frame that finds the queue full is dropped. */
  | { readonly kind: 'drop-tail' }
  /** The oldest frames go to make room for the new one. */
  | { readonly kind: 'drop-head' }
  /** Controlled delay (RFC 8289): keeps the time in the queue near a target. */
  | {
      readonly kind: 'codel'
      /** Default 5. */
      readonly targetMs?: number
      /** Default 100. */
      readonly intervalMs?: number
      /** Marks ECN-capable packets instead of dropping them (RFC 3168). */
      readonly ecn?: boolean
    }
  /** Random early detection: drops become likelier with the average length of the queue. */
  | {
      readonly kind: 'red'
      readonly minBytes: number
      readonly maxBytes: number
      /** Probability at `maxBytes`; default 0.1. Between that and twice `maxBytes` it rises to 1. */
      readonly maxProbability?: number
      /** Weight of one frame in the average; default 0.002. */
      readonly weight?: number
      readonly ecn?: boolean
    }
