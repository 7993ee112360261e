import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KeySet, MatchKind, Program } from '@lodestone/p4'
import { Duel } from './testing/duel.ts'
import { ProgramBuilder, state } from './testing/program-builder.ts'

interface Key {
  readonly match: MatchKind
  readonly bits: number
}

type Command =
  | { readonly kind: 'add'; readonly keys: readonly KeySet[]; readonly priority: number }
  | { readonly kind: 'delete'; readonly index: number }
  | { readonly kind: 'send'; readonly values: readonly bigint[] }

/** Few distinct values, spread over the word, so that lookups hit. */
function pool(bits: number): fc.Arbitrary<bigint> {
  const top = (1n << BigInt(bits)) - 1n
  return fc.integer({ min: 0, max: 11 }).map((k) => {
    const low = BigInt(k % 4)
    return (k < 4 ? low : k < 8 ? (top ^ (top >> 3n)) | low : (0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5an & top) ^ low) & top
  })
}

function keySet({ match, bits }: Key): fc.Arbitrary<KeySet> {
  const full = (1n << BigInt(bits)) - 1n
  const value = pool(bits)
  const exact = value.map((one): KeySet => ({ kind: 'exact', value: one }))
  const any = fc.constant<KeySet>({ kind: 'any' })
  switch (match) {
    case 'lpm': {
      const length = fc.constantFrom(0, 1, bits >> 1, bits - 2, bits - 1, bits)
      return fc.tuple(value, length).map(([one, length]): KeySet => ({
        kind: 'lpm',
        value: one & (full ^ ((1n << BigInt(bits - length)) - 1n)),
        length,
      }))
    }
    case 'ternary': {
      const mask = fc.constantFrom(0n, 1n, full, full ^ 1n, full ^ (full >> 1n), full ^ (full >> BigInt(bits >> 1)))
      const masked = fc.tuple(value, mask).map(([one, m]): KeySet => ({ kind: 'ternary', value: one & m, mask: m }))
      return fc.oneof(masked, exact, any)
    }
    case 'range': {
      const range = fc
        .tuple(value, value)
        .map(([a, b]): KeySet => ({ kind: 'range', low: a < b ? a : b, high: a < b ? b : a }))
      return fc.oneof({ weight: 3, arbitrary: range }, exact, any)
    }
    case 'optional':
      return fc.oneof(exact, any)
    default:
      return exact
  }
}

const key = fc.record({
  match: fc.constantFrom<MatchKind>('exact', 'exact', 'lpm', 'ternary', 'range', 'optional'),
  bits: fc.constantFrom(3, 8, 12, 16, 32, 48, 64, 100, 128),
})

const scenario = fc.array(key, { minLength: 1, maxLength: 4 }).chain((keys) => {
  const add = fc
    .record({ keys: fc.tuple(...keys.map(keySet)), priority: fc.integer({ min: -1, max: 3 }) })
    .map((one): Command => ({ kind: 'add', ...one }))
  const remove = fc.integer({ min: 0, max: 40 }).map((index): Command => ({ kind: 'delete', index }))
  const send = fc.tuple(...keys.map(({ bits }) => pool(bits))).map((values): Command => ({ kind: 'send', values }))
  const commands = fc.array(
    fc.oneof({ weight: 5, arbitrary: add }, { weight: 1, arbitrary: remove }, { weight: 3, arbitrary: send }),
    { minLength: 10, maxLength: 60, size: 'max' },
  )
  return fc.record({ keys: fc.constant(keys), commands })
})

