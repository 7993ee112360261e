/** What happened in a run → the steps of a packet's story. */
import type { Program } from '@lodestone/p4'
import type { NearMiss, Step } from '@lodestone/probe'
import { nearestMiss } from './explain/nearest-miss.ts'
import type { PacketObserver } from './explain/observer.ts'
import type { Recount, Run } from './explain/recount.ts'
import type { RunEvent } from './explain/run-event.ts'
import { wireHeaders } from './explain/wire-headers.ts'
import type { TableControl } from './table/table-control.ts'
import { formatKey, formatOf, formatParameters, formatValue } from './value-format.ts'

/** Entries that a story looks through for the nearest one; it is told while packets flow. */
const ENTRIES_MAX = 2000

/** Steps from 'parser' on: of every run, and what became of it. */
export function storyOf(observer: PacketObserver, tables: readonly TableControl[]): Step[] {
  return observer.runs.flatMap(({ run, outcome }) => {
    const steps = runSteps(observer.recount, run, tables)
    if (outcome.kind === 'sent') steps.push({ kind: 'egress', port: outcome.portName })
    else if (outcome.kind === 'dropped') steps.push({ kind: 'dropped', reason: outcome.reason })
    return steps
  })
}

function runSteps(recount: Recount, run: Run, tables: readonly TableControl[]): Step[] {
  const { program } = recount
  const steps: Step[] = []
  const states: string[] = []
  let error: string | undefined
  let parserAt: number | undefined
  for (let id = run.firstEvent; id < run.lastEvent; id++) {
    const event = recount.events[id]!
    switch (event.kind) {
      case 'state':
        parserAt ??= steps.length
        states.push(program.parsers[event.parser]!.states[event.state]!.name)
        break
      case 'parserError':
        if (!event.isIgnored) error = parserErrorName(program, event.error)
        break
      case 'apply':
        steps.push(tableStep(program, tables, event))
        break
      case 'assign': {
        const step = assignStep(program, event)
        if (step !== undefined) steps.push(step)
        break
      }
      case 'assertion':
        steps.push({ kind: 'rewrite', field: 'assert', from: event.statement.text, to: 'false' })
        break
    }
  }
  if (parserAt !== undefined) {
    steps.splice(parserAt, 0, { kind: 'parser', states, ...(error === undefined ? {} : { error }) })
  }
  return steps
}

/** NoError as the reason to stop is an explicit `reject`. */
export function parserErrorName(program: Program, code: number): string {
  return code === 0 ? 'reject' : (program.errors[code] ?? `error ${code}`)
}

function tableStep(
  program: Program,
  tables: readonly TableControl[],
  event: Extract<RunEvent, { kind: 'apply' }>,
): Step {
  const control = tables[event.table]!
  const keys = program.tables[event.table]!.keys.map(({ name, expression }, k) => ({
    name,
    value: formatValue(event.keys[k]!, expression.width, formatOf(program, expression)),
  }))
  const nearest = event.hit ? undefined : nearestEntry(program, control, event)
  return {
    kind: 'table',
    table: control.description.name,
    keys,
    hit: event.hit,
    ...(event.hit ? { entry: control.entryText(event.entry) } : {}),
    action: control.actionName(event.action),
    parameters: formatParameters(program, event.table, event),
    ...(nearest === undefined ? {} : { nearest: [nearest] }),
  }
}

/** The entry that came closest, if the table is small enough to look. */
function nearestEntry(
  program: Program,
  control: TableControl,
  event: Extract<RunEvent, { kind: 'apply' }>,
): NearMiss | undefined {
  if (control.store.count === 0 || control.store.count > ENTRIES_MAX) return undefined
  const table = program.tables[event.table]!
  const matched = table.keys.filter((key) => key.match !== 'selector')
  const values = event.keys.filter((_, k) => table.keys[k]!.match !== 'selector')
  const addresses = control.store.addresses()
  const found = nearestMiss(
    control.description.keys.filter((key) => key.match !== 'selector'),
    values,
    addresses.map((address) => control.keysOf(address)),
  )
  if (found === undefined) return undefined
  return {
    rule: control.entryText(addresses[found.index]!),
    failed: found.fields.map(({ field, set, value }) => {
      const { name, expression } = matched[field]!
      const format = formatOf(program, expression)
      return {
        predicate: name,
        wanted: formatKey(set, expression.width, format),
        actual: formatValue(value, expression.width, format),
      }
    }),
  }
}

function assignStep(program: Program, event: Extract<RunEvent, { kind: 'assign' }>): Step | undefined {
  const { slot, before, after } = event.write
  if (before === after) return undefined
  const { name, width, format, kind } = program.slots[slot]!
  const wire = wireHeaders(program)
  const header = wire.ofValidity.get(slot)
  if (header !== undefined) {
    const text = (value: bigint): string => (value === 0n ? 'absent' : 'present')
    return { kind: 'rewrite', field: program.headers[header]!.name, from: text(before), to: text(after) }
  }
  if (!wire.ofField.has(slot) || kind === 'varbit') return undefined
  return {
    kind: 'rewrite',
    field: name,
    from: formatValue(before, width, format),
    to: formatValue(after, width, format),
  }
}
