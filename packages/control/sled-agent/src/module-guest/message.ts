/**
 * What the guest's worker and the sled say to each other. Ids are the worker's: it counts requests and listeners; the sled
 * counts connections. Bytes are copied by the message port.
 */

/** Worker → sled. */
export type GuestMessage =
  | { readonly kind: 'listen'; readonly request: number; readonly port: number }
  | { readonly kind: 'connect'; readonly request: number; readonly address: string; readonly port: number }
  | { readonly kind: 'serve'; readonly request: number; readonly port: number }
  | { readonly kind: 'write'; readonly request: number; readonly connection: number; readonly bytes: Uint8Array }
  /** The guest has taken this many bytes of what it was given: more may follow. */
  | { readonly kind: 'taken'; readonly connection: number; readonly bytes: number }
  | { readonly kind: 'end'; readonly connection: number }
  | { readonly kind: 'close'; readonly connection: number }
  | {
      readonly kind: 'response'
      readonly exchange: number
      readonly status: number
      readonly headers: readonly (readonly [string, string])[]
      readonly body: Uint8Array
    }
  | { readonly kind: 'print'; readonly bytes: Uint8Array }
  /** The module's main function returned or threw. */
  | { readonly kind: 'finished'; readonly error?: string }

/** Sled → worker. */
export type SledMessage =
  | { readonly kind: 'done'; readonly request: number; readonly value: number }
  | { readonly kind: 'failed'; readonly request: number; readonly message: string }
  | {
      readonly kind: 'accepted'
      readonly listener: number
      readonly connection: number
      readonly remoteAddress: string
      readonly remotePort: number
    }
  | { readonly kind: 'data'; readonly connection: number; readonly bytes: Uint8Array }
  | { readonly kind: 'ended'; readonly connection: number }
  | { readonly kind: 'closed'; readonly connection: number; readonly error?: string }
  | {
      readonly kind: 'request'
      readonly server: number
      readonly exchange: number
      readonly method: string
      readonly url: string
      readonly headers: readonly (readonly [string, string])[]
      readonly body: Uint8Array
    }
  | { readonly kind: 'input'; readonly bytes: Uint8Array }

export interface GuestWorkerData {
  readonly source: string
  readonly hostname: string
  readonly addresses: readonly string[]
}
