export { type Generated, generate } from './generator.ts'
export {
  ACTION_FREE,
  BATCH_CAPACITY,
  BATCH_PORTS,
  BATCH_SLOTS,
  BATCH_VERDICTS,
  CELL,
  ENTRY,
  EVENT_BYTES,
  type ExternLayout,
  type KeyLayout,
  type Layout,
  METER,
  type ParameterLayout,
  RESERVED_DROP,
  TABLE_HEADER,
  type TableLayout,
  TRACE_BYTES,
  TUPLE,
  VERDICT,
} from './layout.ts'
export { EVENT } from './extern-code.ts'
export { TRACE } from './trace-code.ts'
export { type Applied, bestEntry, type InterpretedEntry, Interpreter, type Verdict } from './interpreter.ts'
export { evaluate } from './evaluate.ts'
