/** Comparison of a packet with what was expected, and the two side by side. */

export interface Difference {
  /** Index of the first nibble that differs; the length of the shorter where only that does. */
  readonly nibble: number
  readonly message: string
}

/** @param expected nibbles in lower case, `*` for any; a beginning of the packet unless `isWhole`. */
export function differenceOf(expected: string, isWhole: boolean, bytes: Uint8Array): Difference | undefined {
  const actual = hexOf(bytes)
  if (isWhole && actual.length > expected.length) {
    return {
      nibble: expected.length,
      message: `the packet has ${bytes.length} bytes instead of ${expected.length / 2}`,
    }
  }
  const at = [...expected].findIndex((nibble, k) => k < actual.length && nibble !== '*' && nibble !== actual[k])
  if (at >= 0) return { nibble: at, message: `the packet differs in byte ${at >> 1}` }
  if (actual.length >= expected.length) return undefined
  return {
    nibble: actual.length,
    message: `the packet has ${bytes.length} bytes, too short for the ${Math.ceil(expected.length / 2)} expected`,
  }
}

export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

const BYTES_PER_LINE = 16

/** Lines of 16 bytes, expected left and actual right; lines that differ begin with `>`. */
export function sideBySide(expected: string, actual: string): string[] {
  const width = 2 * BYTES_PER_LINE
  const lines: string[] = []
  for (let at = 0; at < Math.max(expected.length, actual.length); at += width) {
    const left = expected.slice(at, at + width)
    const right = actual.slice(at, at + width)
    const isSame = [...left].every((nibble, k) => nibble === '*' || nibble === right[k]) && left.length >= right.length
    const offset = (at / 2).toString(16).padStart(4, '0')
    lines.push(`${isSame ? ' ' : '>'} ${offset}  ${spaced(left).padEnd(2.5 * BYTES_PER_LINE)}  ${spaced(right)}`)
  }
  return lines
}

function spaced(hex: string): string {
  return hex.replaceAll(/.{4}(?=.)/g, '$& ')
}
