/**
 * Frame descriptors as generated code reads them: 16 bytes per slot at the start of memory 0. The same numbers as
 * `@lodestone/frame`, which this package does not depend on; a test of `@lodestone/npu` compares them.
 */
export const DESCRIPTOR_BYTES_LOG2 = 4
export const DESCRIPTOR = { start: 0, length: 4 } as const
