/** The option codecs of TCP, NDP and DHCP. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeTcpOptions,
  Dhcp6Option,
  dhcp6Options,
  Dhcp6Type,
  dhcpOptionsWireLength,
  encodeTcpOptions,
  findTcpOption,
  type NdpOption,
  ndpOptionsWireLength,
  linkLayerDuid,
  readDhcp6,
  readDhcp6Options,
  readDhcpOptions,
  readNdpOptions,
  type TcpOptions,
  TcpOptionKind,
  writeDhcp6,
  writeDhcpOptions,
  writeNdpOptions,
  writeTcp,
} from './index.ts'

function decoded(options: Uint8Array): TcpOptions {
  const bytes = new Uint8Array(60)
  writeTcp(bytes, 0, { options })
  return decodeTcpOptions(bytes, 0)
}

test('the SYN options that Linux sends are read', () => {
  const linux = Uint8Array.of(2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7)
  const options = { mss: 1460, sackPermitted: true, timestamps: { value: 1, echo: 0 }, windowScale: 7 }
  assert.deepEqual(decoded(linux), options)
  assert.deepEqual(encodeTcpOptions(options), linux)
})

test('TCP options are a round trip', () => {
  const word = fc.integer({ min: 0, max: 0xffffffff })
  const options = fc.record(
    {
      mss: fc.integer({ min: 0, max: 65535 }),
      windowScale: fc.integer({ min: 0, max: 14 }),
      sackPermitted: fc.constant(true),
      timestamps: fc.record({ value: word, echo: word }, { noNullPrototype: true }),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  fc.assert(fc.property(options, (some) => assert.deepEqual(decoded(encodeTcpOptions(some)), some)))
  const blocks = fc.array(fc.tuple(word, word), { minLength: 1, maxLength: 3 }).map((pairs) => pairs.flat())
  fc.assert(
    fc.property(blocks, fc.record({ value: word, echo: word }, { noNullPrototype: true }), (sack, timestamps) => {
      assert.deepEqual(decoded(encodeTcpOptions({ sack, timestamps })), { sack, timestamps })
    }),
  )
  assert.throws(() => encodeTcpOptions({ mss: 1, windowScale: 1, sack: [1, 2, 3, 4, 5, 6, 7, 8] }), RangeError)
})

test('damaged TCP options end the walk without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(9), (options, kind) => {
      const bytes = new Uint8Array(60)
      const length = writeTcp(bytes, 0, { options })
      decodeTcpOptions(bytes, 0)
      const at = findTcpOption(bytes, 0, kind)
      assert.ok(at === -1 || (at >= 20 && at < length && bytes[at] === kind))
    }),
  )
  assert.deepEqual(decoded(Uint8Array.of(2, 4, 5, 0xb4, 8, 0, 0, 0)), { mss: 1460 })
  assert.deepEqual(decoded(Uint8Array.of(1, 1, 2, 40)), {})
})

test('an option is found in place', () => {
  const bytes = new Uint8Array(60)
  writeTcp(bytes, 0, { options: encodeTcpOptions({ sackPermitted: true, mss: 9000, windowScale: 2 }) })
  assert.equal(findTcpOption(bytes, 0, TcpOptionKind.mss), 20)
  assert.equal(findTcpOption(bytes, 0, TcpOptionKind.timestamps), -1)
  assert.equal(bytes[findTcpOption(bytes, 0, TcpOptionKind.windowScale) + 2], 2)
})

test('NDP options are a round trip', () => {
  const options: NdpOption[] = [
    { kind: 'sourceLinkLayer', mac: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    { kind: 'targetLinkLayer', mac: Uint8Array.of(6, 5, 4, 3, 2, 1) },
    { kind: 'mtu', mtu: 9000 },
    {
      kind: 'prefix',
      prefix: Uint8Array.from({ length: 16 }, (_, i) => i),
      prefixLength: 64,
      isOnLink: true,
      isAutonomous: false,
      validLifetimeS: 0xffffffff,
      preferredLifetimeS: 600,
    },
    { kind: 'rdnss', lifetimeS: 9, servers: [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)] },
    { kind: 'other', type: 200, data: new Uint8Array(14).fill(7) },
  ]
  const bytes = new Uint8Array(200)
  const length = writeNdpOptions(bytes, 3, options)
  assert.equal(length, 8 + 8 + 8 + 32 + 40 + 16)
  assert.equal(ndpOptionsWireLength(options), length)
  assert.deepEqual(readNdpOptions(bytes, 3, 3 + length), options)
  assert.throws(() => writeNdpOptions(new Uint8Array(length - 1), 0, options), RangeError)
})

test('an NDP option of length 0, or past the end, makes the message invalid', () => {
  assert.equal(readNdpOptions(new Uint8Array(8), 0, 8), undefined)
  assert.equal(readNdpOptions(Uint8Array.of(1, 2, 0, 0, 0, 0, 0, 0), 0, 8), undefined)
  assert.deepEqual(readNdpOptions(new Uint8Array(0), 0, 0), [])
})

test('DHCP options are a round trip, split where they exceed 255 bytes', () => {
  const long = Uint8Array.from({ length: 600 }, (_, i) => i & 0xff)
  const options = new Map([
    [53, Uint8Array.of(1)],
    [119, long],
    [80, new Uint8Array(0)],
  ])
  const bytes = new Uint8Array(700)
  const length = writeDhcpOptions(bytes, 0, options)
  assert.equal(length, 3 + (600 + 6) + 2 + 1)
  assert.equal(dhcpOptionsWireLength(options), length)
  assert.deepEqual(readDhcpOptions(bytes, 0, 700), options)
  assert.throws(() => writeDhcpOptions(new Uint8Array(length - 1), 0, options), RangeError)
})

test('DHCP options that run past the end are malformed; a missing end option is not', () => {
  assert.equal(readDhcpOptions(Uint8Array.of(53), 0, 1), undefined)
  assert.equal(readDhcpOptions(Uint8Array.of(53, 2, 1), 0, 3), undefined)
  assert.deepEqual(readDhcpOptions(Uint8Array.of(0, 0, 53, 1, 5, 0), 0, 6), new Map([[53, Uint8Array.of(5)]]))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void readDhcpOptions(bytes, 0, bytes.length)))
})

test('a DHCPv6 message comes back with all options of a code, and cut anywhere it has fewer or is none', () => {
  const address = dhcp6Options([[Dhcp6Option.iaAddress, new Uint8Array(24).fill(7)]])
  const message = writeDhcp6(Dhcp6Type.reply, 0xabcdef, [
    [Dhcp6Option.clientId, linkLayerDuid([2, 0, 0, 0, 0, 1])],
    [Dhcp6Option.iaNa, [0, 0, 0, 1, ...new Uint8Array(8), ...address]],
    [Dhcp6Option.iaNa, [0, 0, 0, 2, ...new Uint8Array(8)]],
    [Dhcp6Option.rapidCommit, []],
  ])
  const whole = readDhcp6(message, 0, message.length)!
  assert.deepEqual([whole.type, whole.transaction], [7, 0xabcdef])
  assert.deepEqual(whole.options.get(Dhcp6Option.clientId), [Uint8Array.of(0, 3, 0, 1, 2, 0, 0, 0, 0, 1)])
  assert.equal(whole.options.get(Dhcp6Option.iaNa)!.length, 2)
  const first = whole.options.get(Dhcp6Option.iaNa)![0]!
  assert.deepEqual(readDhcp6Options(first, 12, first.length)!.get(Dhcp6Option.iaAddress)![0]![0], 7)
  const ends = new Set([4, 18, 62, 78, message.length])
  for (let end = 0; end <= message.length; end++) {
    assert.equal(readDhcp6(message, 0, end) !== undefined, ends.has(end), `cut to ${end}`)
  }
})
