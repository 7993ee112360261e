/**
 * What assembling and disassembling need of an instruction set; generated code and the interpreter both provide it. `W` is
 * number where words are at most 32 bits wide, else bigint; the interpreter knows only when it runs.
 */
import type { InstructionSyntax, Word } from '../spec/specification.ts'

/** `I` is a union of instructions discriminated by `kind`. */
export interface InstructionSet<I extends { readonly kind: string }, W extends Word = Word> {
  readonly wordBits: number
  readonly syntaxes: readonly InstructionSyntax[]
  /** @throws RangeError when a field does not fit, which the checks of `assemble` exclude. */
  encode(instruction: I): W
  /** Undefined when the word is no instruction; bits without meaning are ignored. Never throws. */
  decode(word: W): I | undefined
  format(instruction: I): string
}

/** The word in hexadecimal without prefix, padded to its width. */
export function wordText(word: Word, wordBits: number): string {
  return word.toString(16).padStart(Math.ceil(wordBits / 4), '0')
}
