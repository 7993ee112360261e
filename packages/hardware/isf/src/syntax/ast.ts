/**
 * The syntax tree of an ISF file. Every node has a span; everything the formatter puts on a line of its own has the
 * comments around it (`//` and what follows, without the newline), so that printing loses nothing.
 */
import type { Span } from '../source/span.ts'

export interface Trivia {
  /** Comments that stand on lines before it; an empty text where a blank line follows one. */
  readonly leading: string[]
  /** Comments that follow it on its last line. */
  readonly trailing: string[]
}

export interface Name {
  readonly text: string
  readonly span: Span
}

/** A number up to 2^64-1. `text` keeps base and leading zeros. */
export interface NumberLiteral {
  readonly value: bigint
  readonly text: string
  readonly span: Span
}

export interface StringLiteral {
  readonly value: string
  readonly span: Span
}

/** Lines of `///` comment, each trimmed, joined by newlines. Empty only where the file misses a required one. */
export interface Doc {
  readonly text: string
  readonly span: Span
}

export interface Characteristic {
  readonly name: Name
  readonly value: NumberLiteral
  readonly span: Span
  readonly trivia: Trivia
}

export interface ClassDeclaration {
  readonly doc: Doc
  readonly name: Name
  readonly width: NumberLiteral
  readonly span: Span
  readonly trivia: Trivia
  readonly widthTrivia: Trivia
  readonly endTrivia: Trivia
}

export type TimingValue =
  | { readonly kind: 'cycle'; readonly count: NumberLiteral }
  | { readonly kind: 'async' | 'multi' }

export interface TimingSection {
  readonly value: TimingValue
  readonly span: Span
  readonly trivia: Trivia
}

export interface FieldDeclaration {
  readonly doc: Doc
  readonly name: Name
  readonly type:
    | { readonly kind: 'width'; readonly width: NumberLiteral }
    | { readonly kind: 'class'; readonly name: Name }
  readonly span: Span
  readonly trivia: Trivia
}

export interface FieldsSection {
  readonly fields: readonly FieldDeclaration[]
  readonly span: Span
  readonly trivia: Trivia
}

export type AssemblyElement =
  | { readonly kind: 'expansion'; readonly parameter: Name; readonly span: Span }
  | { readonly kind: 'literal'; readonly text: StringLiteral; readonly span: Span }
  | { readonly kind: 'flag'; readonly text: StringLiteral; readonly field: Name; readonly span: Span }
  | { readonly kind: 'optional'; readonly hasDot: boolean; readonly field: Name; readonly span: Span }
  | { readonly kind: 'field'; readonly field: Name; readonly span: Span }
  | { readonly kind: 'dot' | 'comma' | 'space'; readonly span: Span }

export interface Example {
  readonly doc: Doc
  readonly text: string
  /** Of the text, without the semicolon. */
  readonly span: Span
  readonly trivia: Trivia
}

export interface AssemblySection {
  readonly syntax: readonly AssemblyElement[]
  readonly syntaxTrivia: Trivia
  readonly examples: readonly Example[]
  readonly hasExamples: boolean
  readonly examplesTrivia: Trivia
  readonly span: Span
  readonly trivia: Trivia
}

export type MachineValue =
  | { readonly kind: 'number'; readonly number: NumberLiteral }
  | { readonly kind: 'parameter'; readonly parameter: Name }

export type MachineElement = (
  | { readonly kind: 'constant'; readonly width: NumberLiteral; readonly value?: MachineValue }
  | { readonly kind: 'field' | 'negated' | 'present' | 'absent' }
  | { readonly kind: 'slice'; readonly begin: NumberLiteral; readonly end: NumberLiteral }
) & { readonly name: Name; readonly span: Span; readonly trivia: Trivia }

export interface MachineSection {
  readonly elements: readonly MachineElement[]
  readonly span: Span
  readonly trivia: Trivia
}

export type BaseArgument =
  | { readonly kind: 'number'; readonly number: NumberLiteral }
  | { readonly kind: 'text'; readonly text: StringLiteral }

export interface BaseReference {
  readonly name: Name
  readonly args: readonly BaseArgument[]
  readonly span: Span
}

export interface InstructionDeclaration {
  readonly doc: Doc
  readonly name: Name
  /** Not empty: a generic instruction, from which others are made. */
  readonly parameters: readonly Name[]
  readonly base?: BaseReference
  readonly timing?: TimingSection
  readonly fields?: FieldsSection
  readonly assembly?: AssemblySection
  readonly machine?: MachineSection
  readonly span: Span
  readonly trivia: Trivia
  readonly endTrivia: Trivia
}

export interface SpecificationFile {
  readonly characteristics: readonly Characteristic[]
  readonly classes: readonly ClassDeclaration[]
  readonly instructions: readonly InstructionDeclaration[]
  /** What stands after the last declaration. */
  readonly endTrivia: Trivia
}
