/**
 * Where in a TOML document a key stands: the parser gives values without places, and a message about a value should name its line. Knows
 * table headers and keys at the start of a line; what is inside an inline table or a list has the line of its key.
 */

/** `['uplink', 2, 'peer_asn']`: the third `[[uplink]]`. */
export type ConfigPath = readonly (string | number)[]

const SEGMENT = /(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')/.source
const KEY = `${SEGMENT}(?:\\s*\\.\\s*${SEGMENT})*`
const SEGMENTS = new RegExp(SEGMENT, 'g')
const HEADER = new RegExp(`^\\s*(\\[\\[?)\\s*(${KEY})\\s*\\]`)
const ASSIGNMENT = new RegExp(`^\\s*(${KEY})\\s*=(.*)$`)
const LONG_TEXT = /"""|'''/

/** @returns the line, from 1, of the longest part of `path` that the text has; 1 when it has nothing of it. */
export function lineOf(text: string, path: ConfigPath): number {
  const lines = placesOf(text)
  for (let length = path.length; length > 0; length--) {
    const line = lines.get(keyOf(path.slice(0, length)))
    if (line !== undefined) return line
  }
  return 1
}

function placesOf(text: string): ReadonlyMap<string, number> {
  const places = new Map<string, number>()
  const counts = new Map<string, number>()
  let table: ConfigPath = []
  /** The quotes that the text of several lines ends with, while inside one. */
  let inside: string | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (inside !== undefined) {
      if (line.includes(inside)) inside = undefined
      continue
    }
    const header = HEADER.exec(line)
    if (header !== null) {
      table = segmentsOf(header[2]!)
      if (header[1] === '[[') {
        const name = keyOf(table)
        const count = counts.get(name) ?? 0
        counts.set(name, count + 1)
        table = [...table, count]
      }
      places.set(keyOf(table), index + 1)
      continue
    }
    const key = ASSIGNMENT.exec(line)
    if (key === null) continue
    const segments = segmentsOf(key[1]!)
    for (let length = 1; length <= segments.length; length++) {
      const path = keyOf([...table, ...segments.slice(0, length)])
      if (length === segments.length || !places.has(path)) places.set(path, index + 1)
    }
    const quotes = LONG_TEXT.exec(key[2]!)
    if (quotes !== null && !key[2]!.slice(quotes.index + 3).includes(quotes[0])) inside = quotes[0]
  }
  return places
}

/** Of a dotted key, without quotes and with escapes as they stand. */
function segmentsOf(key: string): string[] {
  return Array.from(key.matchAll(SEGMENTS), ([segment]) => (/^["']/.test(segment) ? segment.slice(1, -1) : segment))
}

function keyOf(path: ConfigPath): string {
  return path.join('\0')
}
