/**
 * LZSS as task dumps travel: a window of 64 bytes filled with spaces, matches of 2 to 17 bytes. A bit 1 and eight bits are
 * a byte; a bit 0, six bits of window position and four bits of length less two are a match. Bits come first from the top.
 */

const POSITION_BITS = 6
const LENGTH_BITS = 4
const WINDOW = 1 << POSITION_BITS
const MIN_MATCH = 2
const MAX_MATCH = (1 << LENGTH_BITS) + 1
const FILL = 0x20

export function lzssCompress(bytes: Uint8Array): Uint8Array {
  const window = new Uint8Array(WINDOW).fill(FILL)
  const out: number[] = []
  let held = 0
  let heldBits = 0
  const put = (value: number, width: number): void => {
    for (let bit = width - 1; bit >= 0; bit--) {
      held = (held << 1) | ((value >> bit) & 1)
      heldBits += 1
      if (heldBits === 8) {
        out.push(held)
        held = 0
        heldBits = 0
      }
    }
  }
  let at = WINDOW - MAX_MATCH
  let read = 0
  while (read < bytes.length) {
    const { position, length } = longestMatch(window, at, bytes, read)
    const taken = length >= MIN_MATCH ? length : 1
    if (length >= MIN_MATCH) {
      put(0, 1)
      put(position, POSITION_BITS)
      put(length - MIN_MATCH, LENGTH_BITS)
    } else {
      put(1, 1)
      put(bytes[read]!, 8)
    }
    for (let i = 0; i < taken; i++) {
      window[at] = bytes[read + i]!
      at = (at + 1) % WINDOW
    }
    read += taken
  }
  if (heldBits > 0) out.push(held << (8 - heldBits))
  return Uint8Array.from(out)
}

/** @returns at most `length` bytes; fewer when the input ends before. */
export function lzssExpand(packed: Uint8Array, length: number): Uint8Array {
  const window = new Uint8Array(WINDOW).fill(FILL)
  const out = new Uint8Array(length)
  let bitAt = 0
  const take = (width: number): number => {
    if (bitAt + width > packed.length * 8) return -1
    let value = 0
    for (let i = 0; i < width; i++, bitAt++) value = (value << 1) | ((packed[bitAt >> 3]! >> (7 - (bitAt & 7))) & 1)
    return value
  }
  let at = WINDOW - MAX_MATCH
  let written = 0
  const emit = (byte: number): void => {
    out[written++] = byte
    window[at] = byte
    at = (at + 1) % WINDOW
  }
  while (written < length) {
    const flag = take(1)
    if (flag === 1) {
      const byte = take(8)
      if (byte < 0) break
      emit(byte)
    } else {
      const position = take(POSITION_BITS)
      const count = take(LENGTH_BITS)
      if (flag < 0 || count < 0) break
      for (let i = 0; i < count + MIN_MATCH && written < length; i++) emit(window[(position + i) % WINDOW]!)
    }
  }
  return out.subarray(0, written)
}

/** In the window as the reader will have it: what a match itself writes may not be read by it from where it is not yet. */
function longestMatch(
  window: Uint8Array,
  at: number,
  bytes: Uint8Array,
  from: number,
): { readonly position: number; readonly length: number } {
  const limit = Math.min(MAX_MATCH, bytes.length - from)
  let best = { position: 0, length: 0 }
  for (let position = 0; position < WINDOW; position++) {
    // Positions that the match would overwrite while it is read are left out.
    const ahead = (at - position + WINDOW) % WINDOW
    const most = ahead === 0 ? Math.min(limit, WINDOW) : Math.min(limit, ahead)
    let length = 0
    while (length < most && window[(position + length) % WINDOW] === bytes[from + length]) length++
    if (length > best.length) best = { position, length }
  }
  return best
}
