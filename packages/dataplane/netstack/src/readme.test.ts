import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Arena } from '@lodestone/frame'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { Link } from '@lodestone/link'
import { Mac, Prefix } from '@lodestone/net'
import { Tracer } from '@lodestone/probe'
import { Netstack } from './index.ts'

test('the example of the README does what it says', async () => {
  const clock = new VirtualClock()
  const random = new SeededRandom(1)
  const arena = new Arena({ slots: 1024 })
  const tracer = new Tracer(() => clock.nowMs())
  const shared = { clock, random, arena, tracer }
  const link = new Link({ name: 'wire', a: 'alice', b: 'bob', ...shared, impairments: { delayMs: 5, loss: 0.1 } })
  const alice = new Netstack({ name: 'alice', ...shared })
  const bob = new Netstack({ name: 'bob', ...shared })
  alice.addInterface({
    name: 'nic0',
    port: link.a,
    mac: Mac.of('02:00:00:00:00:01'),
    addresses: [Prefix.of('10.0.0.1/24')],
  })
  bob.addInterface({
    name: 'nic0',
    port: link.b,
    mac: Mac.of('02:00:00:00:00:02'),
    addresses: [Prefix.of('10.0.0.2/24')],
  })
  await bob.listenTcp({ port: 7 }, (socket) => void socket.pipe(socket))
  const socket = await clock.run(alice.connectTcp({ address: '10.0.0.2', port: 7 }))
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  socket.end('hello')
  await clock.advance(10_000)
  assert.equal(answer, 'hello')
})
