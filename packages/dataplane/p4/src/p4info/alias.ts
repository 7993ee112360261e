/** Short names for people: the shortest end of a dotted name that no other object has (P4Runtime 1.4, section 6.2.1). */

export function aliases(names: readonly string[]): ReadonlyMap<string, string> {
  const uses = new Map<string, number>()
  const distinct = [...new Set(names)]
  for (const name of distinct) {
    for (const suffix of suffixes(name)) uses.set(suffix, (uses.get(suffix) ?? 0) + 1)
  }
  return new Map(distinct.map((name) => [name, suffixes(name).find((suffix) => uses.get(suffix) === 1) ?? name]))
}

/** `c`, `b.c`, `a.b.c`. */
function suffixes(name: string): string[] {
  const parts = name.split('.')
  return parts.map((_, index) => parts.slice(parts.length - 1 - index).join('.'))
}
