/**
 * A host's phase 2 image by hash: the host asks for the next bytes, the service processor asks the gateways in turn and
 * repeats itself, and the whole is good only when its SHA-256 is the one that was asked for. Pure: `(fetch, event) → fetch`.
 */
import { sha256 } from './image.ts'

export const PHASE2_TIMEOUT_MS = 1000
const MAX_ATTEMPTS = 10
const MAX_IMAGE_BYTES = 64 << 20

export interface Phase2Fetch {
  readonly hash: Uint8Array
  /** Bytes that have arrived, in order. */
  readonly parts: readonly Uint8Array[]
  readonly offset: number
  /** Since the last part came. */
  readonly attempts: number
  readonly state: 'fetching' | 'complete' | 'unavailable' | 'timeout' | 'corrupt'
}

export function beginFetch(hash: Uint8Array): Phase2Fetch {
  return { hash, parts: [], offset: 0, attempts: 1, state: 'fetching' }
}

/** A part; one that comes twice, for another image or without bytes changes nothing. */
export function acceptPart(fetch: Phase2Fetch, hash: Uint8Array, offset: bigint, data: Uint8Array): Phase2Fetch {
  if (fetch.state !== 'fetching' || data.length === 0) return fetch
  if (offset !== BigInt(fetch.offset) || !sameBytes(hash, fetch.hash)) return fetch
  const next = fetch.offset + data.length
  if (next > MAX_IMAGE_BYTES) return { ...fetch, state: 'corrupt' }
  return { ...fetch, parts: [...fetch.parts, data], offset: next, attempts: 1 }
}

/** There is nothing behind the last part: the image is whole, or it is another one. */
export function acceptEnd(fetch: Phase2Fetch, hash: Uint8Array): Phase2Fetch {
  if (fetch.state !== 'fetching' || !sameBytes(hash, fetch.hash)) return fetch
  return { ...fetch, state: sameBytes(sha256(Buffer.concat(fetch.parts)), fetch.hash) ? 'complete' : 'corrupt' }
}

/** This gateway does not have it: another may. */
export function refusePart(fetch: Phase2Fetch, gateways: number): Phase2Fetch {
  if (fetch.state !== 'fetching') return fetch
  return fetch.attempts >= Math.max(1, gateways)
    ? { ...fetch, state: 'unavailable' }
    : { ...fetch, attempts: fetch.attempts + 1 }
}

/** Nobody answered in time. */
export function expirePart(fetch: Phase2Fetch): Phase2Fetch {
  if (fetch.state !== 'fetching') return fetch
  return fetch.attempts === MAX_ATTEMPTS ? { ...fetch, state: 'timeout' } : { ...fetch, attempts: fetch.attempts + 1 }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
