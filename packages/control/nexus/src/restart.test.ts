import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { clientWith, login, makeFakeRack, settle } from './fake-rack.fixture.ts'

const directory = mkdtempSync(join(tmpdir(), 'lodestone-nexus-'))
after(() => rmSync(directory, { recursive: true, force: true }))

test('a process killed in the middle of writing has lost nothing it acknowledged', async () => {
  const fixture = new URL('./crash.fixture.ts', import.meta.url)
  const script = `
    const { writeUntilKilled } = await import(${JSON.stringify(fixture)})
    await writeUntilKilled(process.argv[1], (name) => process.stdout.write(name + '\\n'))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === 20) child.kill('SIGKILL')
  }
  assert.ok(acknowledged.length >= 20)

  // The same rack, whose sleds know nothing: everything comes from the store.
  const rack = await makeFakeRack(1)
  const nexus = rack.makeNexus({ storeDirectory: directory })
  await nexus.start()
  const api = clientWith(nexus.handler, { cookie: await login(nexus.handler) })
  const projects = await api.project_list({ query: { limit: 1000 } })
  assert.ok(projects.ok)
  const names = new Set(projects.value.items.map((project) => project.name))
  for (const name of acknowledged) assert.ok(names.has(name), `${name} was acknowledged and is gone`)
  const instance = await api.instance_view({ params: { instance: 'web' }, query: { project: acknowledged[0]! } })
  assert.ok(instance.ok, JSON.stringify(instance))
  await settle(rack, nexus)
  assert.equal(rack.sleds[0]!.find(instance.value.id).now.state, 'running')
  assert.equal(rack.switches[0]!.entries[0]?.external_address, '198.51.100.10')
  assert.equal(rack.sleds[0]!.v2p.mappings.length, 2)
  const generation = rack.sleds[0]!.v2p.generation
  await rack.clock.run(nexus.close())

  const next = rack.makeNexus({ storeDirectory: directory })
  await next.start()
  await settle(rack, next)
  assert.equal(rack.sleds[0]!.v2p.generation, generation, 'what has not changed keeps its generation')
  await rack.clock.run(next.close())
})
