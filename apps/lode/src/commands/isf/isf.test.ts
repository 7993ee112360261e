/** `lode isf` as a person types it, on the example core and on files with mistakes. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { words } from './command-line.fixture.ts'

const EXAMPLE = join(import.meta.dirname, '../../../../../packages/hardware/isf/examples/packet-core')
const CORE = join(EXAMPLE, 'core.isf')
const PROGRAM = join(EXAMPLE, 'route.asm')
const directory = mkdtempSync(join(tmpdir(), 'lode-isf-'))
after(() => rmSync(directory, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

test('check counts what is there, and shows what is wrong with its line', async () => {
  const right = await words('isf', 'check', CORE)
  assert.deepEqual([right.status, right.stderr], [0, ''])
  assert.match(right.stdout, /45 instructions of 32 bits, 2 register classes, 24 examples hold both ways\n$/)
  const wrong = file('wrong.isf', readFileSync(CORE, 'utf8').replace('width: 4', 'width: 5'))
  const refused = await words('isf', 'check', wrong)
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /wrong\.isf:\d+:\d+: error ISF4\d+: /)
  const list: unknown = JSON.parse((await words('isf', 'check', '--json', wrong)).stdout)
  assert.ok(Array.isArray(list) && list.length > 0)
  const missing = await words('isf', 'check', join(directory, 'none.isf'))
  assert.deepEqual(
    [missing.status, missing.stderr],
    [2, `cannot read ${join(directory, 'none.isf')}: there is no such file\n`],
  )
})

test('what is assembled, disassembled and assembled again is the same', async () => {
  const first = await words('isf', 'asm', CORE, PROGRAM)
  assert.equal(first.status, 0)
  assert.match(first.stdout, /^(0x[0-9a-f]{8}\n)+$/)
  const plain = await words('isf', 'disasm', '--plain', CORE, file('route.hex', first.stdout))
  assert.equal(plain.status, 0)
  const again = await words('isf', 'asm', CORE, file('again.asm', plain.stdout))
  assert.equal(again.stdout, first.stdout)
  const listing = await words('isf', 'asm', '--listing', CORE, PROGRAM)
  assert.match(listing.stdout, /^0000: 00000020 {2}movi r0, 0$/m)
})

test('a program with a mistake gives no words, and a word that is none says so', async () => {
  const wrong = await words('isf', 'asm', CORE, file('wrong.asm', 'movi r0, 0\nmovj r0, 0\n'))
  assert.deepEqual([wrong.status, wrong.stdout], [1, ''])
  assert.match(wrong.stderr, /wrong\.asm:2:\d+: error ISF7\d+: /)
  const unknown = await words('isf', 'disasm', CORE, file('unknown.hex', '0xffffffff ; nothing\n'))
  assert.equal(unknown.status, 1)
  assert.match(unknown.stdout, /\.word 0xffffffff/)
  const bad = await words('isf', 'disasm', CORE, file('bad.hex', '0x20\nzwei\n'))
  assert.equal(bad.status, 2)
  assert.match(bad.stderr, /bad\.hex:2: zwei is no number/)
})

test('fmt changes nothing that is in order, gen and docs write files', async () => {
  assert.equal((await words('isf', 'fmt', '--check', CORE)).status, 0)
  const loose = file(
    'loose.isf',
    readFileSync(CORE, 'utf8').replace('instruction_width = 32', 'instruction_width    =   32'),
  )
  assert.equal((await words('isf', 'fmt', '--check', loose)).status, 1)
  assert.equal((await words('isf', 'fmt', '--write', loose)).status, 0)
  assert.equal(readFileSync(loose, 'utf8'), readFileSync(CORE, 'utf8'))
  const output = join(directory, 'core.ts')
  assert.equal((await words('isf', 'gen', CORE, '--output', output)).stdout, '')
  assert.match(readFileSync(output, 'utf8'), /export type Instruction =/)
  assert.match((await words('isf', 'docs', '--title', 'Core', CORE)).stdout, /^# Core\n/)
  assert.match((await words('isf', 'docs', '--html', CORE)).stdout, /^<!doctype html>/)
})
