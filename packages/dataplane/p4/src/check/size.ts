/** Sizes of types in bits, for `minSizeInBits()` and its relatives (P4-16 §8.10, §9). */
import type { Context } from './context.ts'
import type { Type } from './type.ts'

/** `isMax`: counts a varbit in full, and the largest member of a union; otherwise 0 and the smallest. */
export function sizeInBits(context: Context, input: Type, isMax: boolean): number | undefined {
  const type = context.inference.resolve(input)
  switch (type.kind) {
    case 'bit':
    case 'int':
      return type.width
    case 'varbit':
      return isMax ? type.width : 0
    case 'bool':
      return 1
    case 'enum':
      return type.underlying === undefined ? undefined : sizeInBits(context, type.underlying, isMax)
    case 'newtype':
      return sizeInBits(context, type.target, isMax)
    case 'typeName':
      return sizeInBits(context, type.type, isMax)
    case 'stack': {
      const element = sizeInBits(context, type.element, isMax)
      return element === undefined ? undefined : element * type.size
    }
    case 'tuple':
      return sum(type.elements.map((element) => sizeInBits(context, element, isMax)))
    case 'struct': {
      const sizes = context.fieldsOf(type).map((field) => sizeInBits(context, field.type, isMax))
      if (type.form !== 'header_union') return sum(sizes)
      const known = sizes.filter((size) => size !== undefined)
      if (known.length !== sizes.length || known.length === 0) return undefined
      return isMax ? Math.max(...known) : Math.min(...known)
    }
    default:
      return undefined
  }
}

function sum(sizes: readonly (number | undefined)[]): number | undefined {
  let total = 0
  for (const size of sizes) {
    if (size === undefined) return undefined
    total += size
  }
  return total
}
