/** Walking the options of a Geneve header (RFC 8926 §3.5) in place. */
import { checkGeneveOption, geneveOptionOptionClass, geneveOptionType } from './generated/geneve-option.ts'
import { GENEVE_MIN, geneveHeaderLength } from './generated/geneve.ts'
import { ParseError } from './parse-error.ts'

/** Whether the options of the checked Geneve header at `offset` fill its option space exactly. @returns 0 or `badOption`. */
export function checkGeneveOptions(bytes: Uint8Array, offset: number): number {
  const end = offset + geneveHeaderLength(bytes, offset)
  let at = offset + GENEVE_MIN
  while (at < end) {
    const length = checkGeneveOption(bytes, at, end)
    if (length < 0) return ParseError.badOption
    at += length
  }
  return 0
}

/** Offset of the first option of this class and type, or -1. Stops at a malformed option. */
export function findGeneveOption(bytes: Uint8Array, offset: number, optionClass: number, type: number): number {
  const end = offset + geneveHeaderLength(bytes, offset)
  let at = offset + GENEVE_MIN
  while (at < end) {
    const length = checkGeneveOption(bytes, at, end)
    if (length < 0) return -1
    if (geneveOptionOptionClass(bytes, at) === optionClass && geneveOptionType(bytes, at) === type) return at
    at += length
  }
  return -1
}
