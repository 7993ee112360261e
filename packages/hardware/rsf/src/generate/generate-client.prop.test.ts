/**
 * Random register maps: the generated client over the generated simulation, against a model that knows only bits,
 * modes and access attributes, one bit at a time.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { FieldAccess, FieldMode } from '../specification/model.ts'
import { specificationOf } from '../specification.fixture.ts'
import { generateClient } from './generate-client.ts'
import { loadGenerated, RUNTIME } from './load-generated.fixture.ts'

interface RandomField {
  readonly name: string
  readonly mode: FieldMode
  readonly access: FieldAccess
  readonly kind: 'bits' | 'bool' | 'enum'
  readonly offset: number
  readonly width: number
}

interface RandomRegister {
  readonly width: number
  readonly reset: bigint
  readonly fields: readonly RandomField[]
}

interface RandomMap {
  readonly registers: readonly RandomRegister[]
  readonly length: number
  readonly outer: number
  /** The registers are entries of memories, and their offsets only say in which order. */
  readonly isSram: boolean
}

const ACCESSES: readonly (readonly [FieldMode, FieldAccess])[] = [
  ...(['ro', 'wo', 'rw', 'rw', 'rw', 'reserved'] as const).map((mode) => [mode, 'plain'] as const),
  ...[['rw', 'w1c'] as const, ['rw', 'w1s'] as const, ['ro', 'rc'] as const, ['wo', 'pulse'] as const],
]

const cut = fc.record({
  gap: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat(7)),
  width: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(1, 16, 31, 32, 33, 48, 64)),
  access: fc.constantFrom(...ACCESSES),
  kind: fc.constantFrom('bits' as const, 'bool' as const, 'enum' as const),
})

const register: fc.Arbitrary<RandomRegister> = fc
  .record({
    width: fc.constantFrom(8, 16, 24, 32, 32, 40, 64, 128),
    cuts: fc.array(cut, { maxLength: 8 }),
    reset: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  })
  .map(({ width, cuts, reset }) => {
    const fields: RandomField[] = []
    let next = 0
    for (const { gap, width: bits, access, kind } of cuts) {
      const [mode, effect] = access
      const size = kind === 'bool' ? 1 : kind === 'enum' ? Math.min(bits, 5) : bits
      const offset = next + gap
      if (offset + size > width) break
      fields.push({ name: `f_${fields.length}`, mode, access: effect, kind, offset, width: size })
      next = offset + size
    }
    return { width, reset: BigInt.asUintN(width, reset), fields }
  })

const map: fc.Arbitrary<RandomMap> = fc.record({
  registers: fc.array(register, { minLength: 1, maxLength: 3 }),
  length: fc.integer({ min: 1, max: 3 }),
  outer: fc.integer({ min: 0, max: 1 << 20 }),
  isSram: fc.boolean(),
})

/** Enums declare every second value, and the last. */
function valuesOf(width: number): readonly number[] {
  const all = Array.from({ length: 2 ** width }, (_, value) => value)
  return all.filter((value) => value % 2 === 0 || value === all.length - 1)
}

function specificationText({ registers, length, outer, isSram }: RandomMap): string {
  const widths = new Set(registers.flatMap(({ fields }) => fields.filter((f) => f.kind === 'enum').map((f) => f.width)))
  const lines = [
    '/// Main.',
    'block Main {',
    '/// b',
    `b: B[${length}; 0x100] @ ${outer * 16}`,
    '}',
    '/// B.',
    `${isSram ? 'sram ' : ''}block B {`,
  ]
  for (const index of registers.keys()) lines.push('/// r', `r${index}: R${index}[2; 16] @ ${32 * (2 * index + 1)}`)
  lines.push('}')
  for (const width of widths) {
    const alternatives = valuesOf(width).map((value) => `/// v\nV${value} = ${value}`)
    lines.push('/// E.', `enum<${width}> E${width} {`, alternatives.join(',\n'), '}')
  }
  for (const [index, { width, reset, fields }] of registers.entries()) {
    lines.push('/// R.', `${isSram ? 'sram ' : ''}register<${width}> R${index} reset<${reset}> {`)
    for (const field of fields) {
      lines.push('/// f')
      if (field.access !== 'plain') lines.push(`#[attr(access = "${field.access}")]`)
      const type = field.kind === 'bool' ? 'bool' : field.kind === 'enum' ? `E${field.width}` : `b${field.width}`
      lines.push(`${field.name}: ${field.mode} ${type} @ ${field.offset},`)
    }
    lines.push('}')
  }
  return `${lines.join('\n')}\n`
}

/** A register as a list of bits. */
class BitModel {
  readonly bits: boolean[]
  readonly #fieldOf: readonly (RandomField | undefined)[]

  constructor({ width, reset, fields }: RandomRegister) {
    const places = Array.from({ length: width }, (_, at) => at)
    this.bits = places.map((at) => ((reset >> BigInt(at)) & 1n) === 1n)
    this.#fieldOf = places.map((at) => fields.find((f) => at >= f.offset && at < f.offset + f.width))
  }

