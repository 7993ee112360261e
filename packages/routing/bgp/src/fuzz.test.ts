import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzDecoders, fuzzSession, generator } from './fuzz.fixture.ts'

test('20000 damaged messages decode to values or errors, never to an exception', () => {
  const random = generator(20_261_122)
  for (let i = 0; i < 20_000; i++) fuzzDecoders(random)
})

test('a peer that sends 600 damaged messages is contained, and others are not disturbed', async () => {
  let connections = 0
  for (const seed of [1, 2, 3]) connections += await fuzzSession(generator(seed), 200)
  assert.ok(connections > 20, `${connections} connections`)
})

test('a peer that opens a thousand connections keeps one, and nobody else notices', async () => {
  const { Lab } = await import('./lab.fixture.ts')
  const { Ip } = await import('@lodestone/net')
  const lab = new Lab()
  const [router, good] = [await lab.router('r', 64512), await lab.router('g', 64513)]
  lab.link(router, good)
  const network = lab.fabric.network('raw', ['203.0.113.99'])
  router.speaker.addPeer({ name: 'raw', remoteAddress: Ip.of('203.0.113.99'), remoteAsn: 65001, isPassive: true })
  await lab.clock.advance(2000)
  let open = 0
  for (let i = 0; i < 1000; i++) {
    const socket = await lab.clock.run(network.connectTcp({ address: router.address, port: 179 }))
    open++
    socket.on('error', () => undefined)
    socket.on('close', () => open--)
    socket.resume()
  }
  await lab.clock.advance(1000)
  assert.equal(open, 1)
  assert.equal(router.peer('g').status().counters['sessions-established'], 1)
  assert.equal(router.peer('raw').status().counters['connections-accepted'], 1000)
})
