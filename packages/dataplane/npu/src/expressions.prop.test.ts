import { test } from 'node:test'
import fc from 'fast-check'
import type { Expression } from '@lodestone/p4'
import { Duel } from './testing/duel.ts'
import { ProgramBuilder, state } from './testing/program-builder.ts'

const WIDTHS = [1, 2, 3, 7, 8, 9, 12, 16, 20, 31, 32, 33, 40, 48, 63, 64, 65, 72, 96, 127, 128, 129, 160, 200, 256]
const width = fc.constantFrom(...WIDTHS)

/** Inputs of each width exist twice. */
function inputName(bits: number, which: number): string {
  return `in${bits}_${which}`
}

const LEAVES = WIDTHS.flatMap((bits) => [0, 1].map((which) => ({ name: inputName(bits, which), bits })))

type Load = (bits: number, which: number) => Expression

function interesting(bits: number): fc.Arbitrary<bigint> {
  const top = (1n << BigInt(bits)) - 1n
  return fc.oneof(fc.bigInt({ min: 0n, max: top }), fc.constantFrom(0n, 1n, top, top >> 1n, (top >> 1n) + 1n))
}

function expression(load: Load, bits: number, depth: number): fc.Arbitrary<Expression> {
  const constant = interesting(bits).map((value): Expression => ({ op: 'const', width: bits, value }))
  const leaf = WIDTHS.includes(bits)
    ? fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0, 1).map((which) => load(bits, which)) }, constant)
    : constant
  if (depth === 0) return leaf
  const sub = (inner: number): fc.Arbitrary<Expression> => expression(load, inner, depth - 1)
  const same = sub(bits)
  const options: fc.Arbitrary<Expression>[] = [
    leaf,
    fc
      .tuple(fc.constantFrom('add', 'sub', 'mul', 'div', 'mod', 'and', 'or', 'xor'), same, same)
      .map(([op, left, right]): Expression => ({ op, width: bits, left, right })),
    fc
      .tuple(fc.constantFrom('addSaturating', 'subSaturating'), fc.boolean(), same, same)
      .map(([op, signed, left, right]): Expression => ({ op, width: bits, signed, left, right })),
    fc.tuple(fc.constantFrom('not', 'neg'), same).map(([op, operand]): Expression => ({ op, width: bits, operand })),
    fc
      .tuple(fc.boolean(), fc.boolean(), same, amount(load, bits))
      .map(([isLeft, signed, left, right]): Expression =>
        isLeft ? { op: 'shl', width: bits, left, right } : { op: 'shr', width: bits, signed, left, right },
      ),
    fc.tuple(sub(1), same, same).map(([condition, whenTrue, whenFalse]): Expression => ({
      op: 'mux',
      width: bits,
      condition,
      whenTrue,
      whenFalse,
    })),
    fc
      .tuple(width, fc.boolean())
      .chain(([from, signed]) =>
        sub(from).map((operand): Expression => ({ op: 'cast', width: bits, signed, operand })),
      ),
    width
      .filter((from) => from >= bits)
      .chain((from) =>
        fc
          .tuple(sub(from), fc.integer({ min: 0, max: from - bits }))
          .map(([operand, low]): Expression => ({ op: 'slice', width: bits, low, operand })),
      ),
  ]
  if (bits > 1) {
    options.push(
      fc
        .integer({ min: 1, max: bits - 1 })
        .chain((right) => fc.tuple(sub(bits - right), sub(right)))
        .map(([left, right]): Expression => ({ op: 'concat', width: bits, left, right })),
    )
  } else {
    options.push(
      width
        .chain((inner) =>
          fc.tuple(
            fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge'),
            fc.boolean(),
            sub(inner),
            fc.oneof(
              sub(inner),
              interesting(inner).map((value): Expression => ({ op: 'const', width: inner, value })),
            ),
          ),
        )
        .map(([op, signed, left, right]): Expression => {
          return op === 'eq' || op === 'ne' ? { op, width: 1, left, right } : { op, width: 1, signed, left, right }
        }),
      fc
        .tuple(fc.constantFrom('land', 'lor'), sub(1), sub(1))
        .map(([op, left, right]): Expression => ({ op, width: 1, left, right })),
      sub(1).map((operand): Expression => ({ op: 'lnot', width: 1, operand })),
    )
  }
  return fc.oneof(...options)
}

