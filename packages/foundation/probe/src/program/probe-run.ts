/**
 * A program at work: events in, lines and tables out. It subscribes to the sources that it needs when it starts and to nothing else.
 */
import { COMMON_FIELDS, type ProbeEvent, type ProbePoint, type ProbeSource, type ProbeValue } from '../probe-event.ts'
import { type AggregateRow, AggregateTable } from './aggregation.ts'
import { checkProgram, compileExpression, type Evaluate, glob, truth, variableKey, Variables } from './compile.ts'
import { parseProbeProgram } from './parse.ts'
import type { AggregatorName, Clause, ProbePattern, ProbeProgram, ProgramProblem, Statement } from './program.ts'

export type ProbeOutput =
  | { readonly kind: 'values'; readonly values: readonly (ProbeValue | null)[] }
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'aggregation'
      readonly name: string
      readonly aggregator: AggregatorName
      readonly rows: readonly AggregateRow[]
      /** Events whose row would have been one too many. */
      readonly lost: number
    }

export interface ProbeRunOptions {
  readonly sources: readonly ProbeSource[]
  readonly output: (output: ProbeOutput) => void
  /** Called once, after `exit()`, `stop` or too much output, and after the END clauses and the last tables. */
  readonly onEnd?: () => void
  /** Calls `fn` every so often until the returned function is called. */
  readonly every: (intervalMs: number, fn: () => void) => () => void
  readonly nowMs: () => number
}

export type ProbeStart =
  | { readonly ok: true; readonly run: ProbeRun }
  | { readonly ok: false; readonly problems: readonly ProgramProblem[] }

interface CompiledClause {
  readonly probes: readonly { provider: RegExp; node: RegExp; unit: RegExp; name: RegExp }[]
  run(event: ProbeEvent): void
}

/** Checks the text and starts it. */
export function startProbe(text: string, options: ProbeRunOptions): ProbeStart {
  const parsed = parseProbeProgram(text)
  if (!parsed.ok) return { ok: false, problems: [parsed.problem] }
  const points = options.sources.flatMap((source) => source.points)
  const checked = checkProgram(parsed.program, points)
  if (!checked.ok) return checked
  return { ok: true, run: new ProbeRun(parsed.program, checked.points, options) }
}

export class ProbeRun {
  readonly #options: ProbeRunOptions
  readonly #variables = new Variables()
  readonly #tables = new Map<string, AggregateTable>()
  readonly #variableNames: ReadonlySet<string>
  readonly #clauses: readonly CompiledClause[]
  readonly #atEnd: readonly CompiledClause[]
  readonly #stops: (() => void)[] = []
  /** Aggregations that the program printed itself are not printed again when it ends. */
  readonly #printed = new Set<string>()
  #isOver = false
  events = 0

