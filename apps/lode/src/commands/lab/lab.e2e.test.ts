/** `lode run` and `lode lab import` as processes. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { lode, says, temporaryDirectory } from '../../lode-process.fixture.ts'

const DOCUMENT = `name: run-test-${process.pid}
nodes:
  left: { kind: host, interfaces: { eth0: { addresses: [10.0.0.1/24] } } }
  right: { kind: host, interfaces: { eth0: { addresses: [10.0.0.2/24] } } }
links:
  left-right: { a: left:eth0, b: right:eth0, profile: dc }
`

test('a document is launched, used and destroyed', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = await temporaryDirectory(t)
  const file = join(folder, 'lab.yaml')
  await writeFile(file, DOCUMENT)
  const run = (...words: readonly string[]) => lode(['run', file, '--', ...words, '--state', join(folder, 'state')])
  try {
    const launched = await run('launch')
    assert.equal(launched.status, 0, launched.stderr)
    const exec = ['run', file, '--', 'exec', '--state', join(folder, 'state'), 'left', '--']
    const { status } = await says(/1 of 1 answered/, () => lode([...exec, 'ping', '-c', '1', '10.0.0.2']))
    assert.equal(status, 0)
  } finally {
    assert.equal((await run('destroy')).status, 0)
  }
})

test('a program is run with its own commands', async () => {
  const example = join(import.meta.dirname, '../../../../../examples/two-hosts.ts')
  const result = await lode(['run', example, 'test'])
  assert.equal(result.status, 0, result.stdout + result.stderr)
  assert.match(result.stdout, /2 of 2 hold, virtual time/)
})

test('a containerlab file becomes a document; what is wrong with one is said', async (t) => {
  const folder = await temporaryDirectory(t)
  const file = join(folder, 'net.clab.yml')
  await writeFile(
    file,
    'name: net\ntopology:\n  nodes: { a: { kind: linux, image: alpine }, b: { kind: linux } }\n  links: [ { endpoints: ["a:eth1", "b:eth1"] } ]\n',
  )
  const imported = await lode(['lab', 'import', file])
  assert.equal(imported.status, 0, imported.stderr)
  assert.match(imported.stdout, /kind: namespace/)
  assert.match(imported.stderr, /the image alpine is not used/)
  await writeFile(file, 'name: net\ntopology: { nodes: { a: { kind: ceos } }, links: [] }\n')
  const refused = await lode(['lab', 'import', file])
  assert.equal(refused.status, 2)
  assert.match(refused.stderr, /only linux can be imported/)
})