function programFor(keys: readonly Key[]): Program {
  const b = new ProgramBuilder('tables')
  b.intrinsic('egress.port', 16)
  const total = keys.reduce((sum, one) => sum + one.bits, 0)
  const fields: Record<string, number> = Object.fromEntries(keys.map((one, k) => [`key${k}`, one.bits]))
  const input = b.header('in', { ...fields, pad: 8 - (total % 8) } as Record<string, number>)
  const output = b.header('out', { id: 32, wide: 128, hit: 8 })
  b.parser('parser', [state('start', [{ kind: 'extract', header: input.id }])])
  const mark = b.action('mark', { id: 32, wide: 128 }, ([id, wide]) => [
    b.assign(output.slots.id, b.load(id!)),
    b.assign(output.slots.wide, b.load(wide!)),
  ])
  const other = b.action('other', { id: 16 }, ([id]) => [
    b.assign(output.slots.id, { op: 'cast', width: 32, signed: false, operand: b.load(id!) }),
  ])
  const miss = b.action('miss', {}, () => [])
  const table = b.table(
    'table',
    keys.map(({ match }, k) => ({ name: `key${k}`, match, expression: b.load(input.slots[`key${k}`]!) })),
    [mark, other, miss],
  )
  b.control('ingress', [
    { kind: 'apply', table },
    b.assign(output.slots.hit, {
      op: 'cast',
      width: 8,
      signed: false,
      operand: b.load(b.tables[table]!.hitSlot),
    }),
    b.assign(output.valid, 1n),
  ])
  b.control('deparser', [{ kind: 'emit', header: output.id }])
  return b.build()
}

/** What makes two entries the same: the bits that are compared, and the priority where there is one. */
function identity(keys: readonly Key[], sets: readonly KeySet[], priority: number): string {
  const hasPriority = keys.some(({ match }) => ['ternary', 'range', 'optional'].includes(match))
  const parts = sets.map((set, k) => {
    const { bits, match } = keys[k]!
    const full = (1n << BigInt(bits)) - 1n
    if (match === 'range') {
      if (set.kind === 'range') return `${set.low}..${set.high}`
      return set.kind === 'exact' ? `${set.value}..${set.value}` : `0..${full}`
    }
    if (set.kind === 'lpm') return `${set.value}&${full ^ ((1n << BigInt(bits - set.length)) - 1n)}`
    if (set.kind === 'ternary') return `${set.value}&${set.mask}`
    return set.kind === 'exact' ? `${set.value}&${full}` : '0&0'
  })
  return [...parts, hasPriority ? priority : ''].join()
}

function frameOf(keys: readonly Key[], values: readonly bigint[]): Uint8Array {
  let bits = 0n
  let width = 0
  values.forEach((value, k) => {
    bits = (bits << BigInt(keys[k]!.bits)) | value
    width += keys[k]!.bits
  })
  const pad = 8 - (width % 8)
  const count = (width + pad) / 8
  bits <<= BigInt(pad)
  return Uint8Array.from({ length: count }, (_, k) => Number((bits >> BigInt(8 * (count - 1 - k))) & 0xffn))
}

test('every kind of table finds what a linear search finds, through insertions and deletions, whatever a flow remembers', () => {
  fc.assert(
    fc.property(scenario, ({ keys, commands }) => {
      const duel = new Duel(programFor(keys))
      const present: string[] = []
      const sent: Uint8Array[] = []
      let id = 0n
      for (const command of commands) {
        if (command.kind === 'send') {
          const frame = frameOf(keys, command.values)
          sent.push(frame)
          duel.send(frame, 1)
        } else if (command.kind === 'delete') {
          if (command.index >= present.length) continue
          duel.delete(0, command.index)
          present.splice(command.index, 1)
        } else {
          id++
          const action =
            id % 3n === 0n ? { action: 1, parameters: [id] } : { action: 0, parameters: [id, (id << 100n) | id] }
          const result = duel.add(0, command.keys, command.priority, action)
          const text = identity(keys, command.keys, command.priority)
          const expected = present.includes(text) ? { ok: false, error: { kind: 'exists' } } : { ok: true }
          assert.deepEqual(result, expected)
          if (result.ok) present.push(text)
        }
        // What was found before the write is not what is to be found now.
        for (const frame of sent.slice(-3)) duel.send(frame, 1)
      }
      duel.compareState()
    }),
    { numRuns: 80 },
  )
})