  read(): readonly boolean[] {
    const seen = this.bits.map((bit, at) => {
      const field = this.#fieldOf[at]
      return bit && field?.mode !== 'wo' && field?.access !== 'pulse'
    })
    for (const [at, field] of this.#fieldOf.entries()) if (field?.access === 'rc') this.bits[at] = false
    return seen
  }

  write(written: readonly boolean[]): void {
    for (const [at, bit] of written.entries()) {
      const field = this.#fieldOf[at]
      if (field === undefined || field.mode === 'ro' || field.mode === 'reserved' || field.access === 'pulse') continue
      if (field.access === 'w1c') this.bits[at] &&= !bit
      else if (field.access === 'w1s') this.bits[at] ||= bit
      else this.bits[at] = bit
    }
  }

  /** What the client's update starts from: bits that act on 1 are 0. */
  idle(seen: readonly boolean[]): boolean[] {
    return seen.map((bit, at) => bit && !['w1c', 'w1s', 'pulse'].includes(this.#fieldOf[at]?.access ?? ''))
  }
}

function numberOf(bits: readonly boolean[]): bigint {
  return bits.reduceRight((sum, bit) => (sum << 1n) | (bit ? 1n : 0n), 0n)
}

/** Generated classes as this test needs them. */
type Value = Record<string, unknown> & { readonly raw: number | bigint }
type Instance = Readonly<Record<'read', () => Value>> &
  Readonly<Record<'set' | 'update', ((fields: Record<string, unknown>) => void) | undefined>>
type Block = Readonly<Record<string, (index: number) => Instance>>
interface Simulated {
  readonly state: Value
  update(f: (s: Value) => void): void
}
interface Generated {
  readonly mainClient: (platform: unknown) => { b(index: number): Block }
  readonly mainSimulation: () => {
    readonly platform: unknown
    readonly device: {
      b(index: number): Readonly<Record<string, (index: number) => Simulated>>
    }
  }
}

/** A field's value in TypeScript for its bits, or undefined when an enum does not declare them. */
function typed({ kind, width }: RandomField, raw: bigint): unknown {
  if (kind === 'bool') return raw === 1n
  if (kind === 'enum') return valuesOf(width).includes(Number(raw)) ? `E${width}.V${raw}` : undefined
  return width > 32 ? raw : Number(raw)
}

function step(generated: Generated, { registers, length }: RandomMap, seed: bigint): void {
  const { platform, device } = generated.mainSimulation()
  const client = generated.mainClient(platform)
  const models = Array.from({ length: length * 2 }, () => registers.map((each) => new BitModel(each)))
  let random = seed
  const draw = (): bigint => (random = BigInt.asUintN(64, random * 6364136223846793005n + 1442695040888963407n)) >> 16n
  for (let round = 0; round < 30; round++) {
    const index = Number(draw() % BigInt(length * 2))
    const which = Number(draw() % BigInt(registers.length))
    // Because both numbers are below the lengths.
    const { fields, reset, width } = registers[which]!
    const model = models[index]![which]!
    const instance = client.b(index >> 1)[`r${which}`]!(index & 1)
    const simulated = device.b(index >> 1)[`r${which}`]!(index & 1)
    const field = fields[Number(draw() % BigInt(Math.max(1, fields.length)))]
    if (field === undefined) continue
    const raw = BigInt.asUintN(field.width, (draw() << 40n) ^ draw())
    const value = typed(field, raw)
    const member = field.name.replace('_', '')
    const put = (bits: boolean[]): boolean[] => {
      for (let at = 0; at < field.width; at++) bits[field.offset + at] = ((raw >> BigInt(at)) & 1n) === 1n
      return bits
    }
    const isWritable = field.mode === 'rw' || field.mode === 'wo'
    const action = draw() % 4n
    if (action === 0n && field.mode !== 'reserved' && value !== undefined) {
      simulated.update((state) => (state[member] = value))
      put(model.bits)
    } else if (action === 1n && isWritable && value !== undefined) {
      instance.set?.({ [member]: value })
      const start = Array.from({ length: width }, (_, at) => ((reset >> BigInt(at)) & 1n) === 1n)
      model.write(put(model.idle(start)))
    } else if (action === 2n && isWritable && value !== undefined && instance.update !== undefined) {
      instance.update({ [member]: value })
      model.write(put(model.idle(model.read())))
    } else if (instance.read !== undefined) {
      const seen = instance.read()
      const expected = numberOf(model.read())
      assert.equal(BigInt(seen.raw), expected)
      for (const each of fields) {
        if (each.mode !== 'ro' && each.mode !== 'rw') continue
        const bits = BigInt.asUintN(each.width, expected >> BigInt(each.offset))
        assert.equal(seen[each.name.replace('_', '')], typed(each, bits), each.name)
      }
    }
    assert.equal(BigInt(simulated.state.raw), numberOf(model.bits))
  }
}

test('the generated client and simulation do what a model of single bits does', async () => {
  await fc.assert(
    fc.asyncProperty(map, fc.bigInt({ min: 1n, max: 1n << 60n }), async (random, seed) => {
      const specification = specificationOf(specificationText(random))
      const source = generateClient(specification, { runtime: RUNTIME, parts: ['sync', 'simulation'] })
      // Because the names are those of the specification's text.
      step((await loadGenerated(source)) as unknown as Generated, random, seed)
    }),
    { numRuns: 60 },
  )
})
