/** The process is killed while API writes are in flight; the next start on the same state brings every acknowledged one back. */
import assert from 'node:assert/strict'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pageAt, RackProcess, temporaryDirectory } from './lode-process.fixture.ts'
import { createWebInstance, instanceState } from './web-instance.fixture.ts'

const WEB = '198.51.100.19'
/** The rack dies once this many writes of a round are acknowledged, with others on their way. */
const KILL_AFTER = [1, 25]
const WRITERS = 3

interface Page {
  readonly items: readonly { readonly name: string; readonly ip?: string }[]
}

test('kill -9 amid API writes loses none that was acknowledged; instances run again with their addresses', async (t) => {
  const directory = await temporaryDirectory(t)
  const flags = ['--sleds', '2', `--publish=0=${WEB}:80`]
  let rack = await RackProcess.start(directory, ...flags)
  t.after(() => rack.kill('SIGKILL'))
  await createWebInstance(rack, { project: 'shop', name: 'web1', address: WEB })
  const nicBefore = await nicOf(rack)

  const acknowledged: string[] = []
  for (const [round, count] of KILL_AFTER.entries()) {
    await writeUntilKilled(rack, directory, `r${round}`, count, acknowledged)
    await access(join(directory, 'lock'))
    rack = await RackProcess.start(directory, ...flags)
    t.diagnostic(`start ${round + 2} was ready after ${rack.up.readyAfterMs} ms`)
    const kept = new Set((await rack.api<Page>('GET', '/v1/projects?limit=1000')).items.map((each) => each.name))
    const lost = acknowledged.filter((name) => !kept.has(name))
    assert.deepEqual(lost, [], `of ${acknowledged.length} acknowledged projects`)
  }

  await instanceState(rack, 'shop', 'web1', 'running')
  assert.deepEqual(await nicOf(rack), nicBefore)
  const floating = await rack.api<Page>('GET', '/v1/floating-ips?project=shop')
  assert.deepEqual(
    floating.items.map((each) => each.ip),
    [WEB],
  )
  const page = await pageAt(`http://127.0.0.1:${rack.portOf(`${WEB}:80`)}/`)
  assert.match(page, /web1/)
})

/** Creates projects from several writers at once and kills the rack after the wanted number of answers. */
async function writeUntilKilled(
  rack: RackProcess,
  directory: string,
  prefix: string,
  count: number,
  acknowledged: string[],
): Promise<void> {
  const token = (await readFile(join(directory, 'token'), 'utf8')).trim()
  let answers = 0
  let isDead = false
  const writer = async (id: number): Promise<void> => {
    for (let i = 0; !isDead; i++) {
      const name = `${prefix}-w${id}-${i}`
      try {
        const response = await fetch(`${rack.up.api}/v1/projects`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify({ name, description: '' }),
        })
        if (response.status !== 201) continue
      } catch {
        return // the rack is gone, and nobody was told that this one is there
      }
      acknowledged.push(name)
      if (++answers === count) {
        isDead = true
        rack.process.kill('SIGKILL')
      }
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, id) => writer(id)))
  await rack.process.finished
}

async function nicOf(rack: RackProcess): Promise<unknown> {
  const { items } = await rack.api<{ items: { mac: string; ip_stack: unknown; id: string }[] }>(
    'GET',
    '/v1/network-interfaces?project=shop&instance=web1',
  )
  assert.equal(items.length, 1)
  const { id, mac, ip_stack: addresses } = items[0]!
  return { id, mac, addresses }
}

test('a rack that was killed while it made its database starts afresh', async (t) => {
  const directory = await temporaryDirectory(t)
  // As a kill between two files of it leaves the directory.
  await mkdir(join(directory, 'database'))
  await writeFile(join(directory, 'database/PG_VERSION'), '17\n')
  await writeFile(join(directory, 'database.unfinished'), '')
  const rack = await RackProcess.start(directory, '--sleds', '1')
  t.after(() => rack.kill('SIGKILL'))
  assert.deepEqual((await rack.api<Page>('GET', '/v1/projects')).items, [])
  await assert.rejects(access(join(directory, 'database.unfinished')))
})
