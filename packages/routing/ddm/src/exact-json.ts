/**
 * JSON with exact integers. Metrics are unsigned 64-bit numbers (18446744073709551615 is in use), and a JavaScript
 * number would round them, after which a withdrawal no longer names what was announced. Integers outside the safe range
 * are read as bigint, and bigints are written as plain digits (RFC 8259 §6).
 */

/** The parts of JSON that the type library does not know yet (ECMAScript: JSON.parse source text access). */
const json = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
}

/** More digits than any number we exchange has; turning a million digits into a bigint would take seconds. */
const INTEGER = /^-?\d{1,40}$/

/** @returns `undefined` when the text is not JSON (which JSON itself cannot say), or nested beyond all reason. */
export function parseExactJson(text: string): { readonly value: unknown } | undefined {
  try {
    const value = json.parse(text, (_key, candidate, { source }) => {
      if (typeof candidate !== 'number' || Number.isSafeInteger(candidate)) return candidate
      return source !== undefined && INTEGER.test(source) ? BigInt(source) : candidate
    })
    return { value }
  } catch (error) {
    // The reviver recurses: deep nesting exhausts the stack, which V8 reports as a RangeError.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

export function formatExactJson(value: unknown): string {
  return JSON.stringify(value, (_key, candidate: unknown) =>
    typeof candidate === 'bigint' ? json.rawJSON(candidate.toString()) : candidate,
  )
}
