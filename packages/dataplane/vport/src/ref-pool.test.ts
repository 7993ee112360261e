import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RefPool } from './ref-pool.ts'

test('a value keeps its number while somebody holds it, and then the number is used again', () => {
  const pool = new RefPool<string>()
  const a = pool.take('a')
  assert.equal(pool.take('a'), a)
  const b = pool.take('b')
  assert.notEqual(a, b)
  pool.give(a)
  assert.equal(pool.of(a), 'a')
  pool.give(a)
  assert.equal(pool.of(a), undefined)
  assert.equal(pool.take('c'), a)
  assert.deepEqual([pool.of(a), pool.of(b), pool.size], ['c', 'b', 2])
})

test('number 0 is nobody’s', () => {
  const pool = new RefPool<string>()
  assert.equal(pool.take('') > 0, true)
  pool.give(0)
  assert.equal(pool.of(0), undefined)
})

test('objects that mean the same share a number', () => {
  const pool = new RefPool<{ readonly n: number }>((a, b) => a.n === b.n)
  const first = pool.take({ n: 1 })
  assert.equal(pool.take({ n: 1 }), first)
  pool.give(first)
  pool.give(first)
  assert.equal(pool.size, 0)
})
