/**
 * The host's serial console over datagrams: one client at a time. What the host prints goes out with its offset and is not
 * repeated; what the client types comes with an offset and is acknowledged, so a datagram that comes twice types once.
 */

export const CONSOLE_IDLE_MS = 20_000

export interface ConsoleClient {
  /** Whoever sends from there is the client. */
  readonly key: string
  /** Offset of the next byte that the client will type. */
  readonly typed: bigint
  /** Offset of the next byte that the host will print. */
  readonly printed: bigint
  readonly heardMs: number
}

export type ConsoleRefusal = 'not-attached' | 'already-attached'

export type AttachResult =
  | { readonly ok: true; readonly client: ConsoleClient }
  | { readonly ok: false; readonly refusal: ConsoleRefusal }

/** The same client may attach again: its first answer was lost. */
export function attachConsole(client: ConsoleClient | undefined, key: string, nowMs: number): AttachResult {
  if (client !== undefined && client.key !== key) return { ok: false, refusal: 'already-attached' }
  return { ok: true, client: { key, typed: 0n, printed: 0n, heardMs: nowMs } }
}

export type TypeResult =
  | { readonly ok: true; readonly client: ConsoleClient; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly refusal: ConsoleRefusal }

/** @returns what of it is new; nothing when bytes before it are missing. */
export function typeConsole(
  client: ConsoleClient | undefined,
  key: string,
  offset: bigint,
  data: Uint8Array,
  nowMs: number,
): TypeResult {
  if (client === undefined || client.key !== key) return { ok: false, refusal: 'not-attached' }
  const skip = client.typed - offset
  const bytes = skip < 0n || skip > BigInt(data.length) ? data.subarray(0, 0) : data.subarray(Number(skip))
  return { ok: true, client: { ...client, typed: client.typed + BigInt(bytes.length), heardMs: nowMs }, bytes }
}

export function isConsoleIdle(client: ConsoleClient, nowMs: number): boolean {
  return nowMs - client.heardMs >= CONSOLE_IDLE_MS
}
