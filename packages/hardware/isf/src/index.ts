/** ISF, the instruction set specification format: checker, formatter, assembler, disassembler, generators. */
export { LineMap, type Position, type Span } from './source/span.ts'
export {
  renderDiagnostic,
  renderDiagnostics,
  type Diagnostic,
  type DiagnosticNote,
  type Severity,
} from './source/diagnostic.ts'
export type * from './syntax/ast.ts'
export { parse, type ParseResult } from './syntax/parse.ts'
export { formatSpecification, printSpecification, type FormatResult } from './syntax/print.ts'
export { checkSpecification, type CheckResult } from './spec/check.ts'
export { runExamples, type ExampleOutcome, type ExampleRun } from './spec/check-example.ts'
export {
  describeTiming,
  type Field,
  type FieldShape,
  type FieldValue,
  type Instruction,
  type InstructionExample,
  type InstructionSyntax,
  type InstructionValue,
  type Placement,
  type RegisterClass,
  type Specification,
  type SyntaxElement,
  type Timing,
  type Word,
} from './spec/specification.ts'
export { createInstructionSet } from './machine/interpreter.ts'
export { wordText, type InstructionSet } from './assembly/instruction-set.ts'
export {
  assembleProgram,
  formatListing,
  type AssembleOptions,
  type AssembleResult,
  type ListingLine,
} from './assembly/assemble.ts'
export { disassembleWord, disassembleWords, type DisassembledWord } from './assembly/disassemble.ts'
export { generateTypeScript, type GenerateOptions } from './generate/typescript.ts'
export { renderMarkdown, type DocsOptions } from './docs/markdown.ts'
export { renderHtml } from './docs/html.ts'
