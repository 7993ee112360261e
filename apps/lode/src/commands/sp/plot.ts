/** Lines of history in plain characters: one row a series, the newest value at the right. */

/** From nothing to full. */
const LEVELS = ' .:-=+*#%@'

export interface Series {
  readonly name: string
  readonly unit: string
  /** The oldest first; null where there was no value. */
  readonly values: readonly (number | null)[]
  /** What fills the row; by default what the values themselves span. */
  readonly low?: number
  readonly high?: number
}

/** One character a value, `width` of them; gaps are `?`. */
export function plotLine({ values, low, high }: Series, width: number): string {
  const shown = values.slice(-width)
  const known = shown.filter((value) => value !== null)
  const bottom = low ?? Math.min(...known)
  const top = high ?? Math.max(...known)
  const line = shown.map((value) => {
    if (value === null) return '?'
    const share = top > bottom ? (value - bottom) / (top - bottom) : 0.5
    return LEVELS[Math.min(LEVELS.length - 1, Math.max(0, Math.round(share * (LEVELS.length - 1))))]
  })
  return line.join('').padStart(width)
}

/** Rows with name, plot, newest value, and the span of what is shown. */
export function plot(series: readonly Series[], width: number): string {
  const names = Math.max(...series.map((each) => each.name.length))
  const latest = series.map(({ values, unit }) => numberText(values.at(-1) ?? null, unit))
  const column = Math.max(...latest.map((text) => text.length))
  return series
    .map((each, index) => {
      const known = each.values.slice(-width).filter((value) => value !== null)
      const span =
        known.length === 0 ? '' : ` ${numberText(Math.min(...known), '')} to ${numberText(Math.max(...known), '')}`
      return `${each.name.padEnd(names)} |${plotLine(each, width)}| ${(latest[index] ?? '').padStart(column)} ${span}`.trimEnd()
    })
    .join('\n')
}

export function numberText(value: number | null, unit: string): string {
  if (value === null) return '-'
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2
  return `${value.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`
}
