import assert from 'node:assert/strict'
import { link, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { lockStateDirectory } from './os-state-directory.ts'

const ROUNDS = 100

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lode-lock-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

test('of processes that begin at once one has a directory that is free; the others are told who', async (t) => {
  const directory = await temporaryDirectory(t)
  const pids = [101, 102, 103, 104]
  for (let round = 0; round < ROUNDS; round++) {
    const results = await Promise.all(
      pids.map((pid) => lockStateDirectory(directory, pid, (each) => pids.includes(each))),
    )
    const owners = pids.filter((_, i) => results[i]!.ok)
    assert.equal(owners.length, 1, `owners: ${owners.join(' ')}`)
    assert.equal(await readFile(join(directory, 'lock'), 'utf8'), String(owners[0]))
    for (const result of results) assert.ok(result.ok || result.pid === owners[0])
    assert.deepEqual(await readdir(directory), ['lock'])
    for (const result of results) if (result.ok) await result.release()
  }
  assert.deepEqual(await readdir(directory), [])
})

for (const [what, before] of [
  ['of a process that is gone', '7'],
  ['of nobody', ''],
  ['that cannot be read', 'seven'],
] as const) {
  test(`a lock ${what} is taken over`, async (t) => {
    const directory = await temporaryDirectory(t)
    await writeFile(join(directory, 'lock'), before)
    const result = await lockStateDirectory(directory, 101, (pid) => pid !== 7)
    assert.ok(result.ok)
    assert.equal(await readFile(join(directory, 'lock'), 'utf8'), '101')
    assert.deepEqual(await readdir(directory), ['lock'])
  })
}

test('a process that has the number of one that was killed while it locked has the directory', async (t) => {
  const directory = await temporaryDirectory(t)
  await writeFile(join(directory, 'lock'), '101')
  await link(join(directory, 'lock'), join(directory, 'lock.101'))
  assert.ok((await lockStateDirectory(directory, 101, () => true)).ok)
  assert.deepEqual(await readdir(directory), ['lock'])
})

test('a process has its own directory again, and a directory that is held is left as it is', async (t) => {
  const directory = await temporaryDirectory(t)
  const first = await lockStateDirectory(directory, 101, () => true)
  assert.ok(first.ok)
  assert.deepEqual(await lockStateDirectory(directory, 102, () => true), { ok: false, pid: 101 })
  assert.ok((await lockStateDirectory(directory, 101, () => true)).ok)
  assert.equal(await readFile(join(directory, 'lock'), 'utf8'), '101')
})
