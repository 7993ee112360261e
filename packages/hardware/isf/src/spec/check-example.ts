/**
 * An example of a specification, run both ways: text → instruction → word → instruction → text, which must be the text
 * again but for blanks and the spelling of numbers.
 */
import type { InstructionSet } from '../assembly/instruction-set.ts'
import { matchLine } from '../assembly/match.ts'
import type { Span } from '../source/span.ts'
import type { Instruction, InstructionExample, InstructionValue, Specification, Word } from './specification.ts'
import { createInstructionSet } from '../machine/interpreter.ts'

export type ExampleOutcome =
  | { readonly isOk: true; readonly instruction: InstructionValue; readonly word: Word; readonly text: string }
  | { readonly isOk: false; readonly problem: string; readonly span: Span }

export interface ExampleRun {
  readonly instruction: string
  readonly example: InstructionExample
  readonly outcome: ExampleOutcome
}

/** Every example of a specification with what became of it. */
export function runExamples(specification: Specification): ExampleRun[] {
  const set = createInstructionSet(specification)
  return specification.instructions.flatMap((instruction) =>
    instruction.examples.map((example) => ({
      instruction: instruction.name,
      example,
      outcome: runExample(set, instruction, example),
    })),
  )
}

export function runExample(
  set: InstructionSet<InstructionValue>,
  instruction: Instruction,
  example: InstructionExample,
): ExampleOutcome {
  const fail = (problem: string, span: Span = example.span): ExampleOutcome => ({ isOk: false, problem, span })
  const matched = matchLine(set.syntaxes, example.text)
  if (!matched.isOk) {
    const start = example.span.start
    return fail(matched.problem, { start: start + matched.start, end: start + matched.end })
  }
  const { value } = matched
  if (value.kind !== instruction.name)
    return fail(`this is an example of '${value.kind}', not of '${instruction.name}'`)
  const word = set.encode(value)
  const decoded = set.decode(word)
  if (decoded === undefined) return fail(`the word of this example, 0x${word.toString(16)}, is no instruction`)
  const text = set.format(decoded)
  if (normalized(text) !== normalized(example.text)) return fail(`this example is disassembled as: ${text}`)
  const again = matchLine(set.syntaxes, text)
  if (!again.isOk || set.encode(again.value) !== word) return fail(`the text '${text}' does not assemble to its word`)
  return { isOk: true, instruction: decoded, word, text }
}

/** Without blanks, and with every number in decimal and without leading zeros. */
function normalized(text: string): string {
  return text
    .replace(/0x[0-9a-fA-F]+|[0-9]+/g, (number) => BigInt(number).toString())
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\s*,\s*/g, ',')
}
