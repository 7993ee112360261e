/** Why bytes are not the header they were taken for. Codes are negative so that a length and an error share a result. */

export const ParseError = {
  /** The bytes end before the header, or before the length that it claims. */
  truncated: -1,
  badVersion: -2,
  /** A header length below its minimum, or one that cannot be (IPv4 IHL, DDM). */
  badHeaderLength: -3,
  /** A length field that contradicts the header it belongs to. */
  badLength: -4,
  /** TCP data offset below 5. */
  badDataOffset: -5,
  badOption: -6,
  /** Well formed perhaps, but not a kind that this parser handles. */
  unsupported: -7,
  /** IPv6 extension headers out of order, or more than the parser follows. */
  badExtension: -8,
} as const

export type ParseErrorName = keyof typeof ParseError

const names: readonly ParseErrorName[] = [
  'truncated',
  'badVersion',
  'badHeaderLength',
  'badLength',
  'badDataOffset',
  'badOption',
  'unsupported',
  'badExtension',
]

/** The name of a negative code. */
export function parseErrorName(code: number): ParseErrorName | 'none' {
  return names[-code - 1] ?? 'none'
}
