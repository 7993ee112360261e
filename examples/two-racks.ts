// Two racks. Guests of both reach each other over two upstream routers by BGP; sleds of both reach each other by DDM, over a cable
// between the first switches of the racks that carries the underlay.
import { lab, run } from '@lodestone/lab'

const l = lab('two-racks')
const racks = [0, 1].map((number) =>
  l.rack(number === 0 ? 'east' : 'west', {
    number,
    sleds: 2,
    uplinks: [
      ...[0, 1].map((index) => ({
        switch: index,
        port: 0,
        address: `192.0.2.${number * 16 + index * 4 + 2}/30`,
        peer: { address: `192.0.2.${number * 16 + index * 4 + 1}`, asn: 64500 + index },
      })),
      { switch: 0, port: 8, ddm: true },
    ],
  }),
)
for (const index of [0, 1] as const) {
  const router = l.router(`isp${index}`, {
    interfaces: {
      ...Object.fromEntries(
        racks.map((_, rack) => [`rack${rack}`, { addresses: [`192.0.2.${rack * 16 + index * 4 + 1}/30`] }]),
      ),
      other: { addresses: [`192.0.2.${129 + index}/30`] },
    },
    bgp: {
      asn: 64500 + index,
      routerId: `192.0.2.${129 + index}`,
      peers: [
        ...racks.map((_, rack) => ({ address: `192.0.2.${rack * 16 + index * 4 + 2}`, asn: 65547 + rack })),
        { address: `192.0.2.${130 - index}`, asn: 64501 - index },
      ],
    },
  })
  racks.forEach((rack, number) => l.link(rack.uplink(index, 0), router.at(`rack${number}`), 'metro'))
}
l.link({ node: 'isp0', port: 'other' }, { node: 'isp1', port: 'other' }, 'wan')
l.link(racks[0]!.uplink(0, 8), racks[1]!.uplink(0, 8), 'dc', 'inter-rack')

l.guest('web', { rack: 'east', sled: 1, address: '172.30.0.5', subnet: '172.30.0.0/22', floating: '198.51.100.20' })
l.guest('client', {
  rack: 'west',
  sled: 1,
  vni: 200,
  address: '172.31.0.5',
  subnet: '172.31.0.0/22',
  floating: '198.18.1.20',
})

l.test('sleds of one rack reach those of the other over the cable between the racks', async (t) => {
  await t.eventually(() => t.pings('east-sled1', 'fd00:1122:3344:202::1'))
})

l.test('a guest in one rack fetches a page from a guest in the other, through the routers', async (t) => {
  await t.eventually(async () => (await t.exec('client', 'curl http://198.51.100.20/')).stdout.includes('web'))
})

l.test('one router may go away', async (t) => {
  await t.eventually(() => t.pings('client', '198.51.100.20'))
  await t.fault({ kind: 'off', target: 'isp0' })
  await t.eventually(() => t.pings('client', '198.51.100.20'))
})

await run(l)
