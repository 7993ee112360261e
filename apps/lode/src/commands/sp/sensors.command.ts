import type { LabSp } from '@lodestone/contract-sp'
import { sleep } from '@lodestone/host'
import { buildCommand } from '@stricli/core'
import type { LodeContext } from '../../context.ts'
import { type RackFlags, rackFlags } from '../../state-flag.ts'
import { textTable } from '../../text-table.ts'
import { type BoardId, boardName, boardParameter, spClients, valueOrReport } from './gateway-client.ts'
import { numberText, plot, type Series } from './plot.ts'

interface SensorsFlags extends RackFlags {
  readonly watch: boolean
  readonly count?: number
  readonly intervalMs: number
}

const UNITS: Readonly<Record<string, string>> = {
  Temperature: '°C',
  CpuTctl: '°C',
  Speed: 'rpm',
  InputVoltage: 'V',
  InputCurrent: 'A',
  InputPower: 'W',
}
const MAX_RPM = 13_500
const AIR_C = 15
const HOT_C = 100
const KEPT = 500
/** What stands beside the plot. */
const MARGIN = 48

const whole = (text: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error('expected a whole number from 1')
  return value
}

export const sensorsCommand = buildCommand({
  docs: {
    brief: 'Show the sensors of a board, once or as plots that go on',
    customUsage: [
      { input: 'sled0', brief: 'Values, and how far from their limits' },
      { input: 'sled0 --watch', brief: 'Plots in the terminal until Ctrl-C' },
      { input: 'sled0 --watch --json --count 60', brief: 'One JSON line a second for a minute' },
    ],
  },
  parameters: {
    flags: {
      ...rackFlags,
      watch: { kind: 'boolean', default: false, brief: 'Go on, with plots' },
      count: { kind: 'parsed', parse: whole, optional: true, brief: 'Stop after this many looks', placeholder: 'N' },
      intervalMs: { kind: 'parsed', parse: whole, default: '1000', brief: 'Between looks', placeholder: 'MS' },
    },
    aliases: { w: 'watch' },
    positional: { kind: 'tuple', parameters: [boardParameter] },
  },
  async func(this: LodeContext, flags: SensorsFlags, board: BoardId) {
    const { lab } = await spClients(this, flags)
    if (!flags.watch) {
      const view = valueOrReport(this, flags, await lab.lab_sp_view({ params: board }))
      if (view === undefined) return
      return flags.json ? this.printJson(view.sensors) : this.print(sensorTable(view))
    }
    let isStopped = false
    this.process.once('SIGINT', () => (isStopped = true))
    const history = new Map<string, (number | null)[]>()
    const isTerminal = this.process.stdout.isTTY === true
    for (let look = 0; !isStopped && look < (flags.count ?? Infinity); look++) {
      if (look > 0) await sleep(this.clock, flags.intervalMs)
      const view = valueOrReport(this, flags, await lab.lab_sp_view({ params: board }))
      if (view === undefined) return
      if (flags.json) {
        this.print(JSON.stringify({ board: view.name, uptime_ms: view.uptime_ms, sensors: view.sensors }))
        continue
      }
      remember(history, view)
      const width = Math.max(10, Math.min(100, (this.process.stdout.columns ?? 100) - MARGIN))
      const head = `${boardName(board)}  ${view.power ?? 'no power'}  thermal ${view.thermal ?? '-'}  fans ${view.fan_percent.toFixed(0)} %`
      // Home and clear; elsewhere frames follow each other.
      const start = isTerminal ? '\u001B[H\u001B[2J' : ''
      this.print(`${start}${head}\n${plot(seriesOf(view, history), width)}${isTerminal ? '\n\nCtrl-C ends it' : '\n'}`)
    }
  },
})

function remember(history: Map<string, (number | null)[]>, view: LabSp): void {
  for (const { name, value } of view.sensors) {
    const values = history.get(name) ?? []
    values.push(value)
    if (values.length > KEPT) values.shift()
    history.set(name, values)
  }
}

function seriesOf(view: LabSp, history: ReadonlyMap<string, readonly (number | null)[]>): readonly Series[] {
  return view.sensors.map(({ name, kind, critical }) => {
    const base = { name, unit: UNITS[kind] ?? '', values: history.get(name) ?? [] }
    // Temperatures from cool air to where it gets critical, so that full means hot.
    if (UNITS[kind] === '°C') return { ...base, low: AIR_C, high: critical ?? HOT_C }
    return kind === 'Speed' ? { ...base, low: 0, high: MAX_RPM } : base
  })
}

function sensorTable(view: LabSp): string {
  return textTable(
    ['id', 'sensor', 'kind', 'value', 'to target', 'to critical', 'error'],
    view.sensors.map(({ id, name, kind, value, error, target, critical }) => [
      String(id),
      name,
      kind,
      numberText(value, UNITS[kind] ?? ''),
      value === null || target === undefined ? '' : numberText(target - value, 'K'),
      value === null || critical === undefined ? '' : numberText(critical - value, 'K'),
      error ?? '',
    ]),
  )
}
