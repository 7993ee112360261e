/** The pool of source ports: rest, parity, usage, and the ports of connections that come back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SnatPool, TCP_REST_MS } from './snat-pool.ts'

function lease(pool: SnatPool, nowMs: number, guestPort: number): number {
  const port = pool.peek(nowMs, guestPort)
  if (port >= 0) pool.lease(port)
  return port
}

test('a port is as even or odd as the guest’s, as long as there are such ports', () => {
  const pool = new SnatPool(101, 104)
  assert.deepEqual(
    [40000, 40001, 40001, 40001, 40000].map((port) => lease(pool, 0, port)),
    [102, 101, 103, 104, -1],
  )
})

test('a freed port rests, and the one that was freed longest ago goes out next', () => {
  const pool = new SnatPool(100, 103, TCP_REST_MS)
  for (let i = 0; i < 4; i++) lease(pool, 0, i)
  pool.release(102, 1000)
  pool.release(100, 2000)
  assert.equal(pool.peek(1000 + TCP_REST_MS - 1, 0), -1)
  assert.deepEqual(pool.usage(3000), { size: 4, leased: 2, resting: 2, peak: 4, refused: 0 })
  assert.equal(lease(pool, 1000 + TCP_REST_MS, 0), 102)
  assert.equal(lease(pool, 1000 + TCP_REST_MS, 0), -1)
  assert.equal(lease(pool, 2000 + TCP_REST_MS, 0), 100)
})

test('a connection that comes back gets its own port, if it is free', () => {
  const pool = new SnatPool(100, 107)
  assert.equal(pool.leaseExactly(104), true)
  assert.equal(pool.leaseExactly(104), false)
  assert.equal(pool.leaseExactly(108), false)
  assert.equal(pool.leaseExactly(Number.NaN), false)
  const rest = Array.from({ length: 8 }, (_, i) => lease(pool, 0, i))
  assert.deepEqual(
    rest.toSorted((a, b) => a - b),
    [-1, 100, 101, 102, 103, 105, 106, 107],
  )
  assert.throws(() => pool.release(99, 0))
})

test('a pool of one port works', () => {
  const pool = new SnatPool(7, 7)
  assert.equal(lease(pool, 0, 0), 7)
  assert.equal(lease(pool, 0, 0), -1)
  pool.release(7, 0)
  assert.equal(pool.leased, 0)
})
