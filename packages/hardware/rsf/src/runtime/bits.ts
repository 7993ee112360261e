/**
 * Numbers that carry their width in their type. `Bits<3>` is a number from 0 to 7 that somebody has checked: the
 * compiler when it was a literal, `bits()` otherwise. Up to 32 bits they are numbers, above that bigints.
 */

declare const widthOf: unique symbol

/** An unsigned value of exactly this width: a narrower or wider one is another type. */
export type Bits<N extends number> = Unchecked<N> & { readonly [widthOf]: N }

/** What a field of `N` bits takes: checked bits, or for up to 8 bits a literal in range. */
export type BitsInput<N extends number> =
  | Bits<N>
  | (N extends 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 ? Below<PowersOfTwo[N]> : never)

/**
 * A value of `width` bits. A literal that does not fit does not compile (widths up to 64); a value that the compiler
 * does not know is checked when it runs.
 * @throws RangeError when the value is negative, not whole or too large
 */
export function bits<const N extends number, const V extends Unchecked<N>>(
  width: N,
  value: V & Fitting<N, V>,
): Bits<N> {
  let fits: boolean
  if (typeof value === 'number') {
    fits = width <= 32 && (value & (width === 32 ? -1 : (1 << width) - 1)) >>> 0 === value
  } else {
    fits = width > 32 && BigInt.asUintN(width, value) === value
  }
  if (!fits) throw outOfRange(value, width, typeof value)
  // Because the value was checked just here.
  return value as unknown as Bits<N>
}

/**
 * Gives `index` back when it is a whole number from 0 to `length - 1`, or throws RangeError.
 */
export function indexIn(index: number, length: number, what: string): number {
  if (index >>> 0 === index && index < length) return index
  throw new RangeError(`${what}(${index}): there are ${length}`)
}

/** For the `default` of a generated `switch` that has every declared value. */
export function undeclared(value: never, what: string): RangeError {
  return new RangeError(`${what} declares no ${String(value)}`)
}

/** For generated checks. */
export function outOfRange(value: number | bigint, width: number, what: string): RangeError {
  return new RangeError(`${what}: ${value} does not fit in ${width} bits`)
}

type NumberWidth = 1 | Below<33, [0]>
type Unchecked<N extends number> = number extends N ? number | bigint : N extends NumberWidth ? number : bigint

/** The union of the numbers from 0 (or the length of `T`) up to, not including, `N`. */
type Below<N extends number, T extends readonly number[] = []> = T['length'] extends N
  ? T[number]
  : Below<N, [...T, T['length']]>

interface PowersOfTwo {
  1: 2
  2: 4
  3: 8
  4: 16
  5: 32
  6: 64
  7: 128
  8: 256
}

/** `V` when it is not a literal or fits, `never` otherwise. */
type Fitting<N extends number, V> = number extends V
  ? V
  : bigint extends V
    ? V
    : V extends number | bigint
      ? `${V}` extends `-${string}` | `${string}.${string}` | `${string}e${string}`
        ? never
        : N extends keyof Largest
          ? IsAtMost<`${V}`, Largest[N]> extends true
            ? V
            : never
          : V
      : never

type IsAtMost<A extends string, B extends string> =
  CompareLength<A, B> extends 'same' ? IsAtMostSameLength<A, B> : CompareLength<A, B> extends 'shorter' ? true : false

type CompareLength<A extends string, B extends string> = A extends `${infer _}${infer RestA}`
  ? B extends `${infer _}${infer RestB}`
    ? CompareLength<RestA, RestB>
    : 'longer'
  : B extends ''
    ? 'same'
    : 'shorter'

type IsAtMostSameLength<A extends string, B extends string> = A extends `${infer DigitA}${infer RestA}`
  ? B extends `${infer DigitB}${infer RestB}`
    ? DigitA extends DigitB
      ? IsAtMostSameLength<RestA, RestB>
      : '0123456789' extends `${string}${DigitA}${string}${DigitB}${string}`
        ? true
        : false
    : false
  : true

/** The largest value of each width, in decimal. */
interface Largest {
  1: '1'
  2: '3'
  3: '7'
  4: '15'
  5: '31'
  6: '63'
  7: '127'
  8: '255'
  9: '511'
  10: '1023'
  11: '2047'
  12: '4095'
  13: '8191'
  14: '16383'
  15: '32767'
  16: '65535'
  17: '131071'
  18: '262143'
  19: '524287'
  20: '1048575'
  21: '2097151'
  22: '4194303'
  23: '8388607'
  24: '16777215'
  25: '33554431'
  26: '67108863'
  27: '134217727'
  28: '268435455'
  29: '536870911'
  30: '1073741823'
  31: '2147483647'
  32: '4294967295'
  33: '8589934591'
  34: '17179869183'
  35: '34359738367'
  36: '68719476735'
  37: '137438953471'
  38: '274877906943'
  39: '549755813887'
  40: '1099511627775'
  41: '2199023255551'
  42: '4398046511103'
  43: '8796093022207'
  44: '17592186044415'
  45: '35184372088831'
  46: '70368744177663'
  47: '140737488355327'
  48: '281474976710655'
  49: '562949953421311'
  50: '1125899906842623'
  51: '2251799813685247'
  52: '4503599627370495'
  53: '9007199254740991'
  54: '18014398509481983'
  55: '36028797018963967'
  56: '72057594037927935'
  57: '144115188075855871'
  58: '288230376151711743'
  59: '576460752303423487'
  60: '1152921504606846975'
  61: '2305843009213693951'
  62: '4611686018427387903'
  63: '9223372036854775807'
  64: '18446744073709551615'
}
