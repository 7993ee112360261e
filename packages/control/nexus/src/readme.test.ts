import assert from 'node:assert/strict'
import { test } from 'node:test'
import { client } from '@lodestone/api'
import { nexusApi } from '@lodestone/contract-nexus'
import { Host, MemoryFabric, MemoryFiles, OsRandom, RealClock } from '@lodestone/host'
import { Nexus } from './index.ts'

test('the example of the README works', async () => {
  const clock = new RealClock()
  const underlay = new MemoryFabric(clock).network('nexus', ['fd00::1'])
  const host = new Host({
    name: 'nexus',
    clock,
    random: new OsRandom(),
    files: new MemoryFiles(),
    networks: { underlay },
  })
  const nexus = new Nexus(host, { inventory: { rackId: host.random.uuid(), sleds: [], switches: [] } })
  await nexus.start()

  const api = client(nexusApi, nexus.handler, 'http://nexus')
  const login = await api.login_local({
    params: { silo_name: 'test-suite-silo' },
    body: { username: 'test-privileged', password: 'oxide' },
  })
  assert.ok(login.ok)
  const cookie = login.headers.get('set-cookie') ?? ''
  const project = await api.project_create({
    headers: { cookie },
    body: { name: 'hello', description: 'my first project' },
  })
  assert.ok(project.ok)
  assert.equal(project.value.name, 'hello')
  await nexus.close()
})
