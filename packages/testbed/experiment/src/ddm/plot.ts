/** A bar chart as SVG: groups of bars with their confidence intervals. Static, readable in a browser and in print. */
import type { CellRow } from './experiment.ts'
import { POLICY_NAMES, POLICY_TITLES, type PolicyName } from './policy.ts'
import type { Ratio } from './statistics.ts'

const WIDTH = 720
const PANEL_HEIGHT = 260
const LEFT = 64
const RIGHT = 16
const TOP = 44
const BOTTOM = 34
const COLORS: Readonly<Record<PolicyName, string>> = {
  ecmp: '#8a8f98',
  wecmp: '#b9a27c',
  letflow: '#5b9bd5',
  'least-delay': '#9b7bd1',
  ddm: '#2a9d6f',
  oracle: '#c9635b',
  'oracle-packet': '#d9a3a0',
}

interface Panel {
  readonly title: string
  readonly ratio: (row: CellRow) => Ratio | undefined
}

const PANELS: readonly Panel[] = [
  { title: 'Mean flow completion time, relative to ECMP', ratio: (row) => row.versus?.mean },
  { title: '99th percentile of flows below 100 KB, relative to ECMP', ratio: (row) => row.versus?.smallP99 },
]

export interface Plot {
  readonly name: string
  readonly svg: string
}

/** One picture for each case and size distribution. */
export function plotRows(rows: readonly CellRow[]): Plot[] {
  const pictures = new Map<string, CellRow[]>()
  for (const row of rows) {
    const name = `${row.sizes}-${row.case}`
    pictures.set(name, [...(pictures.get(name) ?? []), row])
  }
  return [...pictures].map(([name, each]) => ({ name, svg: picture(name, each) }))
}

function picture(name: string, rows: readonly CellRow[]): string {
  const height = PANELS.length * PANEL_HEIGHT
  const policies = POLICY_NAMES.filter((policy) => rows.some((row) => row.policy === policy))
  const body = PANELS.map((panel, i) => drawPanel(panel, rows, policies, i * PANEL_HEIGHT)).join('')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${name}</title><rect width="${WIDTH}" height="${height}" fill="#ffffff"/>${body}</svg>\n`,
  ].join('')
}

function drawPanel(panel: Panel, rows: readonly CellRow[], policies: readonly PolicyName[], offset: number): string {
  const loads = [...new Set(rows.map((row) => row.load))].sort((a, b) => a - b)
  const highest = Math.max(1, ...rows.map((row) => panel.ratio(row)?.high ?? 1))
  const most = Math.ceil(Math.min(highest, 3) * 5) / 5
  const bottom = offset + PANEL_HEIGHT - BOTTOM
  const y = (value: number): number => bottom - (Math.min(value, most) / most) * (bottom - offset - TOP)
  const parts = [`<text x="${LEFT}" y="${offset + 18}" font-weight="bold">${panel.title}</text>`]
  parts.push(...policies.map((policy, i) => legend(policy, LEFT + i * 125, offset + 34)))
  for (let tick = 0; tick <= most + 1e-9; tick += most > 1.6 ? 0.5 : 0.2) {
    const color = Math.abs(tick - 1) < 1e-9 ? '#555555' : '#dddddd'
    parts.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y(tick))}" y2="${round(y(tick))}" stroke="${color}"/>`,
      `<text x="${LEFT - 8}" y="${round(y(tick) + 4)}" text-anchor="end">${tick.toFixed(1)}</text>`,
    )
  }
  const groupWidth = (WIDTH - LEFT - RIGHT) / loads.length
  const barWidth = (groupWidth * 0.8) / policies.length
  for (const [group, load] of loads.entries()) {
    const from = LEFT + group * groupWidth + groupWidth * 0.1
    const middle = LEFT + (group + 0.5) * groupWidth
    parts.push(
      `<text x="${round(middle)}" y="${bottom + 18}" text-anchor="middle">load ${Math.round(load * 100)} %</text>`,
    )
    for (const [i, policy] of policies.entries()) {
      const row = rows.find((each) => each.load === load && each.policy === policy)
      if (row === undefined) continue
      const ratio = panel.ratio(row) ?? { ratio: 1, low: 1, high: 1 }
      parts.push(bar(policy, ratio, from + i * barWidth, barWidth, y, bottom))
    }
  }
  return parts.join('')
}

function bar(
  policy: PolicyName,
  ratio: Ratio,
  x: number,
  width: number,
  y: (value: number) => number,
  bottom: number,
): string {
  const top = y(ratio.ratio)
  const middle = round(x + width / 2)
  return [
    `<rect x="${round(x + 2)}" y="${round(top)}" width="${round(width - 4)}" height="${round(bottom - top)}" fill="${COLORS[policy]}">`,
    `<title>${POLICY_TITLES[policy]} ${ratio.ratio.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})</title></rect>`,
    `<line x1="${middle}" x2="${middle}" y1="${round(y(ratio.low))}" y2="${round(y(ratio.high))}" stroke="#222222"/>`,
  ].join('')
}

function legend(policy: PolicyName, x: number, y: number): string {
  return [
    `<rect x="${x}" y="${y - 9}" width="10" height="10" fill="${COLORS[policy]}"/>`,
    `<text x="${x + 15}" y="${y}">${POLICY_TITLES[policy]}</text>`,
  ].join('')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
