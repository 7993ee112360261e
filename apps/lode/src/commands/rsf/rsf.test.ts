/** `lode rsf` as a person types it, on the service processor's devices and on files with mistakes. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { words } from '../isf/command-line.fixture.ts'

const SPECS = join(import.meta.dirname, '../../../../../packages/control/sp/specs')
const SEQUENCER = join(SPECS, 'sequencer.rsf')
const FANS = join(SPECS, 'fan-controller.rsf')
const directory = mkdtempSync(join(tmpdir(), 'lode-rsf-'))
after(() => rmSync(directory, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

test('check counts what is there, lists gaps, and shows what is wrong with its line', async () => {
  const right = await words('rsf', 'check', '--gaps', FANS)
  assert.deepEqual([right.status, right.stderr], [0, ''])
  assert.match(right.stdout, /10 registers of 3 types, 0 enums, 64 bytes\n {2}Control: bits /)
  const wrong = await words('rsf', 'check', file('wrong.rsf', readFileSync(FANS, 'utf8').replace('@ 16,', '@ 6,')))
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /wrong\.rsf:\d+:\d+: error RSF4002: field expired \(bit 6\) overlaps watchdog_s/)
  assert.equal((await words('rsf', 'check', join(directory, 'none.rsf'))).status, 2)
})

test('lookup finds by address, by path and by field, and decodes a value', async () => {
  const byAddress = await words('rsf', 'lookup', SEQUENCER, '0x9', '--value', '0x307')
  assert.match(byAddress.stdout, /^0x8 status: Status, 32 bits/)
  assert.match(byAddress.stdout, /^3:0 +stage +ro +Stage +ThermTrip /m)
  assert.match((await words('rsf', 'lookup', SEQUENCER, 'rails/2')).stdout, /^0x50 rails\/2\/status: RailStatus/)
  const byField = await words('rsf', 'lookup', '--fields', '--json', SEQUENCER, '^nmi')
  assert.deepEqual(
    (JSON.parse(byField.stdout) as { path: string }[]).map((each) => each.path),
    ['control', 'host'],
  )
  const nothing = await words('rsf', 'lookup', SEQUENCER, '0x5000')
  assert.deepEqual([nothing.status, nothing.stdout], [1, ''])
  assert.equal((await words('rsf', 'lookup', SEQUENCER, '(')).status, 2)
})

test('map, docs and gen print what the package makes', async () => {
  assert.match((await words('rsf', 'map', FANS)).stdout, /^0x0000: control\n0x0004: alarms\n0x0020: fans\/0\n/)
  assert.equal(JSON.parse((await words('rsf', 'map', '--json', FANS)).stdout).format, 'rsf-address-map')
  assert.match((await words('rsf', 'docs', FANS)).stdout, /^# /)
  const sync = (await words('rsf', 'gen', '--parts', 'sync', FANS)).stdout
  assert.match(sync, /export function fanControllerClient/)
  assert.doesNotMatch(sync, /AsyncClient|Simulation/)
  const mistyped = await words('rsf', 'gen', '--parts', 'sink', FANS)
  assert.match(mistyped.stderr, /--parts takes some of sync, async, simulation/)
})

test('diff says what breaks a driver by its exit status, fmt what is out of order', async () => {
  const narrower = file('narrower.rsf', readFileSync(FANS, 'utf8').replace('rpm: ro b15', 'rpm: ro b14'))
  const broken = await words('rsf', 'diff', FANS, narrower)
  assert.deepEqual([broken.status, broken.stdout], [1, '! ~ fans[].rpm: ro b15 @ 16 -> ro b14 @ 16\n'])
  assert.deepEqual(await words('rsf', 'diff', FANS, FANS), {
    status: 0,
    stdout: 'no register, field or enum differs\n',
    stderr: '',
  })
  assert.equal((await words('rsf', 'fmt', '--check', FANS)).status, 0)
  const loose = file('loose.rsf', readFileSync(FANS, 'utf8').replace('block Main {', 'block   Main   {'))
  assert.equal((await words('rsf', 'fmt', '--check', loose)).status, 1)
  assert.equal((await words('rsf', 'fmt', '--write', loose)).status, 0)
  assert.equal(readFileSync(loose, 'utf8'), readFileSync(FANS, 'utf8'))
})
