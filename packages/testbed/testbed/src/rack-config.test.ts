import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { configuredTopology } from './rack-config-topology.ts'
import { parseRackConfig, type RackConfig } from './rack-config.ts'
import { rackNetwork } from './rack-network.ts'
import { inventoryServices, withServices } from './rack-services.ts'
import { rackTopology } from './rack-topology.ts'
import { topologyErrors } from './topology.ts'

const EXAMPLE = readFileSync(new URL('../../../../examples/rack.toml', import.meta.url), 'utf8')

function example(): RackConfig {
  const result = parseRackConfig(EXAMPLE, 'rack.toml')
  assert.ok(result.ok, result.ok ? '' : result.problems.join('\n'))
  return result.config
}

/** The problems of the example after one change. */
function problemsOf(from: string | RegExp, to: string): readonly string[] {
  const text = EXAMPLE.replace(from, to)
  assert.notEqual(text, EXAMPLE, 'the example has what is changed')
  const result = parseRackConfig(text, 'rack.toml')
  assert.ok(!result.ok)
  return result.problems
}

const lineWith = (text: string): number => EXAMPLE.slice(0, EXAMPLE.indexOf(text)).split('\n').length

test('the example is what it says', () => {
  const config = example()
  assert.equal(config.dnsZone, 'rack.example')
  assert.deepEqual(config.dnsServers.map(String), ['203.0.113.53'])
  assert.equal(config.areSledsApproved, false)
  assert.equal(config.asn, 65010)
  assert.deepEqual(config.recovery, { silo: 'recovery', username: 'operator', password: 'change me' })
  assert.deepEqual(
    config.uplinks.map(
      (uplink) => `${uplink.switch} ${uplink.port} ${uplink.address} ${uplink.peer} ${uplink.peerAsn}`,
    ),
    [
      'switch0 qsfp0 192.0.2.2/30 192.0.2.1 64500',
      'switch0 qsfp1 192.0.2.10/30 192.0.2.9 64501',
      'switch1 qsfp0 192.0.2.6/30 192.0.2.5 64500',
    ],
  )
  assert.deepEqual(
    config.pools.map((pool) => `${pool.name} ${pool.prefix} ${pool.first} ${pool.last}`),
    ['default 198.51.100.0/25 198.51.100.10 198.51.100.120', 'lab 198.51.100.128/25 198.51.100.130 198.51.100.250'],
  )
})

