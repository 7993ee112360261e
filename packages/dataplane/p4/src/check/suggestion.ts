/** "Did you mean": the known name nearest to a misspelt one. */
import type { DiagnosticDetail } from '../source/diagnostic.ts'
import type { Name } from '../syntax/ast.ts'

export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) >= bestDistance) continue
    const isOtherCase = candidate.toLowerCase() === name.toLowerCase()
    const distance = isOtherCase ? 0.5 : editDistance(name, candidate, bestDistance)
    if (distance < bestDistance) {
      bestDistance = distance
      best = candidate
    }
  }
  return best
}

/** What to say after "is not declared", and the fix that puts the nearest known name in place of the misspelt one. */
export function correction(
  name: Name,
  candidates: Iterable<string>,
): { readonly hint: string; readonly detail: DiagnosticDetail } {
  const found = name.text === '' ? undefined : nearest(name.text, candidates)
  if (found === undefined) return { hint: '', detail: {} }
  const fix = { title: `write '${found}'`, range: name.range, text: found }
  return { hint: `; did you mean '${found}'?`, detail: { fix } }
}

/** Edits with swaps of neighbours as one; anything at or above `limit` is only known to be that large. */
function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let distance = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(distance)
    }
    if (Math.min(...row) >= limit) return limit
    beforeLast = last
    last = row
  }
  return last[b.length] ?? limit
}
