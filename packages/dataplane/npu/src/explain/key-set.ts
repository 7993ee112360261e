/** Which values a key of an entry or a case of a select holds. */
import type { KeySet } from '@lodestone/p4'

export function isIn(set: KeySet, value: bigint, width: number): boolean {
  switch (set.kind) {
    case 'any':
      return true
    case 'exact':
      return value === set.value
    case 'lpm':
      return value >> BigInt(width - set.length) === set.value >> BigInt(width - set.length)
    case 'ternary':
      return (value & set.mask) === (set.value & set.mask)
    case 'range':
      return set.low <= value && value <= set.high
  }
}
