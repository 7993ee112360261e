/** A rack that was not set up answers at the technician's port, through the emulated switch, and nowhere else. */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { lode, LODE_ARGUMENTS, start, temporaryDirectory, until } from './lode-process.fixture.ts'

const EXAMPLE = join(import.meta.dirname, '../../../examples/rack.toml')

interface Info {
  readonly state: string
  readonly technician_port: number
  readonly api: { readonly url: string; readonly silo: string }
}

test("a rack is set up at the technician's port; before that the API is not there, afterwards the set-up is over", async (t) => {
  const directory = await temporaryDirectory(t)
  const args = [
    ...LODE_ARGUMENTS,
    'up',
    '--uninitialized',
    '--sleds',
    '1',
    '--api-port',
    '0',
    '--state',
    directory,
    '--json',
  ]
  const up = start(process.execPath, args)
  t.after(async () => {
    up.kill('SIGKILL')
    await up.finished
  })
  const info = async (): Promise<Info | undefined> => {
    const { status, stdout } = await lode(['status', '--json', '--state', directory])
    return status === 0 ? (JSON.parse(stdout) as Info) : undefined
  }
  await until("the technician's port", () => (up.stdout().includes('"name":"set-up"') ? true : undefined))
  const waiting = (await info())!
  assert.equal(waiting.state, 'uninitialized')
  const { url } = waiting.api
  assert.equal((await fetch(`${url}/v1/ping`)).status, 503)
  assert.equal((await fetch(`${url}/rack-setup`)).status, 503)
  const setup = `http://127.0.0.1:${waiting.technician_port}/rack-setup`
  assert.equal(((await (await fetch(setup)).json()) as { state: string }).state, 'uninitialized')
  assert.equal((await fetch(setup, { method: 'POST' })).status, 409, 'there is no configuration')

  const bad = join(directory, 'bad.toml')
  await writeFile(bad, '[rack]\nasn = "one"\n')
  const refused = await lode(['setup', bad, '--state', directory])
  assert.equal(refused.status, 2)
  assert.match(refused.stderr, /bad\.toml:2: asn is an AS number/)

  // A database that cannot be opened: the set-up fails half way, and may be tried again.
  const obstacle = join(directory, 'database')
  await writeFile(obstacle, '')
  const failed = await lode(['setup', EXAMPLE, '--state', directory])
  assert.equal(failed.status, 1)
  assert.match(failed.stderr, /^the set-up failed: The database in .* does not start/)
  assert.equal((await info())!.state, 'uninitialized')
  assert.equal((await fetch(`${url}/v1/ping`)).status, 503)
  await rm(obstacle)
  const done = await lode(['setup', EXAMPLE, '--state', directory])
  assert.equal(done.status, 0, done.stderr)
  for (const step of ['outside', 'api', 'bgp', 'pool', 'rack']) assert.match(done.stdout, new RegExp(` s  ${step}: `))
  const ready = (await info())!
  assert.deepEqual([ready.state, ready.api.silo], ['ready', 'recovery'])
  assert.equal((await fetch(`${url}/v1/ping`)).status, 200)
  assert.equal((await fetch(setup, { method: 'POST' })).status, 409, 'it happens once')
  const pools = await lode(['api', 'GET', '/v1/system/ip-pools', '--state', directory])
  assert.match(pools.stdout, /"lab"/)
})
