/**
 * The API that a `user_data` module gets. The module's default export is called with it:
 *
 *     export default async function main(guest: GuestApi) {
 *       guest.http.serve(80, (request) => new Response(`hello from ${guest.hostname}\n`))
 *     }
 *
 * There is nothing else: no files, no process, no imports, no network but the instance's own.
 */
export interface GuestConnection extends AsyncIterable<Uint8Array> {
  readonly remoteAddress: string
  readonly remotePort: number
  /** Resolves when the stack has taken the bytes. */
  write(data: Uint8Array | string): Promise<void>
  /** No more will be written; reading goes on. */
  end(): void
  close(): void
}

export interface GuestApi {
  readonly hostname: string
  /** Addresses at start, as text. */
  readonly addresses: readonly string[]
  readonly clock: { nowMs(): number; sleep(ms: number): Promise<void> }
  /** The serial console. */
  readonly console: { print(text: string): void; readonly lines: AsyncIterable<string> }
  readonly net: {
    /** Calls `onConnection` for each connection. */
    listen(port: number, onConnection: (connection: GuestConnection) => void | Promise<void>): Promise<void>
    connect(address: string, port: number): Promise<GuestConnection>
  }
  readonly http: { serve(port: number, handler: (request: Request) => Response | Promise<Response>): Promise<void> }
}
