/** Tokens of RSF. Comments are not tokens: they hang on the token before (same line) or after them. */
import type { Range } from '../source/range.ts'

export type TokenKind = 'identifier' | 'number' | 'string' | 'doc' | 'punctuation' | 'end'

export interface Token {
  readonly kind: TokenKind
  /** Source text; for a string the decoded value, for a doc line what follows the slashes, as written. */
  readonly text: string
  /** Of a number; 0 otherwise. */
  readonly value: bigint
  readonly range: Range
  /** Comment lines before the token, with their slashes. */
  readonly comments: readonly string[]
  /** A comment that ends the token's line. */
  trailing: string | undefined
  /** An empty line stands before the token (and before its comments, when it has some). */
  readonly isAfterBlank: boolean
}
