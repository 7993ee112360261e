/** One run's events → its explanation. */
import type { Program, SlotId, Statement } from '@lodestone/p4'
import { parserErrorName } from '../trace-story.ts'
import { tail, type TableControl } from '../table/table-control.ts'
import { formatKey, formatOf, formatParameters, formatValue } from '../value-format.ts'
import { backwards, causeOf, undoneDrops } from './cause.ts'
import type {
  ExplainedStep,
  FormattedValue,
  NearestEntry,
  Position,
  RunCause,
  RunExplanation,
  RunOutcome,
  StepRef,
} from './explanation.ts'
import { expressionText, isTemporary } from './expression-text.ts'
import { fieldName, fieldValues, headerDiff } from './header-diff.ts'
import { nearestMiss } from './nearest-miss.ts'
import { positionOf } from './position.ts'
import type { Recount, Run } from './recount.ts'
import type { RunEvent } from './run-event.ts'

/** What the pipeline knows about a run beside its records. */
export interface WatchedRun {
  readonly run: Run
  readonly cause: RunCause
  readonly port: number
  /** What `process` or `copy` returned. */
  readonly verdict: number
  readonly outcome: RunOutcome
}

export interface ExplainContext {
  readonly recount: Recount
  readonly tables: readonly TableControl[]
  readonly portName: (port: number) => string
  /** Entries per table that may be looked through for the nearest one. */
  readonly entriesMax: number
  /** Events with a part in any verdict, or in any bytes that were sent. */
  readonly matters: ReadonlySet<number>
  /** Event → its step, filled run by run. */
  readonly steps: Map<number, StepRef>
}

export function explainRun(context: ExplainContext, watched: WatchedRun): RunExplanation {
  const { recount } = context
  const { run, cause, port, verdict, outcome } = watched
  const causes = causeOf(recount, run, verdict, outcome)
  const headers = headerDiff(recount, run)
  const steps: ExplainedStep[] = []
  for (let id = run.firstEvent; id < run.lastEvent; id++) {
    const event = recount.events[id]!
    const step = stepOf(context, run, event, context.matters.has(id))
    if (step === undefined) continue
    context.steps.set(id, { run: run.index, step: steps.length })
    steps.push(step)
  }
  const refs = (events: readonly RunEvent[]): StepRef[] =>
    events.flatMap(({ id }) => {
      const ref = context.steps.get(id)
      return ref === undefined ? [] : [ref]
    })
  const undone = undoneDrops(recount, run).flatMap(({ dropped, undone: by }) => {
    const [from, to] = [context.steps.get(dropped.id), context.steps.get(by.id)]
    return from === undefined || to === undefined ? [] : [{ dropped: from, undone: to }]
  })
  const { decisive } = causes
  const decisiveStep = decisive === undefined ? undefined : context.steps.get(decisive.id)
  return {
    cause,
    ...(run.parent < 0 ? {} : { parent: run.parent }),
    port,
    portName: context.portName(port),
    steps,
    outcome,
    ...(decisiveStep === undefined ? {} : { decisive: decisiveStep }),
    ...(decisive === undefined ? {} : { decidedBy: decidedBy(recount, decisive) }),
    because: refs(causes.events),
    undoneDrops: undone,
    ...(headers === undefined ? {} : { headers }),
  }
}

/** The events of all runs so far that had a part in a run's verdict or in the bytes it sent. */
export function mattering(recount: Recount, { run, verdict, outcome }: WatchedRun): ReadonlySet<number> {
  const found = new Set(causeOf(recount, run, verdict, outcome).events.map((event) => event.id))
  if (outcome.kind === 'dropped') return found
  for (const id of backwards(recount.events, emittedChanges(recount, run), false)) found.add(id)
  return found
}

/** Events that wrote what was emitted and is not as it was extracted. */
function emittedChanges(recount: Recount, run: Run): number[] {
  return (run.emitted ?? []).flatMap((header) => {
    const { valid, fields } = recount.program.headers[header]!
    return [valid, ...fields].flatMap((slot) => {
      const writer = run.writers[slot]!
      return writer < 0 || recount.events[writer]!.kind === 'extract' ? [] : [writer]
    })
  })
}

