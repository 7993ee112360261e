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
  GROUP,
  GROUP_BYTES,
  type GuideLayout,
  ITERATIONS_MAX,
  type KeyLayout,
  type Layout,
  LENGTH_CLASSES,
  IDLE,
  METER,
  type ParameterLayout,
  PASS,
  RESERVED_DROP,
  SEGMENT_BUCKETS,
  SELECTION,
  STAGE,
  STATE_PAGES_MAX,
  TABLE_HEADER,
  type TableLayout,
  TRACE_BYTES,
  TUPLE,
  UNDO_BYTES,
  VERDICT,
} from './layout.ts'
export { isDeparser } from './deparser-code.ts'
export { EVENT } from './extern-code.ts'
export { CUSTOM_CRC } from './custom-crc-code.ts'
export type { ExternCallShape } from './extern-call-code.ts'
export { isStateful, UNDO_RECORD_BYTES } from './undo-log.ts'
export { replicationPoint } from './plan.ts'
export { enterSlots, TRACE, TRACE_COPY, TRACE_FRAME_BYTES } from './trace-code.ts'
export {
  type Applied,
  bestEntry,
  type InterpretedEntry,
  type InterpretedState,
  Interpreter,
  newEntry,
  type Verdict,
} from './interpreter.ts'
export type { InterpretedExtern, Reference } from './interpreted-externs.ts'
export { evaluate } from './evaluate.ts'
