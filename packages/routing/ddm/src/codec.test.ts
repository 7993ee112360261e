import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { decodeDiscovery, type DiscoveryPacket, encodeDiscovery } from './discovery-packet.ts'
import { formatExactJson, parseExactJson } from './exact-json.ts'
import { decodeSnapshot, decodeUpdate } from './exchange-message.ts'
import { effectiveTunnels } from './tunnel-set.ts'

const vectors: [string, DiscoveryPacket][] = [
  [
    '0201000573 6c656430',
    { version: 2, isSolicitation: true, isAdvertisement: false, kind: 'server', hostname: 'sled0' },
  ],
  [
    '0302010773776974636830',
    { version: 3, isSolicitation: false, isAdvertisement: true, kind: 'transit', hostname: 'switch0' },
  ],
]

for (const [hex, packet] of vectors) {
  const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  test(`discovery packet of ${packet.hostname}: bytes both ways, and no prefix of it decodes`, () => {
    assert.deepEqual(decodeDiscovery(bytes), packet)
    assert.deepEqual(encodeDiscovery(packet), bytes)
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeDiscovery(bytes.subarray(0, length)), 'truncated')
    }
    assert.deepEqual(decodeDiscovery(Uint8Array.from([...bytes, 9, 9])), packet, 'bytes after it are ignored')
  })
}

test('discovery packets that are not ours have a reason', () => {
  assert.equal(decodeDiscovery(Uint8Array.of(1, 1, 0, 1, 65)), 'bad-version')
  assert.equal(decodeDiscovery(Uint8Array.of(4, 1, 0, 1, 65)), 'bad-version')
  assert.equal(decodeDiscovery(Uint8Array.of(2, 1, 2, 1, 65)), 'bad-kind')
  assert.equal(decodeDiscovery(Uint8Array.of(2, 1, 0, 0)), 'bad-hostname')
  assert.equal(decodeDiscovery(Uint8Array.of(2, 1, 0, 1, 0xff)), 'bad-hostname')
})

test('integers of any size pass through exactly', () => {
  const text = '{"a":18446744073709551615,"b":-9223372036854775808,"c":42,"d":1.5,"e":1e400}'
  const parsed = parseExactJson(text)!.value as Record<string, unknown>
  assert.equal(parsed['a'], 18446744073709551615n)
  assert.equal(parsed['b'], -9223372036854775808n)
  assert.equal(parsed['c'], 42)
  assert.equal(parsed['d'], 1.5)
  assert.equal(
    formatExactJson({ a: parsed['a'], b: parsed['b'], c: 42 }),
    '{"a":18446744073709551615,"b":-9223372036854775808,"c":42}',
  )
  assert.equal(parseExactJson('{"a":'), undefined)
})

const badUpdates: [string, string][] = [
  ['not JSON', '{'],
  ['the update is not an object', '[]'],
  ['underlay is not an object', '{"underlay":[]}'],
  ['underlay.withdraw is not an array', '{"underlay":{"announce":[]}}'],
  ['a path vector is not an object', '{"underlay":{"announce":[1],"withdraw":[]}}'],
  ['destination is not a prefix', '{"underlay":{"announce":[{"destination":"x","path":["a"]}],"withdraw":[]}}'],
  [
    'destination 10.0.0.0/8 is not IPv6',
    '{"underlay":{"announce":[{"destination":"10.0.0.0/8","path":["a"]}],"withdraw":[]}}',
  ],
  ['a path of 0 routers', '{"underlay":{"announce":[{"destination":"fd00::/64","path":[]}],"withdraw":[]}}'],
  [
    'path has an entry that is not a name',
    '{"underlay":{"announce":[{"destination":"fd00::/64","path":[1]}],"withdraw":[]}}',
  ],
  [
    'boundary_addr is not an IPv6 address',
    '{"tunnel":{"announce":[{"overlay_prefix":"::/0","boundary_addr":"1.2.3.4","vni":1}],"withdraw":[]}}',
  ],
  [
    'vni is not 24 bits',
    '{"tunnel":{"announce":[{"overlay_prefix":"::/0","boundary_addr":"::1","vni":16777216}],"withdraw":[]}}',
  ],
  [
    'metric is not an unsigned 64-bit number',
    '{"tunnel":{"announce":[{"overlay_prefix":"::/0","boundary_addr":"::1","vni":1,"metric":18446744073709551616}],"withdraw":[]}}',
  ],
]
for (const [reason, text] of badUpdates) {
  test(`a push is refused because: ${reason}`, () => {
    assert.deepEqual(decodeUpdate(text, 3), { ok: false, reason })
  })
}

test('an absent metric is 0, absent lists are empty, host bits are cleared', () => {
  const decoded = decodeSnapshot(
    '{"underlay":null,"tunnel":[{"overlay_prefix":"10.1.2.3/8","boundary_addr":"::1","vni":99}]}',
    3,
  )
  assert.ok(decoded.ok)
  assert.deepEqual(decoded.value, {
    underlay: [],
    tunnel: [{ overlayPrefix: Prefix.of('10.0.0.0/8'), boundaryAddress: Ip.of('::1'), vni: 99, metric: 0n }],
  })
})

test('the effective set has each endpoint once; metric 0 counts only where nothing else does', () => {
  const origin = (overlay: string, boundary: string, metric: bigint) => ({
    overlayPrefix: Prefix.of(overlay),
    boundaryAddress: Ip.of(boundary),
    vni: 99,
    metric,
  })
  const result = effectiveTunnels([
    origin('0.0.0.0/0', '::1', 0n),
    origin('0.0.0.0/0', '::1', 5n),
    origin('0.0.0.0/0', '::1', 6n),
    origin('0.0.0.0/0', '::2', 0n),
    origin('::/0', '::2', 0n),
  ])
  assert.deepEqual(
    result.map(({ overlayPrefix, boundaryAddress }) => `${overlayPrefix} ${boundaryAddress}`),
    ['0.0.0.0/0 ::1', '::/0 ::2'],
  )
})

test('objects where text belongs are refused, also those that cannot be turned into text', () => {
  for (const odd of ['{"toString":1}', '[]', 'null', '1', '{"__proto__":null}']) {
    const vector = `{"underlay":[{"destination":{"addr":${odd},"len":${odd}},"path":["a"]}]}`
    assert.deepEqual(decodeSnapshot(vector, 2), { ok: false, reason: 'destination is not a prefix' })
    const origin = `{"tunnel":[{"overlay_prefix":"::/0","boundary_addr":${odd},"vni":1}]}`
    assert.deepEqual(decodeSnapshot(origin, 3), { ok: false, reason: 'boundary_addr is not an IPv6 address' })
    assert.equal(decodeSnapshot(`{"underlay":[{"destination":"::/0","path":[${odd}]}]}`, 3).ok, false)
  }
})

test('nesting and digits beyond reason are refused in bounded time', () => {
  assert.deepEqual(decodeUpdate('['.repeat(1_000_000), 3), { ok: false, reason: 'not JSON' })
  const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`
  assert.equal(decodeUpdate(deep, 3).ok, false)
  const digits = '9'.repeat(2_000_000)
  assert.deepEqual(
    decodeSnapshot(`{"tunnel":[{"overlay_prefix":"::/0","boundary_addr":"::1","vni":1,"metric":${digits}}]}`, 3),
    { ok: false, reason: 'metric is not an unsigned 64-bit number' },
  )
})
