/** "did you mean": the known name that is least far from a misspelt one. */

const MAX_LENGTH = 64

/** Empty, or `; did you mean 'x'?` for the closest candidate within a third of the name's length. */
export function namesLike(name: string, candidates: readonly string[]): string {
  if (name.length > MAX_LENGTH) return ''
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best === undefined ? '' : `; did you mean '${best}'?`
}

function editDistance(from: string, to: string): number {
  let beforeThat: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const row = [i]
    for (let j = 1; j <= to.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      let distance = Math.min(substituted, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]
      if (isSwapped) distance = Math.min(distance, (beforeThat[j - 2] ?? 0) + 1)
      row.push(distance)
    }
    beforeThat = previous
    previous = row
  }
  return previous[to.length] ?? 0
}
