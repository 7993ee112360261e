/** Laboratories as data: YAML there and back, import, differences, cutting, manifests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap, Pod, Service } from 'kubernetes-models/v1'
import { parseCaptureFilter } from '../control/capture-filter.ts'
import { fromContainerlab, fromYaml, lab, plan, planText, toYaml } from '../index.ts'
import { cutDocument, parseParts } from './cut.ts'
import { kubernetesManifests } from './kubernetes.ts'

function rich() {
  const l = lab('rich')
  l.profile('mine', { delayMs: 3, lossModel: { kind: 'gilbert-elliott', toBad: 0.01, toGood: 0.5 } }, 'a bad day')
  const left = l.host('left', { address: '10.0.0.1/24', gateway: '10.0.0.254' })
  const right = l.router('right', {
    address: '10.0.0.2/24',
    bgp: { asn: 65001, peers: [{ address: '10.0.0.1', asn: 65002 }] },
  })
  const sw = l.switch('sw', { program: 'hub', multicast: { 1: [1, 2] } })
  l.link(left, sw, 'mine')
  l.link(right, sw, { profile: 'wan', aToB: { loss: 0.1 }, mtuBytes: 9000, groups: ['far'] })
  l.rack('rack', { sleds: 1 })
  l.at(1000, { kind: 'flap', target: 'far', downMs: 10, upMs: 10, times: 3 })
  return l
}

test('a document survives YAML, and says what is wrong with a bad one', () => {
  const document = rich().document()
  const back = fromYaml(toYaml(document))
  assert.ok(back.ok, JSON.stringify(back))
  assert.deepEqual(back.document, document)
  const bad = fromYaml('name: x\nnodes:\n  a: { kind: host, colour: red }\nlinks:\n  l: { a: nowhere, b: "a:eth0" }\n')
  assert.ok(!bad.ok)
  assert.match(bad.problems.join('; '), /nodes\.a.*colour/)
  assert.match(bad.problems.join('; '), /links\.l\.a: an end is NODE:PORT/)
})

test('a plan names what changes and how: live, by a restart, or as a whole', () => {
  const before = rich().document()
  assert.deepEqual(plan(before, rich().document()), [])
  const l = rich()
  l.profile('mine', { delayMs: 4 })
  assert.equal(planText(plan(before, l.document())), '~ link left-sw: profile mine')
  const after = structuredClone(before)
  delete after.nodes['left']
  delete after.links['left-sw']
  after.nodes['right'] = { ...after.nodes['right']!, kind: 'host', forwarding: false } as (typeof after.nodes)[string]
  assert.equal(
    planText(plan(before, after)),
    '- link left-sw (left:eth0 ↔ sw:1)\n- node left (host)\n! node right starts anew: forwarding changed',
  )
  const grown = structuredClone(before)
  grown.nodes['rack'] = { ...grown.nodes['rack']!, sleds: 2 } as (typeof grown.nodes)[string]
  assert.equal(planText(plan(before, grown)), '! everything starts anew: sleds of rack changes')
})

test('containerlab: Linux nodes become namespaces; what cannot be done is refused or said', () => {
  const imported = fromContainerlab(`
name: Lab_1
mgmt: { network: custom }
topology:
  defaults: { kind: linux }
  groups: { core: { exec: [ "ip link set lo up" ] } }
  nodes:
    r1: { image: "frr:9", group: core, binds: [ "a:b" ], exec: [ "ip addr add 10.0.0.1/24 dev eth1" ], env: { A: "1" } }
    r2: { exec: [ "ip addr add 10.0.0.2/24 dev eth1" ] }
  links:
    - endpoints: [ "r1:eth1", "r2:eth1" ]
      mtu: 9000
      labels: { a: b }
    - type: veth
      endpoints: [ { node: r1, interface: eth2, mac: "02:00:00:00:00:01" }, { node: r2, interface: eth2 } ]
`)
  assert.ok(imported.ok, JSON.stringify(imported))
  const { document, notes } = imported
  assert.equal(document.name, 'lab-1')
  assert.deepEqual(Object.keys(document.links), ['r1-r2', 'r1-r2-2'])
  const r1 = document.nodes['r1']!
  assert.ok(r1.kind === 'namespace')
  assert.deepEqual(r1.exec, [`export A='1'; ip link set lo up`, `export A='1'; ip addr add 10.0.0.1/24 dev eth1`])
  assert.equal(r1.interfaces['eth1']!.mtuBytes, 9000)
  assert.equal(r1.interfaces['eth2']!.mac, '02:00:00:00:00:01')
  assert.deepEqual(notes, [
    'the file: mgmt ignored',
    'r1: the image frr:9 is not used; commands are those of this machine',
    'r1: binds ignored',
    'link 1: labels ignored',
  ])
  const refused = fromContainerlab(
    'name: x\ntopology: { nodes: { a: { kind: nokia_srlinux } }, links: [ { type: macvlan, endpoint: { node: a, interface: e } } ] }',
  )
  assert.ok(!refused.ok)
  assert.match(refused.problems.join('; '), /nokia_srlinux: only linux.*only links between two nodes/)
})

test('a cut makes two tunnels of a link and shapes each frame once', () => {
  const parts = parseParts(['one=left,sw', 'two=right,rack'])
  assert.ok(parts.ok)
  const cut = cutDocument(rich().document(), parts.value, { kind: 'loopback', basePort: 42_000 })
  assert.ok(cut.ok, JSON.stringify(cut))
  const [one, two] = cut.parts
  assert.deepEqual(Object.keys(one!.document.nodes), ['left', 'sw', 'tunnel-1'])
  assert.deepEqual(Object.keys(two!.document.links), ['right-sw'])
  const half = two!.document.links['right-sw']!
  assert.equal(half.aToB!.loss, 0.1)
  assert.equal(half.bToA, undefined)
  assert.equal(one!.document.links['right-sw']!.aToB!.loss, undefined, 'the way back has its own')
  const attach = (document: typeof half extends never ? never : NonNullable<typeof one>['document']) => {
    const node = document.nodes['tunnel-1']!
    assert.ok(node.kind === 'external' && node.attach.type === 'udp')
    return node.attach
  }
  assert.equal(attach(one!.document).listen.port, attach(two!.document).peer.port)
  assert.equal(attach(two!.document).listen.port, attach(one!.document).peer.port)
  const streams = cutDocument(rich().document(), parts.value, { kind: 'loopback', basePort: 42_000 }, 'tcp')
  assert.ok(streams.ok)
  const ends = streams.parts.map((part) => {
    const node = part.document.nodes['tunnel-1']!
    assert.ok(node.kind === 'external' && node.attach.type === 'tcp')
    return node.attach
  })
  assert.deepEqual(new Set(ends.map(({ role }) => role)), new Set(['listen', 'connect']))
  assert.equal(ends[0]!.port, ends[1]!.port)
  assert.equal(streams.parts.flatMap(({ ports }) => ports).length, 1, 'only one side is reached by the other')
  const missing = cutDocument(rich().document(), parts.value.slice(1), { kind: 'services' })
  assert.ok(!missing.ok && /in no part: left, sw/.test(missing.message))
})

for (const transport of ['udp', 'tcp'] as const) {
  test(`manifests with ${transport} tunnels are what Kubernetes’ schemas want`, () => {
    const parts = parseParts(['one=left,sw', 'two=right,rack'])
    assert.ok(parts.ok)
    const cut = cutDocument(rich().document(), parts.value, { kind: 'services' }, transport)
    assert.ok(cut.ok)
    const manifests = kubernetesManifests('rich', cut.parts, { image: 'registry.example/lode:1', namespace: 'labs' })
    const models = { ConfigMap, Pod, Service } as const
    for (const manifest of manifests) {
      const Model = models[manifest['kind'] as keyof typeof models]
      new Model(structuredClone(manifest) as never).validate() // throws with the schema's complaint
    }
    assert.equal(manifests.length, 6)
    assert.throws(() =>
      new Pod({ ...structuredClone(manifests[1]!), spec: { containers: 'none' } } as never).validate(),
    )
    const text = (manifests[0]!['data'] as Record<string, string>)['lab.yaml']!
    assert.ok(fromYaml(text).ok, 'and the pod can read its part')
    assert.match(JSON.stringify(manifests), new RegExp(`"protocol":"${transport.toUpperCase()}"`))
  })
}

test('capture filters say what is wrong with them', () => {
  for (const [text, message] of [
    ['tcp port 80', /expected "and", "or" or the end before "port"/],
    ['(tcp', /a \( has no \)/],
    ['host nowhere', /no address and no prefix/],
    ['port http', /is not a port/],
    ['ipv4.ttl', /after ipv4.ttl comes one of/],
    ['teepee', /there is no header "teepee"/],
  ] as const) {
    const result = parseCaptureFilter(text)
    assert.ok(!result.ok, text)
    assert.match(result.message, message)
  }
  assert.deepEqual(parseCaptureFilter('  '), { ok: true })
})

test('capture filters look into headers at any depth', () => {
  const frame = new Uint8Array(64)
  frame.set([0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, 0, 46])
  frame.set([5, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x10, 0, 0, 53, 0, 26], 22)
  const header = frame.subarray(14, 34)
  let sum = 0
  for (let i = 0; i < 20; i += 2) sum += (header[i]! << 8) | header[i + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  header[10] = (~sum >>> 8) & 0xff
  header[11] = ~sum & 0xff
  const matches = (text: string): boolean => {
    const result = parseCaptureFilter(text)
    assert.ok(result.ok, JSON.stringify(result))
    return result.matches!(frame)
  }
  for (const text of [
    'udp',
    'ip and udp port 53'.replace('udp port', 'port'),
    'src host 10.0.0.1',
    'dst net 10.0.0.0/8',
    'ipv4.ttl < 6',
    'ether host 02:00:00:00:00:01',
    'ether proto 0x0800',
    'not tcp',
    'tcp or dst port 53',
    'not (tcp or arp)',
    'greater 64',
  ]) {
    assert.ok(matches(text), text)
  }
  for (const text of [
    'tcp',
    'src host 10.0.0.2',
    'port 80',
    'ipv4.ttl = 6',
    'ether proto 0x8624',
    'less 60',
    'udp and not ip',
  ]) {
    assert.equal(matches(text), false, text)
  }
})
