// A rack whose upstream routers are FRR, each in a network namespace of this machine, and a client behind them. Needs root and FRR.
import { type Endpoint, lab, run } from '@lodestone/lab'

const l = lab('frr-upstreams')
const rack = l.rack('rack', {
  sleds: 2,
  uplinks: [0, 1].flatMap((sw) =>
    [0, 1].map((port) => ({
      switch: sw,
      port,
      address: `192.0.2.${port * 16 + sw * 4 + 2}/30`,
      peer: { address: `192.0.2.${port * 16 + sw * 4 + 1}`, asn: 64500 + port },
    })),
  ),
})
l.guest('web', { rack: 'rack', sled: 0, address: '172.30.0.5', subnet: '172.30.0.0/22', floating: '198.51.100.20' })
const client = l.host('client', {
  interfaces: { isp0: { addresses: ['192.0.2.130/30'] }, isp1: { addresses: ['192.0.2.134/30'] } },
  loopbacks: ['203.0.113.9'],
  bgp: {
    asn: 64999,
    routerId: '203.0.113.9',
    peers: [
      { address: '192.0.2.129', asn: 64500 },
      { address: '192.0.2.133', asn: 64501 },
    ],
    originate: ['203.0.113.0/24'],
  },
})

function frr(index: 0 | 1): void {
  const name = `isp${index}`
  const peers = [`192.0.2.${index * 16 + 2}`, `192.0.2.${index * 16 + 6}`, `192.0.2.${130 + index * 4}`]
  const bgp = `hostname ${name}
router bgp ${64500 + index}
 bgp router-id 192.0.2.${129 + index * 4}
 no bgp ebgp-requires-policy
${peers.map((peer, i) => ` neighbor ${peer} remote-as ${i === 2 ? 64999 : 65547}\n neighbor ${peer} timers 2 6\n neighbor ${peer} timers connect 1\n neighbor ${peer} advertisement-interval 0`).join('\n')}
 address-family ipv4 unicast
${peers.map((peer) => `  neighbor ${peer} default-originate`).join('\n')}
 exit-address-family
`
  const daemon = (program: string): string =>
    `/usr/lib/frr/${program} -N ${l.name}-${name} -f $DIR/${program}.conf -u frr -g frr --log stdout`
  const node = l.namespace(name, {
    forwarding: true,
    interfaces: {
      switch0: { addresses: [`192.0.2.${index * 16 + 1}/30`] },
      switch1: { addresses: [`192.0.2.${index * 16 + 5}/30`] },
      client: { addresses: [`192.0.2.${129 + index * 4}/30`] },
    },
    files: { 'zebra.conf': `hostname ${name}\n`, 'bgpd.conf': bgp },
    exec: [`install -d -o frr -g frr /var/run/frr/${l.name}-${name}`],
    daemons: [
      { name: 'zebra', command: daemon('zebra') },
      { name: 'bgpd', command: daemon('bgpd') },
    ],
  })
  const cable = (from: Endpoint, to: Endpoint): string => l.link(from, to, { delayMs: 0.2 })
  for (const sw of [0, 1] as const) cable(rack.uplink(sw, index), node.at(`switch${sw}`))
  cable(node.at('client'), client.at(name))
}
frr(0)
frr(1)

// FRR runs in real time, beside whatever else its machine does.
const patience = { withinMs: 120_000 }
const limit = { timeoutMs: 280_000 }

l.test(
  'the client reaches a guest of the rack through FRR',
  async (t) => {
    const sessions = async (): Promise<string | undefined> =>
      (await t.info()).nodes.find(({ name }) => name === 'client')?.detail
    await t.eventually(async () => (await sessions()) === '2 of 2 BGP sessions', {
      ...patience,
      because: 'both FRR have a session with the client',
    })
    await t.eventually(() => t.pings('client', '198.51.100.20'), patience)
    await t.eventually(
      async () => (await t.exec('client', 'curl http://198.51.100.20/')).stdout.includes('web'),
      patience,
    )
  },
  limit,
)

l.test(
  'FRR has learnt the pool from both switches',
  async (t) => {
    const route = `vtysh -N ${l.name}-isp0 -c 'show bgp ipv4 unicast 198.51.100.0/24 json'`
    await t.eventually(async () => (await t.exec('isp0', route)).stdout.split('"peerId"').length >= 3, patience)
  },
  limit,
)

l.test(
  'one FRR stops where it is, and traffic goes through the other',
  async (t) => {
    await t.eventually(() => t.pings('client', '198.51.100.20'), patience)
    await t.fault({ kind: 'pause', target: 'isp0' })
    await t.fault({ kind: 'down', target: 'isp0' })
    await t.eventually(() => t.pings('client', '198.51.100.20'), patience)
  },
  limit,
)

await run(l)
