/** `lode p4 stf` and `lode p4 corpus`: exit status, what is printed; and as a process: worker threads. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Finished, lode as lodeProcess, lodeHere } from '../../lode-process.fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'lode-stf-'))
after(() => rmSync(folder, { recursive: true }))

interface Answer {
  readonly status: number | null
  readonly lines: string[]
}

async function lode(...args: readonly string[]): Promise<Answer> {
  return answerOf(await lodeHere('p4', ...args))
}

function answerOf({ status, stdout, stderr }: Finished): Answer {
  return { status, lines: `${stdout}${stderr}`.trimEnd().split('\n') }
}

function write(path: string, text: string): string {
  const full = join(folder, path)
  mkdirSync(join(full, '..'), { recursive: true })
  writeFileSync(full, text)
  return full
}

/** Sends every packet to port 2, after adding to its first byte. */
const program = (add: string, top = ''): string => `#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; } struct headers_t { h_t h; } struct meta_t { }
${top}
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
  state start { pkt.extract(hdr.h); transition accept; } }
control V(inout headers_t hdr, inout meta_t meta) { apply { } }
control I(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) {
  apply { std.egress_spec = 2; hdr.h.a = ${add}; } }
control E(inout headers_t hdr, inout meta_t meta, inout standard_metadata_t std) { apply { } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr.h); } }
V1Switch(P(), V(), I(), E(), V(), D()) main;
`

test('passes with 0, fails with 1 and the bytes side by side, and 2 for what cannot be read', async () => {
  const p4 = write('one/add.p4', program('hdr.h.a + 1'))
  write('one/add.stf', 'packet 0 01 ff\nexpect 2 02 ff $\n')
  assert.deepEqual(await lode('stf', p4), { status: 0, lines: ['passed: 1 packets, 0 failures'] })
  const wrong = write('one/wrong.stf', 'packet 0 01 ff\nexpect 2 03 ff $\n')
  const { status, lines } = await lode('stf', p4, wrong)
  assert.equal(status, 1)
  assert.deepEqual(lines, [
    `${wrong}:2: packet 1 on port 2: the packet differs in byte 0`,
    '        expected                                  actual',
    '  > 0000  03ff                                      02ff',
    'failed: 1 packets, 1 failures',
  ])
  assert.equal((await lode('stf', join(folder, 'none.p4'))).status, 2)
  const bad = await lode('stf', p4, write('one/bad.stf', 'packet 0 0\n'))
  assert.deepEqual(
    [bad.status, bad.lines.at(-1)],
    [1, `${join(folder, 'one/bad.stf')}:1:10: a packet is whole bytes, not 1 digits`],
  )
})

test('externs come from a TypeScript module', async () => {
  const p4 = write('two/twice.p4', program('twice(hdr.h.a)', 'extern bit<8> twice(in bit<8> x);'))
  write('two/twice.stf', 'packet 0 04\nexpect 2 08 $\n')
  const externs = write('two/externs.ts', 'export const twice = (x: bigint): bigint => 2n * x\n')
  assert.equal((await lode('stf', p4)).status, 1)
  assert.equal((await lode('stf', '--externs', externs, p4)).status, 0)
  assert.equal((await lode('stf', '--externs', join(folder, 'none.ts'), p4)).status, 2)
})

test('an extern without a result may answer with its one out parameter', async () => {
  const call = 'hdr.h.a; set(hdr.h.a, 9); hdr.h.a = hdr.h.a'
  const p4 = write('two/set.p4', program(call, 'extern void set(out bit<8> x, in bit<8> y);'))
  write('two/set.stf', 'packet 0 04\nexpect 2 09 $\n')
  const externs = write('two/set.ts', 'export const set = (y: bigint): bigint => y\n')
  assert.equal((await lode('stf', '--externs', externs, p4)).status, 0)
})

/** A process, because its threads are that. */
async function corpus(...args: readonly string[]): Promise<Answer> {
  return answerOf(await lodeProcess(['p4', 'corpus', ...args]))
}

test('a corpus is counted by architecture, in threads when it is large', async () => {
  for (let k = 0; k < 20; k++) {
    write(`many/p${k}.p4`, program(`hdr.h.a + ${k}`))
    write(`many/p${k}.stf`, `packet 0 01\nexpect 2 ${(1 + (k === 7 ? 0 : k)).toString(16).padStart(2, '0')} $\n`)
  }
  write('many/filter.p4', '#include <ebpf_model.p4>\n')
  write('many/filter.stf', 'packet 0 01\n')
  write('many/broken.p4', 'control {')
  write('many/inner/ignored.p4', 'control {')
  const { status, lines } = await corpus('--stf', join(folder, 'many'))
  assert.equal(status, 1)
  assert.deepEqual(lines, [
    'p7.p4: packet 1 on port 2: the packet differs in byte 0',
    'ebpf: 0 passed, 0 failed, 1 skipped (programs of this architecture are checked, not run)',
    'v1model: 19 passed, 1 failed',
    '19 passed, 1 failed',
  ])
  const accepted = await corpus('--accept', join(folder, 'many'))
  assert.deepEqual([accepted.status, accepted.lines.at(-1)], [1, '21 passed, 1 failed'])
  assert.match(accepted.lines[0] ?? '', /^broken\.p4: /)
  const json = await corpus('--reject', '--json', join(folder, 'many'))
  const result = JSON.parse(json.lines.join('\n')) as { passed: number; failed: number }
  assert.deepEqual([result.passed, result.failed], [1, 21])
  assert.equal((await lode('corpus', join(folder, 'nowhere'))).status, 2)
  assert.equal((await lode('corpus', '--stf', '--accept', join(folder, 'many'))).status, 2)
})
