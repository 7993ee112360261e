import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from '@lodestone/net'
import { AttributeSet, Origin } from './attribute-set.ts'
import { Community } from './community.ts'
import { hex, MARKER, toHex } from './hex.fixture.ts'
import {
  checkHeader,
  decodeMessage,
  encodeMessage,
  HEADER_BYTES,
  type Message,
  type RawMessage,
  type ReceivedMessage,
} from './message.ts'
import { MessageStream } from './message-stream.ts'
import type { DecodeContext } from './path-attribute.ts'
import type { UpdateMessage } from './update-message.ts'

const CONTEXT: DecodeContext = { isFourOctetAs: true, isExternal: false }

function raw(bytes: Uint8Array): RawMessage {
  return { type: bytes[18]!, body: bytes.subarray(HEADER_BYTES), bytes }
}

function decoded(bytes: Uint8Array, context = CONTEXT): ReceivedMessage {
  assert.equal(checkHeader(bytes, 0), bytes.length)
  const result = decodeMessage(raw(bytes), context)
  assert.ok(result.ok, result.ok ? '' : result.error.sentence)
  return result.value
}

const NOTHING: UpdateMessage = {
  kind: 'update',
  attributes: undefined,
  ipv4: undefined,
  mpReach: undefined,
  withdrawnIpv4: [],
  mpUnreach: undefined,
}

const vectors: [string, string, Message][] = [
  ['KEEPALIVE', `${MARKER} 0013 04`, { kind: 'keepalive' }],
  [
    'NOTIFICATION cease, administrative shutdown, with text',
    `${MARKER} 0018 03 06 02 02 6869`,
    { kind: 'notification', code: 6, subcode: 2, data: hex('02 6869') },
  ],
  ['ROUTE-REFRESH IPv6 unicast', `${MARKER} 0017 05 0002 00 01`, { kind: 'route-refresh', family: 6, subtype: 0 }],
  [
    'OPEN with multiprotocol, route refresh, four-octet AS and extended next hop',
    `${MARKER} 0041 01
     04 5ba0 005a cb007101        # version 4, AS_TRANS, 90 s, 203.0.113.1
     24 02 22                     # one parameter with all capabilities
     01 04 0001 00 01             # IPv4 unicast
     01 04 0002 00 01             # IPv6 unicast
     02 00                        # route refresh
     41 04 fa56ea00               # AS 4200000000
     05 06 0001 0001 0002         # IPv4 over IPv6 next hops
     49 04 01 61 01 62            # FQDN: kept as bytes`,
    {
      kind: 'open',
      version: 4,
      myAs: 23456,
      holdTimeS: 90,
      bgpIdentifier: 0xcb007101,
      capabilities: [
        { kind: 'multiprotocol', family: 4 },
        { kind: 'multiprotocol', family: 6 },
        { kind: 'route-refresh' },
        { kind: 'four-octet-as', asn: 4_200_000_000 },
        { kind: 'extended-next-hop', ipv4OverIpv6: true },
        { kind: 'other', code: 73, value: hex('01 61 01 62') },
      ],
    },
  ],
  [
    'UPDATE that withdraws 10.0.0.0/8 and 192.0.2.128/25',
    `${MARKER} 001e 02 0007 08 0a 19 c0000280 0000`,
    { ...NOTHING, withdrawnIpv4: [Prefix.of('10.0.0.0/8'), Prefix.of('192.0.2.128/25')] },
  ],
  [
    'UPDATE that announces two IPv4 prefixes with every attribute we know',
    `${MARKER} 0076 02 0000
     005a
     40 01 01 00                          # ORIGIN IGP
     40 02 10 02 02 0000fc00 0000fde9     # AS_PATH 64512 65001
              01 01 00001000              #   {4096}
     40 03 04 cb007101                    # NEXT_HOP
     80 04 04 00000064                    # MED 100
     40 05 04 000000c8                    # LOCAL_PREF 200
     40 06 00                             # ATOMIC_AGGREGATE
     c0 07 08 0000fde9 0a000001           # AGGREGATOR
     c0 08 08 fde90064 ffffff01           # 65001:100 NO_EXPORT
     c0 20 0c 0000fde9 00000001 00000002  # large community
     e0 63 03 010203                      # unknown, optional transitive partial
     18 cb0072
     00`,
    {
      ...NOTHING,
      attributes: AttributeSet.of({
        origin: Origin.igp,
        asPath: [
          { kind: 'sequence', asns: [64512, 65001] },
          { kind: 'set', asns: [4096] },
        ],
        med: 100,
        localPref: 200,
        isAtomicAggregate: true,
        aggregator: { asn: 65001, address: Ip.of('10.0.0.1') },
        communities: [Community.noExport, (65001 << 16) | 100].map((value) => value >>> 0),
        largeCommunities: hex('0000fde9 00000001 00000002'),
        unknown: [{ type: 99, value: hex('010203') }],
      }),
      ipv4: {
        family: 4,
        nextHop: Ip.of('203.0.113.1'),
        prefixes: [Prefix.of('203.0.114.0/24'), Prefix.of('0.0.0.0/0')],
      },
    },
  ],
  [
    'UPDATE that announces and withdraws IPv6 prefixes',
    `${MARKER} 0065 02 0000 004e
     80 0f 0a 0002 01 30 20010db80001            # MP_UNREACH 2001:db8:1::/48
     80 0e 31 0002 01                            # MP_REACH
        20 20010db8000000000000000000000001 fe800000000000000000000000000001
        00 20 20010db8 30 20010db80002
     40 01 01 02
     40 02 06 02 01 0000fc00`,
    {
      ...NOTHING,
      attributes: AttributeSet.of({ origin: Origin.incomplete, asPath: [{ kind: 'sequence', asns: [64512] }] }),
      mpReach: {
        family: 6,
        nextHop: Ip.of('2001:db8::1'),
        linkLocalNextHop: Ip.of('fe80::1'),
        prefixes: [Prefix.of('2001:db8::/32'), Prefix.of('2001:db8:2::/48')],
      },
      mpUnreach: { family: 6, prefixes: [Prefix.of('2001:db8:1::/48')] },
    },
  ],
]