/** `action drop of table acl`, `parser state parse_ipv4`, `block ingress`. */
function decidedBy(recount: Recount, event: RunEvent): string {
  const { program } = recount
  for (let one: RunEvent | undefined = event; one !== undefined; one = recount.events[one.parent]) {
    if (one.kind === 'apply') {
      const table = program.tables[one.table]!
      const action = program.actions[table.actions[one.action]!.action]!.name
      if (one === event) return `table ${table.name}`
      return `action ${tail(action)} of table ${table.name}${one.hit ? '' : ' (miss)'}`
    }
    if (one.kind === 'state') return `parser state ${program.parsers[one.parser]!.states[one.state]!.name}`
  }
  return `block ${program.blocks[event.block]!.name}`
}

function stepOf(context: ExplainContext, run: Run, event: RunEvent, matters: boolean): ExplainedStep | undefined {
  const { recount } = context
  const { program } = recount
  const at = positionOf(program, event.at)
  const base = { ...(at === undefined ? {} : { at }), matters }
  switch (event.kind) {
    case 'state': {
      const parser = program.parsers[event.parser]!
      return { kind: 'state', ...base, parser: parser.name, state: parser.states[event.state]!.name }
    }
    case 'select':
      return { ...base, ...selectStep(recount, event) }
    case 'extract': {
      const { name, fields } = program.headers[event.header]!
      const values = fieldValues(program, run, event)
      return {
        kind: 'extract',
        ...base,
        header: name,
        offset: event.offset,
        length: event.length,
        fields: fields.map((slot, k) => ({
          name: fieldName(program, event.header, slot),
          value: slotText(program, slot, values[k]!),
        })),
      }
    }
    case 'parserError':
      return {
        kind: 'parserError',
        ...base,
        error: parserErrorName(program, event.error),
        offset: event.offset,
        available: event.available,
        isIgnored: event.isIgnored,
      }
    case 'branch': {
      const { statement } = event
      const tested = statement.kind === 'if' ? statement.condition : statement.selector
      const condition = expressionText(program, tested, recount.events, event.reads)
      const value = statement.kind === 'if' ? String(event.value === 1n) : event.value.toString()
      return { kind: 'branch', ...base, condition, value, isTaken: event.isTaken }
    }
    case 'apply':
      return { ...base, ...tableStep(context, event) }
    case 'assign': {
      const { slot, before, after } = event.write
      if (isTemporary(program, slot)) return undefined
      const action = actionOf(recount, event)
      return {
        kind: 'assign',
        ...base,
        field: slotName(program, slot),
        from: slotText(program, slot, before),
        to: slotText(program, slot, after),
        ...(action === undefined ? {} : { action }),
      }
    }
    case 'result': {
      const { slot, after } = event.write
      return {
        kind: 'extern',
        ...base,
        source: sourceText(program, event.statement, event.index),
        ...(isTemporary(program, slot) ? {} : { field: slotName(program, slot) }),
        value: slotText(program, slot, after),
      }
    }
    case 'registerWrite':
      return {
        kind: 'registerWrite',
        ...base,
        register: program.externs[event.register]!.name,
        index: event.index.toString(),
        value: event.value.toString(),
      }
    case 'call':
      return { kind: 'call', ...base, name: callName(program, event.statement), values: event.values.map(String) }
    case 'assertion':
      return { kind: 'assertion', ...base, text: event.statement.text }
    case 'leave':
      return at === undefined ? undefined : { kind: 'leave', ...base, how: event.how }
    case 'advance':
    case 'emit':
      return undefined
  }
}

function selectStep(
  recount: Recount,
  event: Extract<RunEvent, { kind: 'select' }>,
): { kind: 'select'; keys: FormattedValue[]; chosen: string; next: string } {
  const { program } = recount
  const { states } = program.parsers[event.parser]!
  const { keys, cases } = states[event.state]!.select
  const values = keys.map((key, k) => ({
    name: expressionText(program, key, recount.events, event.reads),
    value: formatValue(event.values[k]!, key.width, formatOf(program, key)),
  }))
  const found = cases[event.chosen]
  const chosen =
    found === undefined
      ? 'default'
      : found.valueSet === undefined
        ? found.keys.map((set, k) => formatKey(set, keys[k]!.width, formatOf(program, keys[k]!))).join(', ')
        : program.valueSets[found.valueSet]!.name
  const next = typeof event.next === 'number' ? states[event.next]!.name : event.next
  return { kind: 'select', keys: values, chosen, next: next === 'noMatch' ? 'no match' : next }
}