test('each mistake is told with the file, its line and what is wrong', () => {
  const cases: readonly (readonly [from: string, to: string, line: string, message: RegExp])[] = [
    ['asn = 65010', 'asn = "65010"', 'asn = 65010', /asn is an AS number .* not "65010"/],
    ['dns_zone = "rack.example"', 'dns_zone = "Rack.example."', 'dns_zone =', /dns_zone is a domain/],
    ['["203.0.113.53"]', '["203.0.113.53", "ns"]', 'dns_servers =', /dns_servers is a list of IPv4 addresses.*"ns"/],
    ['idp_networks = []', 'idp_networks = ["10.0.0.0/40"]', 'idp_networks =', /idp_networks is a list of IP prefixes/],
    ['approve_sleds = false', 'approve_sleds = "no"', 'approve_sleds =', /approve_sleds is true or false; not "no"/],
    [
      'asn = 65010',
      'asm = 65010',
      'asn = 65010',
      /nothing here is called asm; there is dns_zone, dns_servers, idp_networks, approve_sleds, asn/,
    ],
    ['password = "change me"', '', '[recovery_silo]', /password is missing/],
    [
      'peer = "192.0.2.9"',
      'peer = "192.0.2.13"',
      'peer = "192.0.2.9"',
      /192\.0\.2\.13 is not on the link 192\.0\.2\.8\/30/,
    ],
    ['peer = "192.0.2.9"', 'peer = "192.0.2.10"', 'peer = "192.0.2.9"', /the switch's own address/],
    ['peer_asn = 64501', 'peer_asn = 65010', 'peer_asn = 64501', /the rack's own AS number/],
    ['port = "qsfp1"', 'port = "qsfp9"', 'port = "qsfp1"', /port is one of qsfp0, qsfp1; not "qsfp9"/],
    ['address = "192.0.2.10/30"', 'address = "192.0.2.300/30"', 'address = "192.0.2.10/30"', /IPv4 prefix/],
    [
      'first = "198.51.100.10"',
      'first = "198.51.100.3"',
      'first = "198.51.100.10"',
      /first is 198\.51\.100\.5 at the earliest/,
    ],
    ['last = "198.51.100.250"', 'last = "198.51.100.129"', 'last = "198.51.100.250"', /is before first/],
    ['name = "lab"', 'name = "default"', 'name = "lab"', /two pools called default/],
    [
      'prefix = "198.51.100.128/25"',
      'prefix = "198.51.100.0/24"',
      'prefix = "198.51.100.128/25"',
      /overlaps 198\.51\.100\.0\/25/,
    ],
  ]
  for (const [from, to, line, message] of cases) {
    const problems = problemsOf(from, to)
    assert.ok(
      problems.some((each) => each.startsWith(`rack.toml:${lineWith(line)}: `) && message.test(each)),
      `${to}: ${problems.join('\n')}`,
    )
  }
})

test('mistakes are told all at once, in the order of lines; what is no TOML is told where it ends to be', () => {
  const problems = problemsOf(/asn = 65010|peer_asn = 64501/g, 'asn = 0')
  assert.ok(problems.length >= 3)
  const lines = problems.map((each) => Number(each.split(':')[1]))
  assert.deepEqual(
    lines,
    lines.toSorted((a, b) => a - b),
  )
  const [broken] = problemsOf('asn = 65010', 'asn = = 1')
  assert.match(broken!, new RegExp(`^rack\\.toml:${lineWith('asn = 65010')}: `))
})

test('a switch without an uplink, two uplinks of one port and two AS numbers of one router are refused', () => {
  const third = EXAMPLE.lastIndexOf('[[uplink]]')
  assert.match(
    problemsOf(EXAMPLE.slice(third, EXAMPLE.indexOf('# External')), '').join('\n'),
    /switch1 has no \[\[uplink\]\]/,
  )
  assert.match(
    problemsOf('switch = "switch1"', 'switch = "switch0"').join('\n'),
    /qsfp0 of switch0 has an uplink already/,
  )
  const [before, after] = [EXAMPLE.slice(third), EXAMPLE.slice(third).replace('64500', '64502')]
  assert.match(problemsOf(before, after).join('\n'), /isp0 is one router: it has AS number 64500 on switch0/)
  const empty = parseRackConfig('', 'rack.toml')
  assert.ok(!empty.ok && empty.problems.length === 3)
})

test('switches, upstream routers, services and the network of the control plane are as the example says', () => {
  const config = example()
  const topology = withServices(configuredTopology(rackTopology({ sleds: 2 }), config), config.pools[0]!.prefix)
  assert.deepEqual(topologyErrors(topology), [])
  const routers = topology.nodes.filter((node) => node.kind === 'host' && node.forwarding)
  const peersOf = (name: string): string[] => {
    const router = routers.find((node) => node.name === name)
    return router?.kind === 'host' ? (router.bgp?.peers ?? []).map(({ address, asn }) => `${address} ${asn}`) : []
  }
  assert.deepEqual(peersOf('isp0').slice(0, 2), ['192.0.2.2 65010', '192.0.2.6 65010'])
  assert.deepEqual(peersOf('isp1').slice(0, 1), ['192.0.2.10 65010'])
  const network = rackNetwork(topology, config)
  assert.deepEqual(
    network.portSettings.map(({ name, bgp_peers }) => `${name} ${bgp_peers?.flatMap(({ peers }) => peers).length}`),
    ['switch0-qsfp0 1', 'switch0-qsfp1 1', 'switch1-qsfp0 1', 'switch1-qsfp1 0'],
  )
  assert.deepEqual(
    network.announceSets[0]?.announcement.map((each) => each.network),
    ['198.51.100.0/25', '198.51.100.128/25'],
  )
  assert.deepEqual(
    inventoryServices(topology).map((each) => `${each.name} ${each.externalAddress}`),
    ['dns0 198.51.100.2', 'api0 198.51.100.4', 'dns1 198.51.100.3'],
  )
})

test('keys in quotes, dotted keys and text of several lines do not lead to another line', () => {
  const cases: readonly (readonly [text: string, line: number])[] = [
    ['\n"rack" . dns_zone = "A B"\n', 2],
    ['[ "rack" ]\n\n\'asn\' = 0\n', 3],
    ['[rack]\ndns_zone = """\nasn = 1\n"""\nasn = 0\n', 5],
    ["[recovery_silo]\npassword = '''x'''\nname = 'A'\n", 3],
    ['[["uplink"]]\nswitch = "switch0"\n[[uplink]]\nport = "no"\n', 4],
  ]
  for (const [text, line] of cases) {
    const result = parseRackConfig(text, 'rack.toml')
    assert.ok(!result.ok)
    assert.ok(
      result.problems.some((each) => each.startsWith(`rack.toml:${line}: `)),
      `${text}: ${result.problems.join('; ')}`,
    )
  }
})
