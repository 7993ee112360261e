import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Host, MemoryFabric, MemoryFiles, SeededRandom, sleep, VirtualClock } from './index.ts'

test('the example of the README does what it says', async () => {
  const clock = new VirtualClock()
  const fabric = new MemoryFabric(clock)
  const host = new Host({
    name: 'daemon',
    clock,
    random: new SeededRandom(42),
    files: new MemoryFiles(),
    networks: { underlay: fabric.network('daemon', ['fd00::1']) },
  })
  await host.network('underlay').listenTcp({ port: 80 }, (socket) => socket.end('hello'))
  const client = fabric.network('client', ['fd00::2'])
  const socket = await clock.run(client.connectTcp({ address: 'fd00::1', port: 80 }))
  await clock.run(sleep(clock, 60_000)) // a minute passes at once
  assert.equal(String(socket.read()), 'hello')
  assert.ok(clock.nowMs() > 60_000)
})
