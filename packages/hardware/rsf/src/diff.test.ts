import assert from 'node:assert/strict'
import test from 'node:test'
import { compareSpecifications, renderChanges } from './diff.ts'
import { CARD, specificationOf } from './specification.fixture.ts'

function changed(file: string, ...edits: readonly (readonly [string, string])[]): string {
  let text = CARD[file] ?? ''
  for (const [from, to] of edits) {
    assert.ok(text.includes(from))
    text = text.replace(from, to)
  }
  return renderChanges(compareSpecifications(specificationOf(CARD), specificationOf({ ...CARD, [file]: text })))
}

test('a specification equals itself, and documentation does not count', () => {
  assert.equal(changed('main.rsf', ['/// Light.', '/// Much light.']), '')
})

test('moved, resized and removed things break; added ones do not', () => {
  const text = changed(
    'main.rsf',
    ['[4; 0x1000] @ 0x6000', '[2; 0x1000] @ 0x8000'],
    ['count: rw b8 @ 8', 'count: rw b8 @ 16'],
    ['light: ro bool @ 0', 'dark: ro bool @ 1'],
    ['reset<0x100>', 'reset<0x200>'],
  )
  assert.equal(
    text,
    `! ~ ports[]/config: address 0x6200 -> 0x8200
! ~ ports[]/config: arrays 4 x 0x1000 -> 2 x 0x1000
  ~ ports[]/config: reset 0x100 -> 0x200
! ~ ports[]/config.count: rw b8 @ 8 -> rw b8 @ 16
! ~ ports[]/status: address 0x6400 -> 0x8400
! ~ ports[]/status: arrays 4 x 0x1000 -> 2 x 0x1000
  + ports[]/status.dark: ro bool @ 1
! - ports[]/status.light: was ro bool @ 0
`,
  )
})

test('more access to a field serves its old drivers, less does not', () => {
  assert.equal(
    changed('main.rsf', ['light: ro bool', 'light: rw bool']),
    '  ~ ports[]/status.light: ro bool @ 0 -> rw bool @ 0\n',
  )
  assert.equal(
    changed('main.rsf', ['count: rw b8', 'count: ro b8']),
    '! ~ ports[]/config.count: rw b8 @ 8 -> ro b8 @ 8\n',
  )
})

test('alternatives that move break', () => {
  assert.equal(
    changed('optics.rsf', ['Fast = 0b01', 'Faster = 0b10,\n/// f\nFast = 0b11']),
    '! ~ enum optics::Rate.Fast: 0x1 -> 0x3\n  + enum optics::Rate.Faster: 0x2\n',
  )
})
