/** Tokens of P4-16 (§6.4). The preprocessor works on them too, so that positions survive macros and includes. */
import type { Range } from '../source/range.ts'

export type TokenKind = 'identifier' | 'keyword' | 'integer' | 'string' | 'operator' | 'bad' | 'end'

export interface IntegerValue {
  readonly value: bigint
  /** Absent for a literal of type `int`. */
  readonly width?: number
  readonly signed: boolean
}

export interface Token {
  readonly kind: TokenKind
  /** As written; for a string its contents with escapes resolved; for `bad` the reason. */
  readonly text: string
  readonly range: Range
  /** First token of its (logical) line. */
  readonly startsLine: boolean
  readonly hasSpaceBefore: boolean
  readonly integer?: IntegerValue
}

/** Words that can never be identifiers. `apply`, `key`, `type` and the like are contextual (§6.4.1). */
export const KEYWORDS: ReadonlySet<string> = new Set([
  'abstract',
  'action',
  'bit',
  'bool',
  'break',
  'const',
  'continue',
  'control',
  'default',
  'else',
  'enum',
  'error',
  'exit',
  'extern',
  'false',
  'for',
  'header',
  'header_union',
  'if',
  'in',
  'inout',
  'int',
  'match_kind',
  'out',
  'package',
  'parser',
  'return',
  'select',
  'string',
  'struct',
  'switch',
  'table',
  'this',
  'transition',
  'true',
  'tuple',
  'typedef',
  'value_set',
  'varbit',
  'void',
  '_',
])

/** Longest first within each first character. `>>` is left to the parser, which must tell it from two closing `>`. */
export const OPERATORS: readonly string[] = [
  '|+|=',
  '|-|=',
  '<<=',
  '|+|',
  '|-|',
  '&&&',
  '...',
  '##',
  '&&',
  '||',
  '++',
  '..',
  '==',
  '!=',
  '<=',
  '>=',
  '<<',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '&=',
  '|=',
  '^=',
  '+:',
  '{#}',
  '+',
  '-',
  '*',
  '/',
  '%',
  '&',
  '|',
  '^',
  '~',
  '!',
  '<',
  '>',
  '=',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ':',
  ';',
  ',',
  '.',
  '?',
  '@',
  '#',
]
