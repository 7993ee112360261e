export type * from './pipeline.ts'
export { createBatch, createPipeline, type PipelineOptions } from './create-pipeline.ts'
export { dropReasonOf } from './drop-reason.ts'
export { DEFAULT_TABLE_SIZE } from './table/table-control.ts'