  constructor(program: ProbeProgram, points: readonly ProbePoint[], options: ProbeRunOptions) {
    this.#options = options
    this.#variableNames = new Set(
      program.clauses.flatMap(({ statements }) =>
        statements.flatMap((each) => (each.kind === 'assign' ? [each.name] : [])),
      ),
    )
    for (const { statements } of program.clauses) {
      for (const each of statements) {
        if (each.kind === 'aggregate' && !this.#tables.has(each.name)) {
          this.#tables.set(each.name, new AggregateTable(each.aggregator))
        }
        if (each.kind === 'printa') for (const name of this.#named(each.name)) this.#printed.add(name)
      }
    }
    const compiled = program.clauses.map((clause) => ({ clause, compiled: this.#compile(clause) }))
    const ofKind = (kind: ProbePattern['kind']): CompiledClause[] =>
      compiled.filter(({ clause }) => clause.probes.some((probe) => probe.kind === kind)).map((each) => each.compiled)
    this.#clauses = ofKind('match')
    this.#atEnd = ofKind('end')
    for (const clause of ofKind('begin')) clause.run(this.#timed('BEGIN'))
    if (this.#isOver) return
    const watched = new Set(points)
    for (const source of options.sources) {
      if (!source.points.some((point) => watched.has(point))) continue
      this.#stops.push(source.subscribe((event) => this.#fire(event)))
    }
    for (const { clause, compiled: one } of compiled) {
      for (const probe of clause.probes) {
        if (probe.kind !== 'tick') continue
        this.#stops.push(options.every(probe.everyMs, () => one.run(this.#timed(`tick-${probe.everyMs}ms`))))
      }
    }
  }

  /** Ends the run: END clauses, then the aggregations that the program never printed. */
  stop(): void {
    if (this.#isOver) return
    for (const clause of this.#atEnd) clause.run(this.#timed('END'))
    this.#finish()
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const stop of this.#stops) stop()
    for (const name of this.#tables.keys()) if (!this.#printed.has(name)) this.#print(name)
    this.#options.onEnd?.()
  }

  #fire(event: ProbeEvent): void {
    if (this.#isOver) return
    let isCounted = false
    for (const { probes, run } of this.#clauses) {
      for (const { provider, node, unit, name } of probes) {
        if (
          !name.test(event.name) ||
          !provider.test(event.provider) ||
          !node.test(event.node) ||
          !unit.test(event.unit)
        ) {
          continue
        }
        isCounted = true
        run(event)
        break
      }
    }
    if (isCounted) this.events++
  }

  #timed(name: string): ProbeEvent {
    return { provider: 'probe', node: '', unit: '', name, atMs: this.#options.nowMs(), fields: {} }
  }

  #compile(clause: Clause): CompiledClause {
    const isVariable = (name: string): boolean => this.#variableNames.has(name) && !Object.hasOwn(COMMON_FIELDS, name)
    const predicate = clause.predicate === undefined ? undefined : compileExpression(clause.predicate, isVariable)
    const steps = clause.statements.map((each) => this.#statement(each, isVariable))
    return {
      probes: clause.probes.flatMap((probe) =>
        probe.kind !== 'match'
          ? []
          : [
              {
                provider: glob(probe.provider),
                node: glob(probe.node),
                unit: glob(probe.unit),
                name: glob(probe.name),
              },
            ],
      ),
      run: (event) => {
        if (predicate !== undefined && !truth(predicate(event, this.#variables))) return
        for (const step of steps) if (!this.#isOver) step(event)
      },
    }
  }

  #statement(statement: Statement, isVariable: (name: string) => boolean): (event: ProbeEvent) => void {
    const compile = (each: Parameters<typeof compileExpression>[0]): Evaluate => compileExpression(each, isVariable)
    const variables = this.#variables
    switch (statement.kind) {
      case 'aggregate': {
        const table = this.#tables.get(statement.name)!
        const keys = statement.keys.map(compile)
        const of = statement.of.map(compile)
        const all = (event: ProbeEvent, each: readonly Evaluate[]) => each.map((one) => one(event, variables))
        return (event) => {
          const row = all(event, keys).map((key) => key ?? '-')
          const values = all(event, of)
          // An event without the field says nothing about it.
          if (values.length === 0 || values[0] !== undefined) table.add(row, values)
        }
      }
      case 'assign': {
        const keys = statement.keys.map(compile)
        const value = compile(statement.value)
        return (event) => variables.set(variableKey(statement.name, keys, event, variables), value(event, variables))
      }
      case 'print': {
        const values = statement.values.map(compile)
        return (event) =>
          this.#options.output({ kind: 'values', values: values.map((each) => each(event, variables) ?? null) })
      }
      case 'printf': {
        const values = statement.values.map(compile)
        return (event) => {
          const text = format(
            statement.format,
            values.map((each) => each(event, variables)),
          )
          this.#options.output({ kind: 'text', text })
        }
      }
      case 'printa':
        return () => this.#named(statement.name).forEach((name) => this.#print(name))
      case 'clear':
        return () => this.#named(statement.name).forEach((name) => this.#tables.get(name)!.clear())
      case 'trunc':
        return () => this.#named(statement.name).forEach((name) => this.#tables.get(name)!.truncate(statement.count))
      case 'exit':
        return () => this.stop()
    }
  }

  /** The aggregation of that name, or all of them where none is named and there is no nameless one. */
  #named(name: string | undefined): readonly string[] {
    if (name !== undefined) return this.#tables.has(name) ? [name] : []
    return this.#tables.has('') ? [''] : [...this.#tables.keys()]
  }

  #print(name: string): void {
    const table = this.#tables.get(name)!
    this.#options.output({
      kind: 'aggregation',
      name,
      aggregator: table.aggregator,
      rows: table.rows(),
      lost: table.lost,
    })
  }
}

/** `%s`, `%d`, `%f` with a width and a precision, as far as people use them; `%%`. */
function format(pattern: string, values: readonly (ProbeValue | undefined)[]): string {
  let next = 0
  return pattern.replace(
    /%(-?\d*)(?:\.(\d+))?([sdfx%])/g,
    (_, width: string, digits: string | undefined, kind: string) => {
      if (kind === '%') return '%'
      const value = values[next++]
      const number = Number(value)
      const text =
        value === undefined
          ? '-'
          : kind === 'f'
            ? number.toFixed(digits === undefined ? 6 : Math.min(20, Number(digits)))
            : kind === 'x'
              ? Math.trunc(number).toString(16)
              : kind === 'd'
                ? String(Math.trunc(number))
                : String(value)
      const cells = Math.min(200, Math.abs(Number(width)))
      return width.startsWith('-') ? text.padEnd(cells) : text.padStart(cells)
    },
  )
}