/** Mostly near the width, where shifts change their meaning. */
function amount(load: Load, bits: number): fc.Arbitrary<Expression> {
  const near = fc
    .integer({ min: 0, max: bits + 2 })
    .map((value): Expression => ({ op: 'const', width: 16, value: BigInt(value) }))
  const computed = near.map((limit): Expression => ({
    op: 'mod',
    width: 16,
    left: load(16, 0),
    right: limit,
  }))
  return fc.oneof(
    near,
    computed,
    fc.constantFrom(8, 33, 128).map((wide) => load(wide, 0)),
  )
}

/** A program that extracts all inputs and emits the results. */
function programFor(make: (load: Load) => Expression[]): ProgramBuilder {
  const b = new ProgramBuilder('expressions')
  b.intrinsic('egress.port', 16)
  const total = LEAVES.reduce((sum, leaf) => sum + leaf.bits, 0)
  const fields: Record<string, number> = Object.fromEntries(LEAVES.map((leaf) => [leaf.name, leaf.bits]))
  const input = b.header('in', { ...fields, pad: 8 - (total % 8) } as Record<string, number>)
  const results = make((bits, which) => b.load(input.slots[inputName(bits, which)]!))
  const sum = results.reduce((bits, result) => bits + result.width, 0)
  const output = b.header('out', {
    ...Object.fromEntries(results.map((result, k) => [`out${k}`, result.width])),
    pad: 8 - (sum % 8),
  } as Record<string, number>)
  b.parser('parser', [state('start', [{ kind: 'extract', header: input.id }])])
  b.control('ingress', [
    ...results.map((result, k) => b.assign(output.slots[`out${k}`]!, result)),
    b.assign(output.valid, 1n),
  ])
  b.control('deparser', [{ kind: 'emit', header: output.id }])
  return b
}

const INPUT_BYTES = Math.floor(LEAVES.reduce((sum, leaf) => sum + leaf.bits, 0) / 8) + 1

test('generated code computes every expression as the interpreter does', () => {
  // The builder's slot numbers only depend on the leaves, so expressions can be made before the program.
  let load!: Load
  programFor((given) => {
    load = given
    return []
  })
  const results = fc.array(
    width.chain((bits) => expression(load, bits, 3)),
    { minLength: 1, maxLength: 6 },
  )
  const frames = fc.array(
    fc.oneof(
      fc.uint8Array({ minLength: INPUT_BYTES, maxLength: INPUT_BYTES }),
      fc.constantFrom(0x00, 0xff).map((byte) => new Uint8Array(INPUT_BYTES).fill(byte)),
    ),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(results, frames, (expressions, inputs) => {
      const duel = new Duel(programFor(() => expressions).build())
      for (const input of inputs) duel.send(input, 0)
    }),
    { numRuns: 60 },
  )
})

test("fields of one header that take each other's values do so in the order of the assignments", () => {
  const names = ['a', 'b', 'c', 'd'] as const
  const step = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names, 'constant' as const))
  fc.assert(
    fc.property(fc.array(step, { minLength: 3, maxLength: 12 }), fc.constantFrom(8, 16, 4), (steps, bits) => {
      const b = new ProgramBuilder('order')
      b.intrinsic('egress.port', 16)
      const { id, slots } = b.header('h', { a: bits, b: bits, c: bits, d: bits })
      b.parser('parser', [state('start', [{ kind: 'extract', header: id }])])
      b.control(
        'ingress',
        steps.map(([to, from]) => b.assign(slots[to]!, from === 'constant' ? 7n : b.load(slots[from]!))),
      )
      b.control('deparser', [{ kind: 'emit', header: id }])
      const duel = new Duel(b.build())
      duel.send(
        Uint8Array.from({ length: 12 }, (_, k) => 17 * k + 35),
        0,
      )
    }),
    { numRuns: 200 },
  )
})