function tableStep(
  context: ExplainContext,
  event: Extract<RunEvent, { kind: 'apply' }>,
): Omit<Extract<ExplainedStep, { kind: 'table' }>, 'at' | 'matters'> {
  const { program } = context.recount
  const control = context.tables[event.table]!
  const table = program.tables[event.table]!
  const action = program.actions[table.actions[event.action]?.action ?? -1]
  const actionAt = action === undefined ? undefined : positionOf(program, action.at)
  const nearest = event.hit ? undefined : nearestEntry(context, event)
  return {
    kind: 'table',
    table: table.name,
    keys: table.keys.map(({ name, match, expression }, k) => ({
      name,
      match,
      value: formatValue(event.keys[k]!, expression.width, formatOf(program, expression)),
    })),
    hit: event.hit,
    ...(event.hit ? { entry: control.entryText(event.entry) } : {}),
    ...(nearest === undefined ? {} : { nearest }),
    action: action?.name ?? 'none',
    ...(actionAt === undefined ? {} : { actionAt }),
    parameters: formatParameters(program, event.table, event),
  }
}

function nearestEntry(context: ExplainContext, event: Extract<RunEvent, { kind: 'apply' }>): NearestEntry | undefined {
  const { program } = context.recount
  const control = context.tables[event.table]!
  const { store } = control
  if (store.count === 0) return undefined
  const keys = program.tables[event.table]!.keys
  const fields = keys.flatMap(({ name, match, expression }, k) =>
    match === 'selector' ? [] : [{ name, match, width: expression.width, expression, value: event.keys[k]! }],
  )
  if (fields.length === 0) return undefined
  const addresses = store.addresses(context.entriesMax)
  const found = nearestMiss(
    fields,
    fields.map(({ value }) => value),
    addresses.map((address) => control.keysOf(address)),
  )
  if (found === undefined) return undefined
  return {
    entry: control.entryText(addresses[found.index]!),
    failed: found.fields.map(({ field, set, value, differingBits, distance }) => {
      const { name, match, width, expression } = fields[field]!
      const format = formatOf(program, expression)
      return {
        key: name,
        match,
        width,
        wanted: formatKey(set, width, format),
        value: formatValue(value, width, format),
        differingBits,
        ...(distance === undefined ? {} : { distance: distance.toString() }),
      }
    }),
    examined: addresses.length,
    entries: store.count,
  }
}

/** The action that an event stands in. */
function actionOf(recount: Recount, event: RunEvent): string | undefined {
  const { program } = recount
  for (
    let one: RunEvent | undefined = recount.events[event.parent];
    one !== undefined;
    one = recount.events[one.parent]
  ) {
    if (one.kind !== 'apply') continue
    return program.actions[program.tables[one.table]!.actions[one.action]!.action]!.name
  }
  return undefined
}

function slotName(program: Program, slot: SlotId): string {
  return program.slots[slot]!.name.replace(/\.\$valid$/, '.isValid()')
}

function slotText(program: Program, slot: SlotId, value: bigint): string {
  const { width, format, kind } = program.slots[slot]!
  const name = program.valueNames.get(slot)?.get(value)
  if (name !== undefined) return name
  if (kind === 'bool') return value === 1n ? 'true' : 'false'
  if (kind === 'error') return program.errors[Number(value)] ?? value.toString()
  if (kind === 'int') return BigInt.asIntN(width, value).toString()
  return formatValue(value, width, format)
}

function sourceText(program: Program, statement: Statement, index: bigint | undefined): string {
  const at = index === undefined ? '' : `[${index}]`
  switch (statement.kind) {
    case 'registerRead':
      return `register ${program.externs[statement.register]!.name}${at}`
    case 'meter':
      return `meter ${program.externs[statement.meter]!.name}${at}`
    case 'hash':
      return `hash ${statement.algorithm}`
    case 'target':
      return statement.name
    default:
      return statement.kind
  }
}

function callName(program: Program, statement: Statement): string {
  if (statement.kind === 'digest') return `digest ${program.externs[statement.digest]!.name}`
  if (statement.kind === 'log') return `log ${statement.message}`
  return statement.kind === 'target' ? statement.name : statement.kind
}

/** Of the decisive step, for aggregation. */
export function decisivePosition(run: RunExplanation, runs: readonly RunExplanation[]): Position | undefined {
  return run.decisive === undefined ? undefined : runs[run.decisive.run]?.steps[run.decisive.step]?.at
}
