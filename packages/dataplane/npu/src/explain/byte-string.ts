/** Bytes from values, and as text. */

/** Of a value of whole bytes, in network order. */
export function bytesOf(value: bigint, width: number): Uint8Array {
  const count = width / 8
  return Uint8Array.from({ length: count }, (_, k) => Number((value >> BigInt(8 * (count - 1 - k))) & 0xffn))
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
