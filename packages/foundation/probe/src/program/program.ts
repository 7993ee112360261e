/**
 * A probe program as a tree. The language is D's, as far as it makes sense for a network:
 *
 *     program   := clause+
 *     clause    := probe (',' probe)* ('/' expression '/')? '{' statements '}'
 *     probe     := 'BEGIN' | 'END' | 'tick-' TIME | provider ':' (node ':' (unit ':')?)? name      with * and ? in each part
 *     statement := '@' NAME? keys? '=' FUNCTION '(' … ')' | NAME keys? '=' expression | FUNCTION '(' … ')'
 *     keys      := '[' expression (',' expression)* ']'
 */
import type { ProbeValue } from '../probe-event.ts'

/** From the first character to behind the last one, in the program's text. */
export interface Span {
  readonly start: number
  readonly end: number
}

export type ProbePattern =
  | { readonly kind: 'begin' | 'end'; readonly span: Span }
  | { readonly kind: 'tick'; readonly everyMs: number; readonly span: Span }
  /** Globs. */
  | {
      readonly kind: 'match'
      readonly provider: string
      readonly node: string
      readonly unit: string
      readonly name: string
      readonly span: Span
    }

export const BINARY = ['||', '&&', '==', '!=', '<=', '>=', '<', '>', '=~', '+', '-', '*', '/', '%'] as const
export type BinaryOperator = (typeof BINARY)[number]

export type Expression =
  | { readonly kind: 'value'; readonly value: ProbeValue; readonly span: Span }
  /** A field of the event, or a variable of the program. */
  | { readonly kind: 'name'; readonly name: string; readonly keys: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'not' | 'minus'; readonly of: Expression; readonly span: Span }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
      readonly span: Span
    }
  /** An address within a prefix. */
  | { readonly kind: 'in'; readonly left: Expression; readonly prefix: string; readonly span: Span }

export const AGGREGATORS = ['count', 'sum', 'avg', 'min', 'max', 'stddev', 'quantize', 'lquantize', 'topk'] as const
export type AggregatorName = (typeof AGGREGATORS)[number]

export type Statement =
  | {
      readonly kind: 'aggregate'
      readonly name: string
      readonly keys: readonly Expression[]
      readonly aggregator: AggregatorName
      readonly of: readonly Expression[]
      readonly span: Span
    }
  | {
      readonly kind: 'assign'
      readonly name: string
      readonly keys: readonly Expression[]
      readonly value: Expression
      readonly span: Span
    }
  | { readonly kind: 'print'; readonly values: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'printf'; readonly format: string; readonly values: readonly Expression[]; readonly span: Span }
  /** `trunc` keeps `count` rows. */
  | {
      readonly kind: 'printa' | 'clear' | 'trunc'
      readonly name: string | undefined
      readonly count: number
      readonly span: Span
    }
  | { readonly kind: 'exit'; readonly span: Span }

export interface Clause {
  readonly probes: readonly ProbePattern[]
  readonly predicate: Expression | undefined
  readonly statements: readonly Statement[]
}

export interface ProbeProgram {
  readonly text: string
  readonly clauses: readonly Clause[]
}

/** What is wrong with a program, where, and what would be right. */
export interface ProgramProblem {
  readonly span: Span
  readonly message: string
}
