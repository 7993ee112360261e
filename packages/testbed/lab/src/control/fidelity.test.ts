/** What the fidelity meter says of links with many, few and no frames. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fidelityOf, verdictOf } from './fidelity.ts'
import type { LabInfo } from './lab-api.ts'

type Side = LabInfo['links'][number]['a_to_b']

function link(name: string, delivered: number, p99: number, max = p99): LabInfo['links'][number] {
  const side = (frames: number): Side => ({
    frames,
    bytes: 0,
    delivered: frames,
    delay_ms: 0,
    rate_bps: 0,
    loss: 0,
    drops: {},
    marked: 0,
    late_p99_ms: frames === 0 ? 0 : p99,
    late_max_ms: frames === 0 ? 0 : max,
    late_histogram: [],
  })
  return { name, a: 'a', b: 'b', up: true, profile: null, a_to_b: side(delivered), b_to_a: side(0) }
}

test('the worst of the links that have carried enough decides', () => {
  const fidelity = fidelityOf([link('quick', 100, 0.1), link('slow', 30, 9), link('new', 3, 50)], 5)
  assert.deepEqual([fidelity.valid, fidelity.judged, fidelity.worst_link], [false, true, 'slow'])
  assert.match(verdictOf(fidelity), /^INVALID: on slow frames came 9\.0 ms late \(bound 5 ms\)/)
  assert.equal(fidelityOf([link('quick', 100, 0.1), link('new', 3, 50)], 5).valid, true)
})

test('many links with few frames each are judged together', () => {
  const links = Array.from({ length: 10 }, (_, i) => link(`l${i}`, 5, 1, i === 3 ? 40 : 1))
  const fidelity = fidelityOf(links, 5)
  assert.deepEqual([fidelity.valid, fidelity.judged, fidelity.late_p99_ms], [false, true, 40])
})

test('nothing is said of too few frames', () => {
  const few = fidelityOf([link('new', 8, 55)], 5)
  assert.equal(few.judged, false)
  assert.equal(verdictOf(few), 'too few frames to say: 8, the latest came 55.0 ms after its time')
  assert.equal(verdictOf(fidelityOf([], 5)), 'too few frames to say: 0, none came yet')
})
