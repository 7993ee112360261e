import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Link } from '@lodestone/link'
import { LastFrames } from './last-frames.ts'

const link = (a: string, b: string): Link =>
  ({ name: `${a}-${b}`, a: { name: `${a}/0` }, b: { name: `${b}/0` } }) as Link // because only names are read

test('each node has the last frames of its own links, oldest first, also after more than an hour', () => {
  const last = new LastFrames()
  const [one, two] = [link('a', 'b'), link('b', 'c')]
  const startMs = 2 * 3_600_000
  for (let k = 0; k < 100; k++) last.note(one, 0, 'a-to-b', startMs + k, 60 + k, k)
  last.note(two, 1, 'b-to-a', startMs + 100.25, 20_000, 7)
  const read = new Map(last.read(startMs + 200).map(({ node, frames }) => [node, frames]))
  assert.deepEqual([...read.keys()], ['a', 'b', 'c'])
  assert.equal(read.get('a')?.length, 32)
  assert.deepEqual(
    read.get('a')?.map(({ packet }) => packet),
    Array.from({ length: 32 }, (_, k) => 68 + k),
  )
  const [frame] = read.get('c') ?? []
  assert.ok(frame !== undefined && Math.abs(frame.atMs - (startMs + 100.25)) < 0.002)
  assert.deepEqual({ ...frame, atMs: 0 }, { atMs: 0, link: 'b-c', direction: 'b-to-a', bytes: 0x3fff, packet: 7 })
  assert.deepEqual(read.get('b')?.at(-1), frame)
})
