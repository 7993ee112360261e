/**
 * Machine words → text that assembles to the same words. A word that is no instruction, or has bits set that its
 * instruction gives no meaning, is written as `.word`.
 */
import type { Word } from '../spec/specification.ts'
import { wordText, type InstructionSet } from './instruction-set.ts'

export interface DisassembledWord<I, W extends Word = Word> {
  /** Counts words. */
  readonly address: number
  readonly word: W
  /** Undefined when the word is no instruction. */
  readonly instruction: I | undefined
  readonly text: string
}

/** One line for each word; `origin` is the address of the first. Never throws for words in range. */
export function disassembleWords<I extends { readonly kind: string }, W extends Word = Word>(
  set: InstructionSet<I, W>,
  words: ArrayLike<W>,
  origin = 0,
): DisassembledWord<I, W>[] {
  const lines = new Array<DisassembledWord<I, W>>(words.length)
  for (let index = 0; index < words.length; index++) {
    // Because the index is below the length.
    const word = words[index]!
    const instruction = set.decode(word)
    lines[index] = { address: origin + index, word, instruction, text: textOf(set, word, instruction) }
  }
  return lines
}

/** The text of one word. */
export function disassembleWord<I extends { readonly kind: string }, W extends Word = Word>(
  set: InstructionSet<I, W>,
  word: W,
): string {
  return textOf(set, word, set.decode(word))
}

function textOf<I extends { readonly kind: string }, W extends Word = Word>(
  set: InstructionSet<I, W>,
  word: W,
  instruction: I | undefined,
): string {
  if (instruction === undefined) return `.word 0x${wordText(word, set.wordBits)}`
  const text = set.format(instruction)
  return set.encode(instruction) === word ? text : `.word 0x${wordText(word, set.wordBits)} ; ${text}`
}
