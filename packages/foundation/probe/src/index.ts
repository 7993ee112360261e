export { Counters } from './counters.ts'
export type { DropReason, NamedValue, NearMiss, Step, StoryEvent } from './step.ts'
export { Tracer } from './tracer.ts'
