/**
 * Our echo packets (RFC 5881 §4, port 3785). Their contents are nobody's business but the sender's (RFC 5880 §5):
 *
 *   magic u32 | our discriminator u32 | sequence u32 | nonce, 8 bytes | sent at, milliseconds, f64
 *
 * The nonce is random per session, so that nobody off the path can pretend that echoes come back.
 */
const MAGIC = 0x4c45_4348
export const NONCE_BYTES = 8
export const ECHO_BYTES = 28

export interface EchoPacket {
  readonly discriminator: number
  readonly sequence: number
  readonly nonce: Uint8Array
  readonly sentAtMs: number
}

export function encodeEcho(echo: EchoPacket): Uint8Array {
  const bytes = new Uint8Array(ECHO_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC)
  view.setUint32(4, echo.discriminator)
  view.setUint32(8, echo.sequence)
  bytes.set(echo.nonce.subarray(0, NONCE_BYTES), 12)
  view.setFloat64(20, echo.sentAtMs)
  return bytes
}

/** @returns undefined when it is not one of ours: some other system's echo packet, or nothing of the kind. */
export function decodeEcho(bytes: Uint8Array): EchoPacket | undefined {
  if (bytes.length !== ECHO_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0) !== MAGIC) return undefined
  return {
    discriminator: view.getUint32(4),
    sequence: view.getUint32(8),
    nonce: new Uint8Array(bytes.subarray(12, 12 + NONCE_BYTES)),
    sentAtMs: view.getFloat64(20),
  }
}
