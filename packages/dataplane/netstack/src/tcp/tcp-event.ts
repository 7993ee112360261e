/**
 * What can be seen of a TCP connection while somebody watches its stack: state, segments of data, round trips. Told after the machine's step
 * that brought it, so what an observer reads of the stack is what holds then. Nobody is told anything from inside of the machine.
 */
import type { TcpFailure } from './tcb.ts'

export interface TcpConnectionName {
  readonly local: string
  readonly localPort: number
  readonly remote: string
  readonly remotePort: number
}

export type TcpEvent =
  | { readonly kind: 'state'; readonly from: string; readonly to: string; readonly failure: TcpFailure | undefined }
  /** A segment with data, or one that opens or closes; acknowledgments alone are not told. */
  | {
      readonly kind: 'send' | 'retransmit'
      /** Of payload. */
      readonly bytes: number
      /** Not acknowledged yet, with this segment. */
      readonly inFlight: number
      /** Congestion window, bytes. */
      readonly windowBytes: number
    }
  /** @property isNew whether any of it was not there before. */
  | { readonly kind: 'receive'; readonly bytes: number; readonly isNew: boolean }
  | { readonly kind: 'rtt'; readonly rttMs: number; readonly smoothedMs: number; readonly timeoutMs: number }

export type TcpObserver = (connection: TcpConnectionName, event: TcpEvent) => void