for (const [name, text, message] of vectors) {
  const bytes = hex(text)
  test(`${name}: bytes to message and back`, () => {
    const value = decoded(bytes)
    if (value.kind === 'update' && message.kind === 'update') {
      assert.deepEqual(value.errors, [])
      assert.deepEqual(value.update, message)
      assert.equal(value.update.attributes, message.attributes, 'attribute sets are interned')
    } else assert.deepEqual(value, message)
    assert.equal(toHex(encodeMessage(message)), toHex(bytes))
  })

  test(`${name}: cut off anywhere, nothing throws and the stream waits for the rest`, () => {
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(checkHeader(bytes.subarray(0, length), 0), length < HEADER_BYTES ? 0 : bytes.length)
      const cut = bytes.slice(0, Math.max(HEADER_BYTES, length))
      new DataView(cut.buffer).setUint16(16, cut.length)
      const header = checkHeader(cut, 0)
      if (typeof header !== 'number') continue
      decodeMessage(raw(cut), CONTEXT)
      decodeMessage(raw(cut), { isFourOctetAs: false, isExternal: true })
    }
  })

  test(`${name}: whatever the chunks, the stream finds the message`, () => {
    for (const size of [1, 2, 7, 18, 19, 20, 64]) {
      const stream = new MessageStream()
      const found: string[] = []
      const twice = hex(`${text}\n${text}`)
      for (let i = 0; i < twice.length; i += size) {
        const error = stream.push(twice.subarray(i, i + size), (message) => {
          found.push(toHex(message.bytes))
          return true
        })
        assert.equal(error, undefined)
      }
      assert.deepEqual(found, [toHex(bytes), toHex(bytes)])
    }
  })
}

test('a two-octet speaker gets AS_TRANS and AS4 attributes, and what it sends is put together again', () => {
  const old: DecodeContext = { isFourOctetAs: false, isExternal: true }
  const attributes = AttributeSet.of({
    origin: Origin.igp,
    asPath: [{ kind: 'sequence', asns: [64512, 4_200_000_001, 65001] }],
    aggregator: { asn: 4_200_000_001, address: Ip.of('10.0.0.1') },
  })
  const update: UpdateMessage = {
    ...NOTHING,
    attributes,
    ipv4: { family: 4, nextHop: Ip.of('203.0.113.1'), prefixes: [Prefix.of('10.0.0.0/8')] },
  }
  const bytes = encodeMessage(update, { isFourOctetAs: false })
  assert.ok(toHex(bytes).includes('0203fc005ba0fde9'), 'AS_PATH 64512 AS_TRANS 65001')
  const back = decoded(bytes, old)
  assert.ok(back.kind === 'update')
  assert.equal(back.update.attributes, attributes)
})

test('an old speaker that prepended to AS4_PATH keeps what it prepended', () => {
  // AS_PATH 100 200 23456 with AS4_PATH 200 4200000000 (100 did not know four-octet numbers).
  const bytes = hex(`${MARKER} 0042 02 0000 0027
    40 01 01 00
    40 02 08 02 03 0064 00c8 5ba0
    40 03 04 cb007101
    c0 11 0a 02 02 000000c8 fa56ea00
    08 0a`)
  new DataView(bytes.buffer).setUint16(16, bytes.length)
  new DataView(bytes.buffer).setUint16(21, bytes.length - 23 - 2)
  const value = decoded(bytes, { isFourOctetAs: false, isExternal: true })
  assert.ok(value.kind === 'update')
  assert.equal(value.update.attributes?.asPathText, '100 200 4200000000')
})

test('equal attribute sets are one object, different ones are not', () => {
  const path = [{ kind: 'sequence', asns: [1, 2] }] as const
  const a = AttributeSet.of({ origin: 0, asPath: path, communities: [2, 1, 2] })
  assert.equal(a, AttributeSet.of({ origin: 0, asPath: [{ kind: 'sequence', asns: [1, 2] }], communities: [1, 2] }))
  assert.notEqual(a, a.with({ med: 0 }))
  assert.notEqual(a.with({ med: 0 }), a.with({ localPref: 0 }))
  assert.notEqual(a.with({ extendedCommunities: hex('0000000000000000') }), a)
  assert.equal(a.with({ med: 0 }).with({ med: undefined }), a)
})
