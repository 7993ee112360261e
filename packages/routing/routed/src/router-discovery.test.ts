import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom, VirtualClock } from '@lodestone/host'
import { decodeAdvertisement, encodeAdvertisement, encodeSolicitation, isSolicitation } from './router-advertisement.ts'
import { RouterDiscovery } from './router-discovery.ts'
import { Cable } from './router-discovery.fixture.ts'

function lab() {
  const clock = new VirtualClock()
  const cable = new Cable(clock)
  const said: string[] = []
  const make = (name: string, address: string) => {
    const network = cable.router(name, address)
    const discovery = new RouterDiscovery({
      clock,
      random: new SeededRandom(name.length),
      network,
      onFound: (link, found) => said.push(`${name} found ${found} on ${link}`),
      onLost: (link) => said.push(`${name} lost ${link}`),
      onProblem: (link, reason) => said.push(`${name} ${link} ${reason}`),
    })
    return { network, discovery }
  }
  return { clock, cable, said, a: make('a', 'fe80::a'), b: make('b', 'fe80::b') }
}

test('two routers on a link find each other at once, whoever came first', async () => {
  const { clock, said, a, b } = lab()
  a.discovery.set(['eth0'])
  await clock.advance(60_000)
  assert.deepEqual(said, [])
  b.discovery.set(['eth0'])
  await clock.advance(1000)
  assert.deepEqual(said.toSorted(), ['a found fe80::b on eth0', 'b found fe80::a on eth0'])
  await clock.advance(600_000)
  assert.equal(said.length, 2, 'and keep each other')
  assert.equal(`${a.discovery.neighbour('eth0')}`, 'fe80::b')
})

test('a neighbour that falls silent is lost when its advertisement ends, one that says goodbye at once', async () => {
  const { clock, cable, said, a, b } = lab()
  a.discovery.set(['eth0'])
  b.discovery.set(['eth0'])
  await clock.advance(1000)
  said.length = 0
  cable.isCut = true
  await clock.advance(20_000)
  assert.deepEqual(said, [])
  await clock.advance(15_000)
  assert.deepEqual(said.toSorted(), ['a lost eth0', 'b lost eth0'])
  cable.isCut = false
  await clock.advance(15_000)
  said.length = 0
  b.discovery.set([])
  await clock.advance(1)
  assert.deepEqual(said, ['b lost eth0', 'a lost eth0'])
})

test('a link that goes down loses its neighbour, and finds it again when it is back', async () => {
  const { clock, said, a, b } = lab()
  a.network.onInterfaceChange(() => a.discovery.interfacesChanged())
  a.discovery.set(['eth0'])
  b.discovery.set(['eth0'])
  await clock.advance(1000)
  said.length = 0
  a.network.setUp(false)
  assert.deepEqual(said, ['a lost eth0'])
  a.network.setUp(true)
  await clock.advance(1000)
  assert.deepEqual(said, ['a lost eth0', 'a found fe80::b on eth0'])
})

test('a third router on the link does not replace the neighbour', async () => {
  const { clock, cable, said, a, b } = lab()
  a.discovery.set(['eth0'])
  b.discovery.set(['eth0'])
  await clock.advance(1000)
  said.length = 0
  const third = cable.router('c', 'fe80::c').openIcmp6({ interface: 'eth0', types: [] }, () => {})
  third.send(encodeAdvertisement(30, undefined), 'ff02::1')
  await clock.advance(1)
  assert.deepEqual(said, [])
})

test('an interface that is not there is tried until it is, and said once', async () => {
  const { clock, said, a } = lab()
  a.discovery.set(['eth9'])
  await clock.advance(5000)
  assert.deepEqual(said, ['a eth9 ENODEV: no interface eth9'])
  a.discovery.close()
})

test('only valid messages count (RFC 4861 §6.1)', () => {
  const mac = new Uint8Array([2, 0, 0, 0, 0, 1])
  const whole = encodeAdvertisement(1800, mac)
  assert.equal(decodeAdvertisement(whole), 1800)
  assert.equal(Buffer.from(whole).toString('hex'), '860000004000070800000000000000000101020000000001')
  assert.equal(decodeAdvertisement(encodeAdvertisement(0, undefined)), 0)
  for (let length = 0; length < whole.length; length++) {
    const cut = decodeAdvertisement(whole.subarray(0, length))
    assert.equal(cut, length === 16 ? 1800 : undefined, `${length} bytes`)
  }
  assert.equal(decodeAdvertisement(whole.with(1, 1)), undefined, 'code')
  assert.equal(decodeAdvertisement(whole.with(17, 0)), undefined, 'an option without length')
  assert.ok(isSolicitation(encodeSolicitation()))
  assert.ok(!isSolicitation(whole) && !isSolicitation(encodeSolicitation().subarray(0, 7)))
})
