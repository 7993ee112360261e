/**
 * Makes a failing program smaller: first whole blocks and lines, then parts of expressions. It knows nothing of P4 but that
 * braces and parentheses match; what does not compile any more simply does not fail in the same way.
 */

export interface ShrinkOptions {
  /** Tries at most. Default 3000. */
  readonly triesMax?: number
}

/** @param fails whether a text still shows the failure; must not throw. @returns the smallest text found. */
export function shrinkSource(text: string, fails: (text: string) => boolean, options: ShrinkOptions = {}): string {
  const budget = { left: options.triesMax ?? 3000 }
  const attempt = (candidate: string): boolean => budget.left-- > 0 && fails(candidate)
  let best = text
  for (let before = ''; before !== best && budget.left > 0;) {
    before = best
    best = withoutLines(best, attempt)
    best = withoutWrappings(best, attempt)
    best = withSmallerExpressions(best, attempt)
  }
  return best
}

function withoutLines(text: string, fails: (text: string) => boolean): string {
  let lines = text.split('\n')
  for (let size = 1 << Math.floor(Math.log2(Math.max(1, lines.length))); size >= 1; size >>= 1) {
    for (let at = 0; at < lines.length;) {
      const end = balancedEnd(lines, at, size)
      if (end !== undefined) {
        const candidate = [...lines.slice(0, at), ...lines.slice(end)]
        if (fails(candidate.join('\n'))) {
          lines = candidate
          continue
        }
      }
      at += Math.max(1, size >> 1)
    }
  }
  return lines.join('\n')
}

/** Leaves out a block's braces, and the line before it (`if (…)`, `default:`), but not what is inside. */
function withoutWrappings(text: string, fails: (text: string) => boolean): string {
  let lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    if (lines[at]!.trim() !== '{') continue
    const end = balancedEnd(lines, at, 1)
    if (end === undefined) continue
    const inside = [...lines.slice(at + 1, end - 1), ...lines.slice(end)]
    const candidate = [at - 1, at]
      .map((first) => [...lines.slice(0, Math.max(0, first)), ...inside])
      .find((one) => fails(one.join('\n')))
    if (candidate === undefined) continue
    lines = candidate
    at = Math.max(-1, at - 2)
  }
  return lines.join('\n')
}

/** End of the shortest run of at least `size` lines from `at` whose braces match; undefined when there is none. */
function balancedEnd(lines: readonly string[], at: number, size: number): number | undefined {
  let depth = 0
  for (let end = at; end < lines.length; end++) {
    for (const letter of lines[end]!) {
      if (letter === '{') depth++
      else if (letter === '}') depth--
      if (depth < 0) return undefined
    }
    if (end - at + 1 >= size && depth === 0) return end + 1
  }
  return undefined
}

/** Replaces a group in parentheses by one of the groups or words inside it. */
function withSmallerExpressions(text: string, fails: (text: string) => boolean): string {
  let best = text
  for (let at = best.indexOf('('); at >= 0; at = best.indexOf('(', at + 1)) {
    const end = matching(best, at)
    if (end === undefined) continue
    const inside = best.slice(at + 1, end)
    for (const part of partsOf(inside)) {
      const candidate = `${best.slice(0, at)}${part}${best.slice(end + 1)}`
      if (candidate.length < best.length && fails(candidate)) {
        best = candidate
        at--
        break
      }
    }
  }
  return best
}

function partsOf(inside: string): string[] {
  const parts: string[] = []
  for (let k = inside.indexOf('('); k >= 0;) {
    const end = matching(inside, k)
    if (end === undefined) break
    parts.push(inside.slice(k, end + 1))
    k = inside.indexOf('(', end + 1)
  }
  parts.push(...(inside.match(/[\w.]+(\[\d+\])?(\.\w+)*(\(\))?/g) ?? []))
  return [...new Set(parts)]
}

function matching(text: string, open: number): number | undefined {
  let depth = 0
  for (let k = open; k < text.length; k++) {
    if (text[k] === '(') depth++
    else if (text[k] === ')' && --depth === 0) return k
    if (text[k] === '\n') return undefined
  }
  return undefined
}
