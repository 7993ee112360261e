/** By which address a guest is seen outside, how answers find it, and what guests reach of each other, inside and by the outside. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { TcpSocket } from '@lodestone/host'
import { allowTcp, defaultRules } from './control-plane.fixture.ts'
import { failure, type LabGuest, RackLab } from './rack-lab.fixture.ts'
import { dropsIn, sentBy, stepsOf, waysOf } from './story-hops.fixture.ts'

const VPC = { vni: 1000, subnet: '172.30.0.0/22', subnet6: 'fd12:3456:789a::/64' }
const CLIENT = '203.0.113.9'
const SHARED = '198.51.100.30'
const quarter = (index: number) => ({ ip: SHARED, first_port: index * 16384, last_port: index * 16384 + 16383 })

let lab: RackLab
/** Source NAT only, the first and the second quarter of one address; on different sleds. */
let snat: LabGuest
let snat2: LabGuest
/** Source NAT and an ephemeral address; and a floating one besides. */
let ephemeral: LabGuest
let floating: LabGuest
/** None at all. */
let inside: LabGuest

before(async () => {
  lab = await RackLab.start()
  await lab.run(lab.control.setRules(VPC.vni, [...defaultRules(VPC.vni), allowTcp(VPC.vni, 80)]))
  const six = (host: number): string => `fd12:3456:789a::${host}`
  snat = await lab.attach({ name: 'snat', sled: 0, vpc: VPC, ip: '172.30.0.5', ip6: six(5), snat: quarter(0) })
  snat2 = await lab.attach({ name: 'snat2', sled: 1, vpc: VPC, ip: '172.30.0.6', ip6: six(6), snat: quarter(1) })
  ephemeral = await lab.attach({
    name: 'eph',
    sled: 0,
    vpc: VPC,
    ip: '172.30.0.7',
    ip6: six(7),
    snat: quarter(2),
    ephemeral: '198.51.100.31',
  })
  floating = await lab.attach({
    name: 'float',
    sled: 1,
    vpc: VPC,
    ip: '172.30.0.8',
    snat: quarter(3),
    ephemeral: '198.51.100.32',
    floating: ['198.51.100.33'],
  })
  inside = await lab.attach({ name: 'inside', sled: 0, vpc: VPC, ip: '172.30.0.9' })
  for (const { stack } of [lab.client, snat, snat2, ephemeral, floating, inside]) {
    await stack.listenTcp({ port: 80 }, tellWhoYouAre)
  }
})
after(() => lab.close())

/** What the server at `address` says about who is asking: `address port`. */
async function seenAs(guest: LabGuest, address: string, port = 80): Promise<{ address: string; port: number }> {
  const socket = await lab.run(guest.stack.connectTcp({ address, port, timeoutMs: 3000 }))
  const text = await lab.run(
    new Promise<string>((resolve) => socket.once('data', (data: Buffer) => resolve(String(data)))),
  )
  socket.on('error', () => undefined)
  socket.destroy()
  const [seen, seenPort] = text.split(' ')
  return { address: seen!, port: Number(seenPort) }
}

function tellWhoYouAre(socket: TcpSocket): void {
  socket.on('error', () => undefined)
  socket.write(`${socket.remoteAddress} ${socket.remotePort}`)
}

test('a guest without an address of its own is seen by the shared one and by ports that are its own', async () => {
  for (const [guest, first] of [
    [snat, 0],
    [snat2, 16384],
  ] as const) {
    for (let round = 0; round < 4; round++) {
      const seen = await seenAs(guest, CLIENT)
      assert.equal(seen.address, SHARED)
      assert.ok(seen.port >= first && seen.port <= first + 16383, `port ${seen.port}`)
    }
    const [answer] = await lab.run(guest.stack.ping(CLIENT))
    assert.equal(answer!.outcome, 'reply', 'the identifier of a ping is translated, too')
  }
})

