/**
 * Everything that is wrong with a specification, and the specification when nothing is. What `lode isf check` does.
 */
import { DiagnosticSink, type Diagnostic } from '../source/diagnostic.ts'
import type { SpecificationFile } from '../syntax/ast.ts'
import { parse } from '../syntax/parse.ts'
import { checkAssembly } from './check-assembly.ts'
import { runExample } from './check-example.ts'
import { checkLayout } from './check-layout.ts'
import { resolve, type DraftInstruction } from './resolve.ts'
import type { Instruction, Specification } from './specification.ts'
import { findAmbiguity } from './syntax-overlap.ts'
import { createInstructionSet } from '../machine/interpreter.ts'

export interface CheckResult {
  readonly file: SpecificationFile
  /** Undefined when there is an error. Warnings do not prevent it. */
  readonly specification: Specification | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/** Parses and checks the text of an ISF file. Never throws. */
export function checkSpecification(text: string): CheckResult {
  const { file, diagnostics } = parse(text)
  const sink = new DiagnosticSink()
  for (const { code, severity, span, message, notes } of diagnostics) {
    if (severity === 'error') sink.error(code, span, message, notes)
    else sink.warning(code, span, message, notes)
  }
  const { instructionWidth, classes, drafts } = resolve(file, sink)
  const isResolved = sink.errorCount === 0
  // Without a width, that of the first instruction is as good a guess as any: the missing one is reported already.
  const width = instructionWidth ?? 32
  const instructions = isResolved ? drafts.map((draft) => checkInstruction(draft, width, sink)) : []
  if (sink.errorCount > 0) return { file, specification: undefined, diagnostics: sink.diagnostics }
  checkPairs(instructions, width, sink)
  const specification = { instructionWidth: width, classes, instructions }
  if (sink.errorCount === 0) checkExamples(specification, sink)
  return { file, specification: sink.errorCount === 0 ? specification : undefined, diagnostics: sink.diagnostics }
}

function checkInstruction(draft: DraftInstruction, width: number, sink: DiagnosticSink): Instruction {
  const { layout, mask, match, isOptional } = checkLayout(draft, width, sink)
  const syntax = checkAssembly(draft, isOptional, sink)
  const { name, doc, timing, examples, span } = draft
  const fields = draft.fields.map((field, index) => ({
    name: field.name,
    property: field.property,
    width: field.width,
    type: field.type,
    isOptional: isOptional[index] === true,
    doc: field.doc,
    ...(field.className === undefined ? {} : { className: field.className }),
  }))
  return { name, doc, timing, fields, syntax, layout, examples, mask, match, span }
}

/** No word may be two instructions, and no line of text. */
function checkPairs(instructions: readonly Instruction[], width: number, sink: DiagnosticSink): void {
  for (const [index, second] of instructions.entries()) {
    for (const first of instructions.slice(0, index)) {
      if (((first.match ^ second.match) & first.mask & second.mask) === 0n) {
        const word = (first.match | second.match).toString(16).padStart(Math.ceil(width / 4), '0')
        sink.error('ISF4009', second.span, `0x${word} is both '${first.name}' and '${second.name}'`, [
          { message: `the constants of '${first.name}' do not exclude it`, span: first.span },
        ])
      }
      const line = findAmbiguity(first.syntax, second.syntax)
      if (line === undefined) continue
      sink.error('ISF5011', second.span, `'${line.trim()}' is both '${first.name}' and '${second.name}'`, [
        { message: 'the other instruction', span: first.span },
      ])
    }
  }
}

function checkExamples(specification: Specification, sink: DiagnosticSink): void {
  const set = createInstructionSet(specification)
  for (const instruction of specification.instructions) {
    for (const example of instruction.examples) {
      const outcome = runExample(set, instruction, example)
      if (!outcome.isOk) sink.error('ISF6001', outcome.span, outcome.problem)
    }
  }
}
