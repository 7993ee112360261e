import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from '@lodestone/net'
import { PathMtu } from './path-mtu.ts'

const V4 = Ip.of('10.0.0.1')
const V6 = Ip.of('fd00::1')

test('a path is never believed to carry less than every path must (RFC 791 §3.2, RFC 8200 §5)', () => {
  const paths = new PathMtu()
  paths.learn(V4, 68, 0)
  paths.learn(V6, 1279, 0)
  assert.deepEqual([paths.get(V4, 1), paths.get(V6, 1)], [576, 1280])
})

test('what is known shrinks only, until it is forgotten after ten minutes', () => {
  const paths = new PathMtu()
  assert.equal(paths.get(V4, 0), Infinity)
  paths.learn(V4, 1400, 0)
  paths.learn(V4, 1480, 10)
  assert.equal(paths.get(V4, 599_999), 1400)
  paths.learn(V4, 1300, 20)
  assert.equal(paths.get(V4, 600_019), 1300)
  assert.equal(paths.get(V4, 600_020), Infinity)
})

test('256 paths are remembered, the oldest makes room', () => {
  const paths = new PathMtu()
  const address = (i: number): Ip => Ip.of(`10.1.${i >> 8}.${i & 255}`)
  for (let i = 0; i < 300; i++) paths.learn(address(i), 1400, i)
  const known = Array.from({ length: 300 }, (_, i) => paths.get(address(i), 300) === 1400)
  assert.deepEqual(
    known,
    known.map((_, i) => i >= 44),
  )
})
