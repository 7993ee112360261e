import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Expression, HashAlgorithm, KeySet, Program, Statement } from '@lodestone/p4'
import { Duel } from './testing/duel.ts'
import { constant, exact, ProgramBuilder, state } from './testing/program-builder.ts'
import { shrinkSource } from './testing/shrink-source.ts'
import { fuzzSeed } from './testing/source-duel.ts'
import { SourceGenerator } from './testing/source-generator.ts'
import { compilerOf } from './testing/source-program.ts'

const ALGORITHMS: HashAlgorithm[] = ['crc8', 'crc16', 'crc32', 'csum16', 'xor16', 'identity', 'mix']

/** Small numbers are usually drawn more often; a choice among equals must not be. */
const evenly = (max: number): fc.Arbitrary<number> => fc.noBias(fc.nat({ max }))

/** Draws a random program. Slots, tables and externs are fixed; what is done with them is not. */
class RandomProgram {
  readonly b = new ProgramBuilder('random')
  readonly #g: fc.GeneratorValue
  readonly #values: number[]
  readonly #bools: number[]
  readonly #tables: number[] = []
  readonly #procedures: number[] = []
  readonly #counter: number
  readonly #register: number
  readonly #wideRegister: number
  readonly #varbit: number

  constructor(g: fc.GeneratorValue) {
    const { b } = this
    this.#g = g
    b.intrinsic('ingress.port', 16)
    const port = b.intrinsic('egress.port', 16)
    const drop = b.intrinsic('egress.drop', 1)
    b.intrinsic('egress.dropReason', 8)
    const group = b.intrinsic('egress.multicastGroup', 16)
    b.intrinsic('packet.length', 32)
    const error = b.intrinsic('parser.error', 16)
    const first = b.header('hdr.first', { kind: 8, a: 3, b: 13, c: 24, d: 48 })
    const second = b.header('hdr.second', { e: 128, f: 33, g: 7, h: 40, i: 64 })
    const loop = b.header('hdr.loop', { more: 1, j: 15 })
    const options = b.slot('hdr.varied.options', 96, undefined, 'varbit')
    const variedValid = b.slot('hdr.varied.$valid', 1, undefined, 'bool')
    const length = b.slot('hdr.varied.length', 8)
    const behind = b.slot('hdr.varied.behind', 20)
    const pad = b.slot('hdr.varied.pad', 4)
    const varied =
      b.headers.push({
        name: 'hdr.varied',
        valid: variedValid,
        fields: [length, options, behind, pad],
      }) - 1
    this.#varbit = options
    const ahead = b.slot('meta.ahead', 12)
    const peek = b.slot('meta.peek', 70)
    const locals = [1, 5, 16, 32, 48, 64, 100, 128].map((width) => b.slot(`meta.m${width}`, width))
    this.#values = [
      ...Object.values(first.slots),
      ...Object.values(second.slots),
      ...Object.values(loop.slots),
      length,
      behind,
      ahead,
      peek,
      port,
      error,
      ...locals,
    ]
    this.#bools = [first.valid, second.valid, loop.valid, variedValid, drop]
    this.#counter = b.externs.push({ kind: 'counter', name: 'counter', size: 8, counts: 'both' }) - 1
    this.#register = b.externs.push({ kind: 'register', name: 'register', size: 4, width: 24 }) - 1
    this.#wideRegister = b.externs.push({ kind: 'register', name: 'wide', size: 4, width: 128 }) - 1
    const isCyclic = this.#chance(2)
    const lengthBits: Expression = {
      op: 'shl',
      width: 16,
      left: { op: 'cast', width: 16, signed: false, operand: b.load(length) },
      right: constant(4, 3n),
    }
    b.parser('parser', [
      state(
        'start',
        [{ kind: 'extract', header: first.id }],
        [b.load(first.slots.kind), b.load(first.slots.a)],
        [
          [[exact(1n), { kind: 'any' }], 1],
          [[{ kind: 'range', low: 2n, high: 3n }, { kind: 'any' }], 2],
          [[{ kind: 'ternary', value: 4n, mask: 6n }, { kind: 'any' }], 3],
          [[exact(8n), exact(1n)], 'accept'],
          [[exact(9n), { kind: 'any' }], 'reject'],
        ],
        this.#pick(['accept', 'noMatch']),
      ),
      state('second', [{ kind: 'extract', header: second.id }, ...this.#statements(1, false)]),
      state(
        'loop',
        [{ kind: 'extract', header: loop.id }],
        [b.load(loop.slots.more)],
        [[[exact(1n)], isCyclic ? 2 : 3]],
        'accept',
      ),
      state('varied', [
        { kind: 'lookahead', slot: ahead },
        { kind: 'lookahead', slot: peek },
        {
          kind: 'verify',
          condition: { op: 'ne', width: 1, left: b.load(ahead), right: constant(12, 0xfffn) },
          error: constant(16, 3n),
        },
        // The length comes first on the wire, so it is read ahead of the header that it is part of.
        b.assign(length, { op: 'slice', width: 8, low: 4, operand: b.load(ahead) }),
        { kind: 'extract', header: varied, varbitBits: lengthBits },
        ...(this.#chance(3) ? [{ kind: 'advance' as const, bits: this.#value(6, 1) }] : []),
      ]),
    ])
    this.#addTables()
    for (let k = 0; k < 3; k++) this.#procedures.push(b.procedure(`shared${k}`, this.#statements(2, true)))
    b.control('ingress', [
      ...(this.#chance(3) ? [b.assign(group, this.#pick([1n, 2n, 2n, 3n]))] : []),
      ...this.#statements(3, true),
    ])
    const [observed, observe] = this.#observer()
    b.control('egress', [...observe, ...this.#statements(2, true)])
    const emit = [first.id, second.id, loop.id, varied].map((header): Statement => ({ kind: 'emit', header }))
    const shared = this.#pick(emit)
    b.control('deparser', [
      ...(this.#chance(2) ? this.#statements(1, false) : []),
      ...emit,
      { kind: 'if', condition: b.load(this.#pick(this.#bools)), then: [shared], else: [] },
      { kind: 'emit', header: observed },
    ])
    b.intrinsics['multicastless'] = pad
  }

  /** A header that carries everything ingress left behind, and the statements that fill it. */
  #observer(): [number, Statement[]] {
    const { b } = this
    const seen = [...new Set(this.#values)]
    const bits = seen.reduce((sum, slot) => sum + b.slots[slot]!.width, 0)
    const fields: Record<string, number> = Object.fromEntries(seen.map((slot, k) => [`v${k}`, b.slots[slot]!.width]))
    const header = b.header('hdr.observer', { ...fields, pad: 8 - (bits % 8) } as Record<string, number>)
    const copies = seen.map((slot, k) => b.assign(header.slots[`v${k}`]!, b.load(slot)))
    return [header.id, [...copies, b.assign(header.valid, 1n)]]
  }

  build(): Program {
    return this.b.build()
  }

  #addTables(): void {
    const { b } = this
    const actions = [0, 1, 2].map((k) =>
      b.action(`act${k}`, { p: [8, 48, 128][k]! }, ([p]) => [
        this.#assignFrom(b.load(p!)),
        ...this.#statements(k, true),
      ]),
    )
    const keys = [b.load(this.#values[0]!), b.load(this.#values[1]!)]
    this.#tables.push(
      b.table('exactly', [{ name: 'k', match: 'exact', expression: keys[0]! }], actions),
      b.table(
        'general',
        [
          { name: 'k', match: 'ternary', expression: keys[0]! },
          { name: 'l', match: 'range', expression: keys[1]! },
        ],
        actions.slice(1),
      ),
      b.table('always', [], actions.slice(0, 1)),
    )
  }

  #assignFrom(value: Expression): Statement {
    const slot = this.#pick(this.#values)
    const { width } = this.b.slots[slot]!
    return { kind: 'assign', slot, value: { op: 'cast', width, signed: false, operand: value } }
  }

  #statements(depth: number, mayLeave: boolean): Statement[] {
    const count = this.#g(evenly, depth === 0 ? 1 : 5)
    return Array.from({ length: count }, () => this.#statement(depth, mayLeave))
  }

  #statement(depth: number, mayLeave: boolean): Statement {
    const { b } = this
    const slot = this.#pick(this.#values)
    const { width } = b.slots[slot]!
    const simple: (() => Statement)[] = [
      () => ({ kind: 'assign', slot, value: this.#value(width, 2) }),
      () => ({ kind: 'assign', slot: this.#pick(this.#bools), value: this.#value(1, 1) }),
      () => {
        const part = this.#g(fc.integer, { min: 1, max: width })
        const low = this.#g(fc.integer, { min: 0, max: width - part })
        return { kind: 'assignSlice', slot, low, value: this.#value(part, 1) }
      },
      () => ({ kind: 'count', counter: this.#counter, index: this.#value(4, 1) }),
      () => ({ kind: 'registerWrite', register: this.#register, index: this.#value(3, 1), value: this.#value(24, 1) }),
      () => ({
        kind: 'registerWrite',
        register: this.#wideRegister,
        index: this.#value(3, 1),
        value: this.#value(128, 1),
      }),
      () => ({ kind: 'registerRead', register: this.#register, index: this.#value(3, 1), slot: this.#slotOf(24) }),
      () => ({
        kind: 'registerRead',
        register: this.#wideRegister,
        index: this.#value(70, 1),
        slot: this.#slotOf(128),
      }),
      () => ({ kind: 'random', slot: this.#slotOf(16), low: constant(16, 3n), high: this.#value(16, 1) }),
      () => ({
        kind: 'hash',
        algorithm: this.#pick(ALGORITHMS),
        inputs: [this.#value(7, 1), this.#value(width, 1), this.#value(16, 1)].slice(this.#g(fc.nat, { max: 2 })),
        payload: this.#chance(3),
        slot: this.#slotOf(this.#pick([16, 32, 128])),
        ...(this.#chance(2) ? { base: constant(16, 5n), max: this.#value(16, 1) } : {}),
      }),
      () => ({
        kind: 'hash',
        algorithm: this.#pick(ALGORITHMS.slice(0, 5)),
        inputs: [this.#value(8, 1), b.load(this.#varbit), this.#value(24, 1)],
        payload: this.#chance(3),
        slot: this.#slotOf(32),
      }),
      () => ({ kind: 'digest', digest: 0, values: [] }),
    ].slice(0, -1) as (() => Statement)[]
    const nested: (() => Statement)[] = [
      () => ({
        kind: 'if',
        condition: this.#value(1, 2),
        then: this.#statements(depth - 1, mayLeave),
        else: this.#statements(depth - 1, mayLeave),
      }),
      () => ({
        kind: 'switch',
        selector: this.#value(this.#pick([3, 40, 100]), 1),
        cases: [[0n], [1n, 2n], [5n], [6n]].slice(this.#g(fc.nat, { max: 3 })).map((values) => ({
          values,
          body: this.#statements(depth - 1, mayLeave),
        })),
        default: this.#statements(depth - 1, mayLeave),
      }),
      () => this.#boundedLoop(depth),
    ]
    if (this.#procedures.length > 0) {
      nested.push(
        () => ({ kind: 'call', procedure: this.#pick(this.#procedures) }),
        () => ({ kind: 'apply', table: this.#pick(this.#tables) }),
        () => ({ kind: 'apply', table: this.#pick(this.#tables) }),
      )
    }
    if (mayLeave) nested.push(() => ({ kind: this.#pick(['return', 'exit'] as const) }))
    return this.#pick(depth > 0 ? [...simple, ...nested, ...nested] : simple)()
  }

  /** Counts a slot of its own up, leaves after three rounds. */
  #boundedLoop(depth: number): Statement {
    const { b } = this
    const counter = b.slot('meta.loop', 4)
    return {
      kind: 'if',
      condition: constant(1, 1n),
      then: [
        b.assign(counter, 0n),
        {
          kind: 'loop',
          body: [
            {
              kind: 'if',
              condition: { op: 'ge', width: 1, signed: false, left: b.load(counter), right: constant(4, 3n) },
              then: [{ kind: 'break' }],
              else: [],
            },
            b.assign(counter, { op: 'add', width: 4, left: b.load(counter), right: constant(4, 1n) }),
            ...this.#statements(depth - 1, false),
            { kind: 'if', condition: this.#value(1, 1), then: [{ kind: 'continue' }], else: [] },
            ...this.#statements(depth - 1, false),
          ],
        },
      ],
      else: [],
    }
  }

  #value(width: number, depth: number): Expression {
    const { b } = this
    const slot = this.#pick(this.#values)
    const load: Expression = { op: 'cast', width, signed: this.#chance(4), operand: b.load(slot) }
    if (depth === 0 || this.#chance(3)) {
      return this.#chance(3) ? constant(width, this.#g(fc.bigInt, { min: 0n, max: (1n << BigInt(width)) - 1n })) : load
    }
    const sub = (): Expression => this.#value(width, depth - 1)
    if (width === 1) {
      const inner = this.#pick([8, 40, 128])
      const op = this.#pick(['eq', 'ne'] as const)
      return { op, width: 1, left: this.#value(inner, depth - 1), right: this.#value(inner, depth - 1) }
    }
    return { op: this.#pick(['add', 'sub', 'xor', 'and'] as const), width, left: sub(), right: sub() }
  }

  /** A new slot for a result; later statements may read it. */
  #slotOf(width: number): number {
    const slot = this.b.slot(`meta.t${width}`, width)
    this.#values.push(slot, slot)
    return slot
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#g(evenly, items.length - 1)]!
  }

  #chance(oneIn: number): boolean {
    return this.#g(evenly, oneIn - 1) === 0
  }
}

function fill(duel: Duel, g: fc.GeneratorValue): void {
  const keys: (KeySet | undefined)[][] = [
    [exact(1n)],
    [exact(2n)],
    [
      { kind: 'ternary', value: 0n, mask: 1n },
      { kind: 'range', low: 1n, high: 6n },
    ],
    [{ kind: 'any' }, { kind: 'range', low: 0n, high: 3n }],
    [exact(4n), { kind: 'any' }],
  ]
  keys.forEach((sets, k) => {
    const table = k < 2 ? 0 : 1
    const actions = duel.program.tables[table]!.actions
    const action = g(fc.nat, { max: actions.length - 1 })
    const { parameters } = duel.program.actions[actions[action]!.action]!
    const values = parameters.map(({ width }) => g(fc.bigInt, { min: 0n, max: (1n << BigInt(width)) - 1n }))
    duel.add(table, sets as KeySet[], k % 2, { action, parameters: values })
  })
}

test('random programs give the same packets, drops, counters and registers in all three', () => {
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const duel = new Duel(new RandomProgram(g).build(), g(fc.integer, { min: 1, max: 1000 }))
      fill(duel, g)
      for (let k = 0; k < 8; k++) {
        const length = g(fc.integer, { min: g(fc.constantFrom, 0, 60), max: 90 })
        const frame = g(fc.uint8Array, { minLength: length, maxLength: length, size: 'max' }).slice()
        // Mostly packets that the parser has something to do with.
        if (frame.length > 0) frame[0] = g(fc.constantFrom, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9)
        duel.send(frame, k)
      }
      duel.compareState()
    }),
    { numRuns: 60 },
  )
})

const compileText = compilerOf((file) => readFileSync(file, 'utf8'))
const compileBmv2 = compilerOf((file) => readFileSync(file, 'utf8'), true)

const KINDS = [
  ['softnpu', compileText],
  ['v1model', compileText],
  ['psa', compileText],
  ['v1model', compileBmv2],
  ['psa-bmv2', compileBmv2],
] as const

/** More of them: `node packages/dataplane/npu/src/testing/fuzz.ts`. */
test('random programs from source do the same in all three, and their explanations fit', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const [architecture, compile] = KINDS[seed % KINDS.length]!
    const failure = fuzzSeed(seed, compile, architecture)
    assert.equal(failure, undefined, `seed ${seed}: ${failure?.message}\n${failure?.source}`)
  }
})

test('a wrong result is found, and the program shrunk to what shows it', () => {
  // The reference takes an exclusive or for an or: what a mistake in one of the two would look like.
  const wrong = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(wrong)
    if (value instanceof Map || typeof value !== 'object' || value === null) return value
    const copy = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, wrong(part)]))
    return copy['op'] === 'xor' ? { ...copy, op: 'or' } : copy
  }
  const frames = Array.from({ length: 5 }, (_, k) =>
    Uint8Array.from({ length: 60 }, (_, i) => (i === 0 ? k : 37 * i + k)),
  )
  const fails = (text: string): boolean => {
    const program = compileText(text)
    if (typeof program === 'string') return false
    const duel = new Duel(program, 1, { reference: wrong(program) as Program })
    try {
      frames.forEach((frame) => duel.send(frame, 1))
      return false
    } catch {
      return true
    }
  }
  let seed = 1
  while (!fails(new SourceGenerator(seed).program())) seed++
  const source = new SourceGenerator(seed).program()
  const shrunk = shrinkSource(source, fails, { triesMax: 220 })
  assert.ok(fails(shrunk))
  assert.ok(shrunk.length < (2 * source.length) / 3, `${source.length} to ${shrunk.length} characters`)
  assert.match(shrunk, / \^ /)
})