test('UDP through source NAT gets its answers', async () => {
  const server = await lab.client.stack.bindUdp({ port: 5353 }, ({ payload, remoteAddress, remotePort }) => {
    assert.equal(remoteAddress, SHARED)
    server.send(payload, remoteAddress, remotePort)
  })
  const answers: string[] = []
  for (const guest of [snat, snat2]) {
    const socket = await guest.stack.bindUdp({ port: 9999 }, ({ payload }) => {
      answers.push(`${guest.instance.spec.name} ${Buffer.from(payload).toString()}`)
    })
    socket.send(Buffer.from(guest.instance.spec.name), CLIENT, 5353)
  }
  await lab.clock.advance(50)
  assert.deepEqual(answers.toSorted(), ['snat snat', 'snat2 snat2'])
  server.close()
})

test('an ephemeral address goes before source NAT, and a floating one before both', async () => {
  assert.equal((await seenAs(ephemeral, CLIENT)).address, '198.51.100.31')
  assert.equal((await seenAs(floating, CLIENT)).address, '198.51.100.33')
})

test('what comes in by an ephemeral address is answered by it, also where a floating one would be preferred', async () => {
  for (const address of ['198.51.100.31', '198.51.100.32', '198.51.100.33']) {
    const [answer] = await lab.run(lab.client.stack.ping(address))
    assert.equal(answer!.outcome, 'reply')
    assert.equal(answer!.from!.toString(), address)
    assert.equal((await seenAs({ ...snat, stack: lab.client.stack }, address)).address, CLIENT)
  }
})

test('a guest with no external address reaches its VPC and not the internet, and the drop says why', async () => {
  assert.equal((await seenAs(inside, '172.30.0.6')).address, '172.30.0.9')
  const { value, stories } = await lab.stories(() =>
    failure(lab.run(inside.stack.connectTcp({ address: CLIENT, port: 80, timeoutMs: 500 }))),
  )
  assert.ok(value.code !== undefined)
  assert.deepEqual(Object.keys(dropsIn(sentBy(stories, 'inside', /> 203\.0\.113\.9:80/))), ['NAT_NO_EIP'])
})

test('guests of a VPC reach each other on the same sled and across sleds, with their own addresses', async () => {
  for (const [from, to, ways] of [
    [snat, ephemeral, /^snat snat-nic0 sled0 eph-nic0 eph$/],
    [snat, snat2, /^snat snat-nic0 sled0 sled0-(switch[01]) \1 sled1-\1 sled1 snat2-nic0 snat2$/],
  ] as const) {
    const address = to.instance.spec.ip
    const { value, stories } = await lab.stories(() => seenAs(from, address))
    assert.equal(value.address, from.instance.spec.ip)
    const syn = sentBy(stories, 'snat', /TCP SYN$/)[0]!
    assert.match(waysOf(syn).join(' '), ways)
    assert.ok(stepsOf(syn, 'encap').length > 0, 'encapsulated also where it stays on the sled')
  }
})

test('guests of a VPC reach each other by IPv6', async () => {
  for (const ip6 of [snat2.instance.spec.ip6!, ephemeral.instance.spec.ip6!]) {
    const [answer] = await lab.run(snat.stack.ping(ip6))
    assert.equal(answer!.outcome, 'reply', ip6)
    assert.equal((await seenAs(snat, ip6)).address, 'fd12:3456:789a::5')
  }
})

test('what a guest sends to an external address of the rack turns round in a switch and never leaves', async () => {
  for (const [from, source] of [
    [snat, SHARED],
    [ephemeral, '198.51.100.31'],
    [floating, '198.51.100.33'],
  ] as const) {
    const { value, stories } = await lab.stories(() => seenAs(from, '198.51.100.33'))
    assert.equal(value.address, source, from.instance.spec.name)
    const syn = sentBy(stories, from.instance.spec.name, /TCP SYN$/)[0]!
    const ways = waysOf(syn)
    assert.equal(ways.at(-1), 'float')
    assert.equal(ways.filter((name) => /^switch[01]$/.test(name)).length, 1)
    assert.deepEqual(
      ways.filter((name) => name.includes('isp')),
      [],
    )
  }
})
