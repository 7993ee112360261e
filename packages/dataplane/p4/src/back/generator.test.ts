import assert from 'node:assert/strict'
import { test } from 'node:test'
import wabtFactory from 'wabt'
import type { Expression, Program, Slot } from '../ir/index.ts'
import { generate } from './index.ts'
import { crcTable } from './hash-code.ts'
import { planFunctions } from './plan.ts'
import { hashOf } from './reference-hash.ts'

const wabt = await wabtFactory()

function text(bytes: Uint8Array): string {
  const module = wabt.readWasm(bytes, { readDebugNames: true, multi_memory: true, simd: true, threads: true } as never)
  module.applyNames()
  return module.toText({ foldExprs: false, inlineExport: false })
}

function functionText(module: string, name: string): string {
  const start = module.indexOf(`(func $${name} `)
  const end = module.indexOf('\n  (func', start + 1)
  return module
    .slice(start, end < 0 ? module.indexOf('\n  (export', start) : end)
    .split('\n')
    .map((line) => line.trim())
    .join('\n')
}

const slots: Slot[] = [
  { name: 'h.$valid', kind: 'bool', width: 1 },
  { name: 'h.ttl', kind: 'bit', width: 8 },
  { name: 'h.length', kind: 'bit', width: 16 },
  { name: 'table.$hit', kind: 'bool', width: 1 },
  { name: 'table.$action', kind: 'bit', width: 16 },
]

const load = (slot: number): Expression => ({ op: 'load', width: slots[slot]!.width, slot })

/** Extracts a three-byte header, decrements a field, looks another one up, emits. */
const program: Program = {
  name: 'tiny',
  architecture: 'softnpu',
  slots,
  headers: [{ name: 'h', valid: 0, fields: [1, 2] }],
  parsers: [
    {
      name: 'parser',
      states: [
        { name: 'start', body: [{ kind: 'extract', header: 0 }], select: { keys: [], cases: [], otherwise: 'accept' } },
      ],
    },
  ],
  procedures: [
    {
      name: 'ingress',
      body: [
        {
          kind: 'assign',
          slot: 1,
          value: { op: 'sub', width: 8, left: load(1), right: { op: 'const', width: 8, value: 1n } },
        },
        { kind: 'apply', table: 0 },
      ],
    },
    { name: 'deparser', body: [{ kind: 'emit', header: 0 }] },
  ],
  actions: [{ name: 'nothing', parameters: [], body: [] }],
  tables: [
    {
      name: 'table',
      keys: [{ name: 'length', match: 'exact', expression: load(2) }],
      actions: [{ action: 0, isDefaultOnly: false, isTableOnly: false, before: [], after: [] }],
      defaultAction: { action: 0, parameters: [] },
      isDefaultConst: false,
      size: 4,
      entries: [],
      areEntriesConst: false,
      hitSlot: 3,
      actionSlot: 4,
    },
  ],
  externs: [],
  valueSets: [],
  blocks: [
    { name: 'parser', kind: 'parser', parser: 0 },
    { name: 'ingress', kind: 'control', procedure: 0 },
    { name: 'deparser', kind: 'control', procedure: 1 },
  ],
  intrinsics: {},
  errors: ['NoError', 'PacketTooShort'],
  files: [],
  valueNames: new Map(),
}

test('both variants are valid modules with the same exports', () => {
  const { fast, traced } = generate(program)
  const names = (bytes: Uint8Array<ArrayBuffer>) =>
    WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name }) => name)
  assert.deepEqual(names(fast), ['hash0', 'process', 'copy'])
  assert.deepEqual(names(traced), names(fast))
  assert.ok(traced.length > fast.length)
})

test('an exact lookup is a probe loop over tag and key, and a short key indexes an array', () => {
  const wide: Program = {
    ...program,
    slots: slots.map((slot, id) => (id === 2 ? { ...slot, width: 32 } : slot)),
    tables: [
      {
        ...program.tables[0]!,
        keys: [{ name: 'length', match: 'exact', expression: { op: 'load', width: 32, slot: 2 } }],
      },
    ],
  }
  const probing = functionText(text(generate(wide).fast), 'lookup_table')
  assert.equal(probing.match(/loop/g)?.length, 1)
  assert.match(probing, /i64\.load offset=40 align=1\nlocal\.get 0\ni64\.eq/)
  const short = functionText(text(generate(program).fast), 'lookup_table')
  assert.doesNotMatch(short, /loop/)
  assert.match(short, /local\.get 0\ni32\.wrap_i64\ni32\.const 2\ni32\.shl\ni32\.load/)
})

test('a decremented byte is one load and one store in the image of its header, which is moved as a whole', () => {
  const packet = functionText(text(generate(program).fast), 'packet')
  assert.match(packet, /i32\.load8_u[^\n]*\ni32\.const 1\ni32\.sub\ni32\.const 255\ni32\.and\ni32\.store8/)
  assert.match(packet, /i32\.store8 1/)
  assert.doesNotMatch(packet, /memory\.copy/)
})

test('crc tables agree with bit-by-bit computation and with the published check values', () => {
  const check = new TextEncoder().encode('123456789')
  assert.equal(hashOf('crc32', check), 0xcbf43926n)
  assert.equal(hashOf('crc16', check), 0xbb3dn)
  assert.equal(hashOf('crc8', check), 0xf4n)
  for (let byte = 0; byte < 256; byte++) {
    assert.equal(BigInt(crcTable(16)[byte]!), hashOf('crc16', Uint8Array.of(byte)))
    assert.equal(BigInt(crcTable(8)[byte]!), hashOf('crc8', Uint8Array.of(byte)))
  }
})

test('a large action of two tables becomes a function and its slots move to memory', () => {
  const increment = {
    kind: 'assign',
    slot: 2,
    value: { op: 'add', width: 16, left: load(2), right: { op: 'const', width: 16, value: 1n } },
  } as const
  const table = program.tables[0]!
  const shared: Program = {
    ...program,
    actions: [{ name: 'large', parameters: [], body: Array.from({ length: 400 }, () => increment) }],
    tables: [table, { ...table, name: 'second' }],
    procedures: [
      {
        name: 'ingress',
        body: [
          { kind: 'apply', table: 0 },
          { kind: 'apply', table: 1 },
        ],
      },
      program.procedures[1]!,
    ],
  }
  const plan = planFunctions(shared)
  assert.deepEqual(plan.functions, ['action:0'])
  assert.ok(!plan.localSlots.has(2))
  // What is only taken from the packet and put back is in memory, too; a validity is not.
  assert.ok(!plan.localSlots.has(1))
  assert.ok(plan.localSlots.has(0))
  assert.deepEqual(planFunctions(program).functions, [])
})
