/**
 * Where in a TOML document a key stands: the parser gives values without places, and a message about a value should name its line. Knows
 * table headers and keys at the start of a line; what is inside an inline table or a list has the line of its key.
 */

/** `['uplink', 2, 'peer_asn']`: the third `[[uplink]]`. */
export type ConfigPath = readonly (string | number)[]

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
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*(\[\[?)\s*([\w.-]+)\s*\]/.exec(line)
    if (header !== null) {
      const name = header[2]!
      table = name.split('.')
      if (header[1] === '[[') {
        const count = counts.get(name) ?? 0
        counts.set(name, count + 1)
        table = [...table, count]
      }
      places.set(keyOf(table), index + 1)
      continue
    }
    const key = /^\s*([\w-]+)\s*=/.exec(line)
    if (key !== null) places.set(keyOf([...table, key[1]!]), index + 1)
  }
  return places
}

function keyOf(path: ConfigPath): string {
  return path.join('\0')
}
