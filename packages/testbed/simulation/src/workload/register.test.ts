import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Register } from './register.ts'

const of = (register: Register): string[] => [...register.candidates()].toSorted()

test('the last acknowledged write is what a register has', () => {
  const register = new Register('absent')
  register.write(1, 2, 'present', 'acknowledged')
  assert.deepEqual(of(register), ['present'])
  register.write(3, 4, 'absent', 'acknowledged')
  assert.deepEqual(of(register), ['absent'])
})

test('of two acknowledged writes that overlap, either may have been the last', () => {
  const register = new Register('0')
  register.write(1, 5, 'a', 'acknowledged')
  register.write(3, 4, 'b', 'acknowledged')
  assert.deepEqual(of(register), ['a', 'b'])
})

test('a write without an answer may take effect at any time, a refused one never', () => {
  const register = new Register('0')
  register.write(1, 2, 'lost', 'unknown')
  register.write(3, 4, 'no', 'refused')
  register.write(5, 6, 'yes', 'acknowledged')
  assert.deepEqual(of(register), ['lost', 'yes'])
})
