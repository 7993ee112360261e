import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { serveHttp } from '@lodestone/api'
import { OsNetwork } from '@lodestone/host'
import { WebSocket } from 'ws'
import { TEST_ARCHIVES } from './archives.fixture.ts'
import { clientWith, type FakeRack, login, makeFakeRack, settle } from './fake-rack.fixture.ts'
import type { Nexus } from './nexus.ts'
import { Store } from './store/store.ts'

let rack: FakeRack
let store: Store
let nexus: Nexus

before(async () => {
  rack = await makeFakeRack(1)
  store = await Store.open({ archives: TEST_ARCHIVES })
  nexus = rack.makeNexus({ store })
  await nexus.start()
})

after(async () => {
  await rack.clock.run(nexus.close()) // a pass may be on its way through the rack
  await store.close()
})

test('the serial console is a WebSocket: what was printed, what is typed, and what comes of it', async () => {
  const cookie = await login(nexus.handler)
  const api = clientWith(nexus.handler, { cookie })
  const query = { project: 'shells' }
  await api.project_create({ body: { name: 'shells', description: '' } })
  const body = { name: 'guest', description: '', hostname: 'guest', ncpus: 1, memory: 2 ** 30 }
  assert.ok((await api.instance_create({ query, body })).ok)
  await settle(rack, nexus)
  // The control plane's own calls cross the fake rack in virtual time; the browser's connection is a real one.
  const server = await serveHttp(new OsNetwork(), { address: '127.0.0.1', port: 0 }, nexus.handler)
  let isOver = false
  const time = (async () => {
    while (!isOver) await rack.clock.advance(1)
  })()
  const url = `ws://127.0.0.1:${server.port}/v1/instances/guest/serial-console/stream?project=shells&most_recent=100`

  const refused = new WebSocket(url)
  const status = await new Promise((resolve) => {
    refused.on('unexpected-response', (_request, response) => resolve(response.statusCode))
    refused.on('error', () => {})
  })
  assert.equal(status, 401, 'nobody gets in without a session')

  const socket = new WebSocket(url, { headers: { cookie } })
  let seen = ''
  const reads = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!seen.includes(text)) return
        socket.off('message', look)
        resolve()
      }
      socket.on('message', look)
      look()
    })
  socket.on('message', (data) => {
    seen += String(data)
  })
  await reads('lodestone guest')
  socket.send(Buffer.from('ls'))
  await reads('you typed ls')
  socket.close()
  await new Promise((resolve) => socket.once('close', resolve))
  isOver = true
  await time
  server.close()
})
