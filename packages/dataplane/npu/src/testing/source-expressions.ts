/** Random expressions of a given type, as P4 text in parentheses. */
import type { Draw } from './draw.ts'

export interface Type {
  readonly kind: 'bit' | 'int' | 'bool'
  readonly width: number
}

export interface Variable {
  readonly text: string
  readonly type: Type
  readonly isReadOnly?: boolean
}

export const bit = (width: number): Type => ({ kind: 'bit', width })
export const int = (width: number): Type => ({ kind: 'int', width })
export const BOOL: Type = { kind: 'bool', width: 1 }
export const WIDTHS = [
  1, 2, 3, 7, 8, 9, 13, 15, 16, 17, 24, 31, 32, 33, 40, 48, 63, 64, 65, 72, 100, 127, 128, 129, 192, 200, 256, 257,
]
const SHIFTS = [0, 1, 2, 7, 8, 31, 32, 63, 64, 65, 130]

export function typeText({ kind, width }: Type): string {
  return kind === 'bool' ? 'bool' : `${kind}<${width}>`
}

/** A function that expressions may call. */
export interface SourceFunction {
  readonly name: string
  readonly result: Type
  readonly parameters: readonly Type[]
}

/** Headers whose validity can be asked for; the last one is a union, which cannot be set. */
export const VALIDITIES = [
  'hdr.first',
  'hdr.wide',
  'hdr.loop[0]',
  'hdr.loop[1]',
  'hdr.loop[2]',
  'hdr.us[1].right',
  'hdr.us[0].left',
  'hdr.varied',
  'hdr.u.left',
  'hdr.u.right',
  'hdr.u',
]

export class SourceExpressions {
  readonly functions: SourceFunction[] = []
  readonly #draw: Draw

  constructor(draw: Draw) {
    this.#draw = draw
  }

  expression(type: Type, depth: number, scope: readonly Variable[]): string {
    const draw = this.#draw
    if (depth === 0 || draw.chance(4)) return this.leaf(type, scope)
    const same = (): string => this.expression(type, depth - 1, scope)
    const other = (of: Type): string => this.expression(of, depth - 1, scope)
    if (type.kind === 'bool') {
      const inner = draw.chance(3) ? int(draw.pick(WIDTHS.slice(1))) : bit(draw.pick(WIDTHS))
      switch (draw.below(6)) {
        case 0:
          return `(${same()} && ${same()})`
        case 1:
          return `(${same()} || ${same()})`
        case 2:
          return `(!${same()})`
        case 3:
          return `(${other(inner)} ${draw.pick(['==', '!='])} ${other(inner)})`
        case 4:
          return `(${draw.pick(this.#pairComparisons(scope))})`
        default:
          return `(${other(inner)} ${draw.pick(['<', '<=', '>', '>='])} ${other(inner)})`
      }
    }
    switch (draw.below(10)) {
      case 0:
        if (type.kind === 'bit' && draw.chance(4))
          return `(${same()} ${draw.pick(['/', '%'])} (${same()} | ${type.width}w1))`
        return `(${same()} ${draw.pick(['+', '-', '*', '&', '|', '^'])} ${same()})`
      case 1:
        return `(${same()} ${draw.pick(['|+|', '|-|'])} ${same()})`
      case 2:
        return `(${draw.pick(['~', '-'])}${same()})`
      case 3:
        return draw.chance(2)
          ? `(${same()} ${draw.pick(['<<', '>>'])} ${draw.pick(SHIFTS)})`
          : `(${same()} ${draw.pick(['<<', '>>'])} ${other(bit(draw.pick([3, 8, 33])))})`
      case 4:
        return `(${other(BOOL)} ? ${same()} : ${same()})`
      case 5: {
        const from = draw.pick(WIDTHS)
        // Between signed and unsigned only at the same width.
        if (type.kind === 'bit') return `((bit<${type.width}>)${other(bit(from))})`
        return draw.chance(2)
          ? `((int<${type.width}>)${other(int(Math.max(2, from)))})`
          : `((int<${type.width}>)${other(bit(type.width))})`
      }
      case 6: {
        if (type.width < 4) return this.leaf(type, scope)
        const right = 1 + draw.below(type.width - 2)
        // The sign of the left side is the result's.
        const low = right > 1 && draw.chance(4) ? int(right) : bit(right)
        return `(${other({ kind: type.kind, width: type.width - right })} ++ ${other(low)})`
      }
      case 7: {
        if (type.kind !== 'bit') return this.leaf(type, scope)
        const from = WIDTHS.find((width) => width >= type.width) ?? type.width
        const low = draw.below(from - type.width + 1)
        const of = from > 1 && draw.chance(4) ? int(from) : bit(from)
        if (draw.chance(4)) return `(${other(of)}[${low}+:${type.width}])`
        return `(${other(of)}[${low + type.width - 1}:${low}])`
      }
      case 8:
        return `choose(${other(BOOL)}, ${same()}, ${same()})`
      default: {
        const fits = this.functions.filter((one) => sameType(one.result, type))
        if (fits.length === 0) return `(${same()} ^ ${same()})`
        const { name, parameters } = draw.pick(fits)
        return `${name}(${parameters.map((one) => this.leaf(one, scope)).join(', ')})`
      }
    }
  }

