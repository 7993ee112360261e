/** Trace records in memory 1 → the steps of a packet's story. */
import { type Generated, type Program, TRACE } from '@lodestone/p4'
import type { Step } from '@lodestone/probe'
import type { StateMemory } from './state-memory.ts'
import type { TableControl } from './table/table-control.ts'
import { formatOf, formatValue } from './value-format.ts'

/** Steps from 'parser' on, without what became of the packet. */
export function readTrace(
  generated: Generated,
  state: StateMemory,
  tables: readonly TableControl[],
  end: number,
): Step[] {
  const { program } = generated
  const { u32 } = state
  const steps: Step[] = []
  const states: string[] = []
  let error: string | undefined
  let parserAt: number | undefined
  const last = end >> 2
  for (let at = generated.layout.trace >> 2; at < last; at += u32[at]! >>> 8) {
    const word = (k: number): number => u32[at + 1 + k]!
    switch (u32[at]! & 0xff) {
      case TRACE.state:
        parserAt ??= steps.length
        states.push(program.parsers[word(0)]!.states[word(1)]!.name)
        break
      case TRACE.parserError:
        error = program.errors[word(0)] ?? `error ${word(0)}`
        if (word(0) === 0) error = 'reject'
        break
      case TRACE.apply:
        steps.push(tableStep(program, tables, word))
        break
      case TRACE.assign: {
        const step = assignStep(program, word)
        if (step !== undefined) steps.push(step)
        break
      }
      case TRACE.assertion:
        steps.push({ kind: 'rewrite', field: 'assert', from: generated.messages[word(0)]!, to: 'false' })
        break
    }
  }
  if (parserAt !== undefined) {
    steps.splice(parserAt, 0, { kind: 'parser', states, ...(error === undefined ? {} : { error }) })
  }
  return steps
}

function tableStep(program: Program, tables: readonly TableControl[], word: (k: number) => number): Step {
  const control = tables[word(0)]!
  const entry = word(1)
  const hit = word(2) === 1
  let at = 3
  const keys = program.tables[word(0)]!.keys.map(({ name, expression }) => {
    const { width } = expression
    const value = valueAt(word, at, width)
    at += 2 * Math.ceil(width / 64)
    return { name, value: formatValue(value, width, formatOf(program, expression)) }
  })
  return {
    kind: 'table',
    table: control.description.name,
    keys,
    hit,
    ...(hit ? { entry: control.entryText(entry) } : {}),
    action: control.actionName(control.store.readAction(entry).action),
    parameters: control.parameters(entry),
  }
}

function assignStep(program: Program, word: (k: number) => number): Step | undefined {
  const id = word(0)
  const { name, width, format } = program.slots[id]!
  const before = valueAt(word, 1, width)
  const after = valueAt(word, 1 + 2 * Math.ceil(width / 64), width)
  if (before === after) return undefined
  const header = program.headers.find((one) => one.valid === id)
  if (header !== undefined) {
    const text = (value: bigint): string => (value === 0n ? 'absent' : 'present')
    return { kind: 'rewrite', field: header.name, from: text(before), to: text(after) }
  }
  return {
    kind: 'rewrite',
    field: name,
    from: formatValue(before, width, format),
    to: formatValue(after, width, format),
  }
}

function valueAt(word: (k: number) => number, at: number, width: number): bigint {
  let value = 0n
  for (let k = 0; 32 * k < width; k++) value |= BigInt(word(at + k)) << BigInt(32 * k)
  return value
}
