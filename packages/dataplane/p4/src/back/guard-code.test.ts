import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Expression, Statement } from '../ir/index.ts'
import type { ExpressionCode } from './expression-code.ts'
import { type Guard, guardBehind, runAt } from './guard-code.ts'

const DROPPED = 0
const DONE = 1
const OTHER = 2
/** Only which slots are flags is asked for. */
const code = {
  bits: new Map([DROPPED, DONE, OTHER].map((slot) => [slot, { local: 0, bit: slot }])),
} as unknown as ExpressionCode
const load = (slot: number): Expression => ({ op: 'load', width: 1, slot })
const unless = (...slots: number[]): Statement => ({
  kind: 'if',
  condition: slots
    .map((slot): Expression => ({ op: 'lnot', width: 1, operand: load(slot) }))
    .reduce((left, right) => ({ op: 'land', width: 1, left, right })),
  then: [],
  else: [],
})
const set = (slot: number, value = 1n): Statement => ({
  kind: 'assign',
  slot,
  value: { op: 'const', width: 1, value },
})
const call: Statement = { kind: 'call', procedure: 0 }
const guard = (...flags: number[]): Guard => ({
  out: { depth: 0 },
  flags: new Set(flags),
  lost: new Set(),
  isUsed: false,
})

test('a run is a statement and those behind it that one of the same flags keeps from doing anything', () => {
  const body = [set(OTHER), call, unless(DROPPED, DONE), unless(DONE, OTHER, DROPPED), unless(DROPPED), call]
  assert.equal(runAt(code, body, 0), undefined)
  assert.deepEqual(runAt(code, body, 1), { flags: new Set([DROPPED]), end: 5 })
  assert.equal(runAt(code, body, 5), undefined)
})

test('a statement that does something when the flag is set ends a run', () => {
  const otherwise: Statement = { ...unless(DROPPED), else: [call] } as Statement
  assert.deepEqual(runAt(code, [call, unless(DROPPED), otherwise], 0), { flags: new Set([DROPPED]), end: 2 })
})

test('statements that end by setting a flag leave for the outermost run that it guards', () => {
  const inner = guard(DROPPED, DONE)
  const outer = guard(DROPPED)
  assert.equal(guardBehind(code, [call, set(DROPPED), set(OTHER)], [inner, outer]), outer)
  assert.equal(guardBehind(code, [set(DONE), { kind: 'return' }], [inner, outer]), inner)
  assert.equal(guardBehind(code, [set(OTHER)], [inner, outer]), undefined)
  assert.equal(guardBehind(code, [set(DROPPED)], undefined), undefined)
})

test('a flag that may have been cleared since is not taken for set', () => {
  const tail = [guard(DROPPED)]
  assert.equal(guardBehind(code, [set(DROPPED), call], tail), undefined)
  assert.equal(guardBehind(code, [set(DROPPED), set(DROPPED, 0n)], tail), undefined)
})