  #pairComparisons(scope: readonly Variable[]): string[] {
    return scope.some((one) => one.text === 'meta.pair.x') && scope.some((one) => one.text.startsWith('hdr.'))
      ? [
          'meta.pair == meta.other',
          'meta.pair != (pair_t){ 16w3, 9s1, meta.flag }',
          'meta.flag',
          'hdr.loop[0] == hdr.loop[1]',
          'hdr.loop[meta.index] == hdr.loop[0]',
          'hdr.u.left != hdr.us[0].left',
          'hdr.u == hdr.us[1]',
          'hdr.loop == hdr.loop',
          'hdr.varied == hdr.varied',
          'meta.two == { meta.other.x, meta.pair.z }',
          'meta.two[1]',
          'meta.boxed == { 16w1, 16w2 }',
          'meta.mood == Mood.calm',
          'meta.paint != Colour.red',
          '(Colour)(hdr.first.kind[3:0]) == meta.paint',
          'hdr.loop[meta.index].j == hdr.loop[1].j',
          'hdr.us[meta.index].isValid()',
        ]
      : ['true', 'false']
  }

  leaf(type: Type, scope: readonly Variable[]): string {
    const draw = this.#draw
    const fits = scope.filter((one) => sameType(one.type, type))
    if (type.kind === 'bool') {
      if (fits.length > 0 && draw.chance(2)) return draw.pick(fits).text
      const hasHeaders = scope.some((one) => one.text.startsWith('hdr.'))
      return hasHeaders && draw.chance(2) ? `${draw.pick(VALIDITIES)}.isValid()` : draw.pick(['true', 'false'])
    }
    if (fits.length > 0 && !draw.chance(3)) return draw.pick(fits).text
    const unsigned = scope.filter((one) => one.type.kind === 'bit')
    if (unsigned.length > 0 && draw.chance(2)) {
      const from = draw.pick(unsigned)
      if (type.kind === 'bit') return `((bit<${type.width}>)${from.text})`
      return `((int<${type.width}>)(bit<${type.width}>)${from.text})`
    }
    const value = draw.bits(type.width)
    if (type.kind === 'bit') return `${type.width}w${value}`
    const signed = BigInt.asIntN(type.width, value)
    // The lowest value has no literal: its magnitude does not fit.
    if (signed === -(1n << BigInt(type.width - 1))) return `${type.width}s0`
    return signed < 0n ? `(-${type.width}s${-signed})` : `${type.width}s${signed}`
  }

  type(scope: readonly Variable[]): Type {
    const draw = this.#draw
    // Mostly types that something has.
    if (!draw.chance(3)) return draw.pick(scope).type
    return draw.chance(3) ? int(draw.pick(WIDTHS.slice(1))) : bit(draw.pick(WIDTHS))
  }
}

export function sameType(a: Type, b: Type): boolean {
  return a.kind === b.kind && a.width === b.width
}
