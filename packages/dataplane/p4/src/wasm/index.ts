export { ByteSink } from './byte-sink.ts'
export { FunctionBuilder, type FunctionRef, type Label, type Signature } from './function-builder.ts'
export { ModuleBuilder } from './module-builder.ts'
export type { MemoryOpcode, PlainOpcode, ValueType } from './opcode.ts'
