/** `lode p4 check` and `lode p4 compile` as a user runs them: files in, exit status, text and files out. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run, type StricliDynamicCommandContext } from '@stricli/core'
import { application } from '../../application.ts'
import type { LodeContext } from '../../context.ts'
import { splitAliases } from './compiler-flags.ts'

const folder = mkdtempSync(join(tmpdir(), 'lode-p4-'))
after(() => rmSync(folder, { recursive: true }))

interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

async function lode(...args: readonly string[]): Promise<Outcome> {
  const out: string[] = []
  const err: string[] = []
  const process = {
    stdout: { write: (text: string) => void out.push(text) },
    stderr: { write: (text: string) => void err.push(text) },
    exitCode: undefined as number | string | null | undefined,
  }
  const context = {
    process,
    color: false,
    print: (text: string) => void out.push(`${text}\n`),
    printJson: (value: unknown) => void out.push(JSON.stringify(value)),
    note: (text: string) => void err.push(`${text}\n`),
    exit: (status: number) => {
      process.exitCode = status
    },
  }
  // because these commands need no more of the context than this
  await run(application, ['p4', ...args], context as unknown as StricliDynamicCommandContext<LodeContext>)
  return { status: Number(process.exitCode ?? 0), stdout: out.join(''), stderr: err.join('') }
}

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const GOOD = `#include <core.p4>
#include <softnpu.p4>
header h_t { bit<8> a; } struct headers_t { h_t h; } struct meta_t { }
parser P(packet_in pkt, out headers_t hdr, inout meta_t meta, inout softnpu_ingress_metadata_t ig) {
  state start { pkt.extract(hdr.h); transition accept; } }
control I(inout headers_t hdr, inout meta_t meta, inout softnpu_ingress_metadata_t ig, inout softnpu_egress_metadata_t eg) {
  action out_by(bit<16> port) { eg.port = port; }
  table t { key = { hdr.h.a: exact; } actions = { out_by; NoAction; } default_action = NoAction; }
  apply { t.apply(); } }
control E(inout headers_t hdr, inout meta_t meta, inout softnpu_ingress_metadata_t ig, inout softnpu_egress_metadata_t eg) {
  apply { } }
control D(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr.h); } }
SoftNPU(P(), I(), E(), D()) main;
`

test('check: 0 for a good program, with nothing printed', async () => {
  const outcome = await lode('check', file('good.p4', GOOD))
  assert.deepEqual(outcome, { status: 0, stdout: '', stderr: '' })
})

test('check: 1 and the place for a bad one', async () => {
  const path = file('bad.p4', 'const bit<8> a = b;\n')
  const { status, stdout, stderr } = await lode('check', path)
  assert.deepEqual([status, stdout], [1, ''])
  assert.match(stderr, /bad\.p4:1:18: error P4C3001: 'b' is not declared\n 1 \| const bit<8> a = b;\n +\| +\^\n1 error/)
})

test('check --json: a list of exactly the documented members', async () => {
  const path = file('bad.p4', 'const bit<8> a = b;\n')
  const { status, stdout } = await lode('check', '--json', path)
  assert.equal(status, 1)
  const members = { file: path, line: 1, column: 18, code: 'P4C3001', severity: 'error', notes: [] }
  assert.deepEqual(JSON.parse(stdout), [{ ...members, message: "'b' is not declared" }])
})

test('check: macros and include folders, -I before the built-in files', async () => {
  const path = file('macro.p4', '#include <mine.p4>\nconst bit<8> a = LIMIT + own;\n#ifndef FLAG\n#error\n#endif\n')
  file('mine.p4', 'const bit<8> own = 1;\n')
  const { status, stderr } = await lode('check', '-I', folder, '-D', 'LIMIT=3', '-D', 'FLAG', path)
  assert.deepEqual([status, stderr], [0, ''])
})

test('check: warnings do not reject, and --no-lint silences them', async () => {
  const path = file('odd.p4', GOOD.replace('t.apply();', ''))
  const { status, stderr } = await lode('check', path)
  assert.equal(status, 0)
  assert.match(stderr, /warning P4C7004: table 't' is never applied/)
  assert.deepEqual(await lode('check', '--no-lint', path), { status: 0, stdout: '', stderr: '' })
})

test('check: another architecture, an unknown one, an odd macro', async () => {
  const path = file('good.p4', GOOD)
  const other = await lode('check', '--arch', 'v1model', path)
  assert.equal(other.status, 1)
  assert.match(other.stderr, /P4C6031[^]*compile it with --arch softnpu/)
  const unknown = await lode('check', '--arch', 'tofino', path)
  assert.deepEqual([unknown.status, /no architecture 'tofino'/.test(unknown.stderr)], [2, true])
  assert.equal((await lode('check', '-D', '3=4', path)).status, 2)
})

test('compile: writes modules that load, their description, the map and P4Info', async () => {
  const base = join(folder, 'out')
  const { status, stdout } = await lode('compile', file('good.p4', GOOD), '-o', `${base}.wasm`)
  assert.equal(status, 0)
  for (const suffix of ['.wasm', '.trace.wasm']) {
    assert.ok(WebAssembly.validate(readFileSync(base + suffix)), suffix)
    assert.match(stdout, new RegExp(`out${suffix.replaceAll('.', '\\.')}`))
  }
  const description = JSON.parse(readFileSync(`${base}.json`, 'utf8'))
  assert.deepEqual(
    description.tables.map((table: { name: string; keys: { match: string }[] }) => [table.name, table.keys[0]?.match]),
    [['ingress.t', 'exact']],
  )
  const { places } = JSON.parse(readFileSync(`${base}.map.json`, 'utf8'))
  assert.ok(places.some((place: { kind: string; line: number }) => place.kind === 'table' && place.line === 8))
  assert.match(readFileSync(`${base}.p4info.txt`, 'utf8'), /name: "ingress\.t"/)
})

test('compile: makes the folder that it writes to, and says when it cannot', async () => {
  const path = file('good.p4', GOOD)
  assert.equal((await lode('compile', path, '-o', join(folder, 'deep/er/out'))).status, 0)
  assert.ok(WebAssembly.validate(readFileSync(join(folder, 'deep/er/out.wasm'))))
  const { status, stderr } = await lode('compile', path, '-o', join(path, 'out'))
  assert.equal(status, 2)
  assert.match(stderr, /^lode p4 compile: cannot write .*good\.p4\/out\.wasm: /)
})

test('-I and -D may stand with their value in one word', () => {
  assert.deepEqual(splitAliases(['p4', 'check', '-Iinc', '-DN=3', '-D', 'M', '-I=x', 'a.p4']), [
    ...['p4', 'check', '-I', 'inc', '-D', 'N=3', '-D', 'M', '-I', '=x', 'a.p4'],
  ])
  assert.deepEqual(splitAliases(['run', '-Dx']), ['run', '-Dx'])
})

test('compile: 1 and no files for a program with errors', async () => {
  const { status, stdout } = await lode('compile', file('bad.p4', 'const bit<8> a = b;\n'), '-o', join(folder, 'none'))
  assert.deepEqual([status, stdout], [1, ''])
  assert.throws(() => readFileSync(join(folder, 'none.wasm')))
})
