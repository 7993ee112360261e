/**
 * Messages that other projects publish to test decoders with: bytes of tcpdump's captures (`tests/bgp-*.pcap`) and of ExaBGP's encoding tests
 * (`qa/encoding/*.ci`), each beside what both those projects and we say it is. Repeated here byte by byte; the names say where they come from.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeCapability } from './capability.ts'
import { formatCommunity, formatExtendedCommunities, formatLargeCommunities } from './community.ts'
import { hex, MARKER } from './hex.fixture.ts'
import { decodeMessage, encodeMessage, type Message } from './message.ts'
import type { DecodeContext } from './path-attribute.ts'
import type { UpdateMessage } from './update-message.ts'

interface Vector {
  readonly from: string
  /** From the length on. */
  readonly bytes: string
  readonly context?: Partial<DecodeContext>
  readonly says: string
  /** What we write is not byte for byte this: our order of attributes, flags, or capabilities in one parameter. */
  readonly isWrittenOtherwise?: true
}

const EXTERNAL = { isExternal: true } as const
const TWO_OCTETS = { isFourOctetAs: false, isExternal: true } as const
const FIVE = '1.1.1.1/32 2.2.2.2/32 3.3.3.3/32 4.4.4.4/32 5.5.5.5/32'

const VECTORS: readonly Vector[] = [
  {
    from: 'tcpdump bgp-4byte-asn, an OPEN of AS 42180.18002',
    bytes: '0037 01 04 5ba0 00b4 00000101 1a 02 18 010400010001 0200 4002c12c 4104a4c46652 450400010101',
    says: 'open AS 23456 id 257 hold 180: multiprotocol ipv4-unicast, route-refresh, graceful-restart 300 s, restarting, four-octet-as 2764334674, add-path ipv4 receive',
  },
  {
    from: 'tcpdump bgp-4byte-asn, two octets with AS4_PATH',
    bytes: `005f 02 0000 002f 40010102 40020c 0205 00c8 0001 5ba0 5ba0 5ba0 400304 01000202
      e01112 0204 00000001 0003640e 00051615 fffffffa
      20 04040404 20 05050505 20 01010101 20 02020202 20 03030303`,
    context: TWO_OCTETS,
    says: `4.4.4.4/32 5.5.5.5/32 1.1.1.1/32 2.2.2.2/32 3.3.3.3/32 via 1.0.2.2 incomplete path 200 1 222222 333333 4294967290`,
    isWrittenOtherwise: true,
  },
  {
    from: 'tcpdump bgp-4byte-asn, the same table in four octets',
    bytes: `0058 02 0000 0028 40010102 40021a 0206 a4c46652 000000c8 00000001 0003640e 00051615 fffffffa 400304 01000301
      20 01010101 20 02020202 20 03030303 20 04040404 20 05050505`,
    context: EXTERNAL,
    says: `${FIVE} via 1.0.3.1 incomplete path 2764334674 200 1 222222 333333 4294967290`,
  },
  {
    from: 'tcpdump bgp-4byte-asn, a withdrawal',
    bytes: '0030 02 0019 20 05050505 20 01010101 20 02020202 20 03030303 20 04040404 0000',
    says: 'withdrawn 5.5.5.5/32 1.1.1.1/32 2.2.2.2/32 3.3.3.3/32 4.4.4.4/32',
  },
  {
    from: 'tcpdump bgp-large-community, the largest values',
    bytes: `004b 02 0000 002f 40010100 400206 0201 00010000 400304 c0000202
      c02018 0000ffff 00000001 00000001 ffffffff ffffffff ffffffff 20 cb007110`,
    context: EXTERNAL,
    says: '203.0.113.16/32 via 192.0.2.2 igp path 65536 large 65535:1:1 4294967295:4294967295:4294967295',
  },
  {
    from: 'tcpdump bgp-large-community, zeros within',
    bytes: `004b 02 0000 002f 40010100 400206 0201 00010000 400304 c0000202
      c02018 00010000 00000000 00000001 00010000 00000001 00000000 20 cb00710f`,
    context: EXTERNAL,
    says: '203.0.113.15/32 via 192.0.2.2 igp path 65536 large 65536:0:1 65536:1:0',
  },
  {
    from: 'tcpdump mpbgp-linklocal-nexthop',
    bytes: `005a 02 0000 0043 40010102 400204 0201 0001 400304 00000000
      800e2e 0002 01 20 deadbeef000000000000000000000001 fe80000000000000000001fffe010000 00 40 0004000500000000`,
    context: TWO_OCTETS,
    says: '4:5::/64 via dead:beef::1 and fe80::1ff:fe01:0 incomplete path 1',
    isWrittenOtherwise: true,
  },
  {
    from: 'tcpdump bgp-cease-hard-reset, the OPEN',
    bytes: '0031 01 04 0064 0e10 01000101 14 0208 4006403c00010180 0208 0200 0104 00010001',
    says: 'open AS 100 id 16777473 hold 3600: graceful-restart 60 s, route-refresh, multiprotocol ipv4-unicast',
  },
  {
    from: 'tcpdump bgp-cease-hard-reset, the NOTIFICATION',
    bytes: '0017 03 06 09 0603',
    says: 'notification 6/9 0603',
  },
  { from: 'tcpdump bgp-bfd-cease', bytes: '0015 03 06 0a', says: 'notification 6/10 ' },
  {
    from: 'tcpdump bgp-shutdown-msg-variations, more than it says',
    bytes: '0029 03 06 04 0a 30313233343536373839 457874726144617461',
    says: 'notification 6/4 0a30313233343536373839457874726144617461',
  },
  {
    from: 'ExaBGP conf-ebgp',
    bytes: '002f 02 0000 0014 40010100 400206 0201 0000fffd 400304 0a0001fe 18 0a0000',
    context: EXTERNAL,
    says: '10.0.0.0/24 via 10.0.1.254 igp path 65533',
  },
  { from: 'ExaBGP, the end of IPv4', bytes: '0017 02 0000 0000', says: 'withdrawn nothing' },
  {
    from: 'ExaBGP, the end of IPv6',
    bytes: '001e 02 0000 0007 900f 0003 0002 01',
    says: 'withdrawn nothing of family 6',
    isWrittenOtherwise: true,
  },
  {
    from: 'ExaBGP conf-largecommunity',
    bytes: `004c 02 0000 0030 40010100 400200 400304 c0000201 400504 00000064
      c02018 00000b62 00000000 0000029a 00000b62 00000cf8 0000007b 20 0808080a`,
    says: '8.8.8.10/32 via 192.0.2.1 igp path  pref 100 large 2914:0:666 2914:3320:123',
  },
  {
    from: 'ExaBGP conf-aggregator',
    bytes: `0048 02 0000 002d 40010100 40020a 0202 0000e1dd 00001b1b 400304 c0a801fe 400504 00000064 400600
      c00708 000046e0 db76e1bd 12 010040`,
    says: '1.0.64.0/18 via 192.168.1.254 igp path 57821 6939 pref 100 atomic aggregator 18144 219.118.225.189',
  },
  {
    from: 'ExaBGP conf-path-information',
    bytes: '0035 02 0000 0015 40010100 400200 400304 0a0a0101 400504 00000064 00000001 20 0a00000a',
    context: { addPath: [4] },
    says: '10.0.0.10/32#1 via 10.10.1.1 igp path  pref 100',
  },
  {
    from: 'ExaBGP conf-new-v6',
    bytes: `0059 02 0000 0042 40010100 400200 400504 000000c8 c00808 78140000 78147814
      800e26 0002 01 10 2a020b80000000020000000000000001 00 80 2a020b80000000010000000000000001`,
    says: '2a02:b80:0:1::1/128 via 2a02:b80:0:2::1 igp path  pref 200 communities 30740:0 30740:30740',
    isWrittenOtherwise: true,
  },
  {
    from: 'ExaBGP extended-nexthop, IPv4 over IPv6',
    bytes: `0042 02 0000 002b 40010100 400200 400504 00000064
      800e1a 0001 01 10 0badcafe0badcafe0badcafe0badcafe 00 20 99999999`,
    says: '153.153.153.153/32 via bad:cafe:bad:cafe:bad:cafe:bad:cafe igp path  pref 100',
    isWrittenOtherwise: true,
  },
  {
    from: 'ExaBGP conf-ipv46routes4family',
    bytes: '003c 02 0000 0020 40010100 400200 400304 0a000001 400504 00000064 c01008 0002004800000001 20 c1000201',
    says: '193.0.2.1/32 via 10.0.0.1 igp path  pref 100 extended rt:72:1',
  },
  {
    from: 'ExaBGP conf-addpath',
    bytes:
      '0040 02 0000 0020 40010100 400200 400304 0a000001 400504 00000064 c01008 0002004800000001 01020304 20 c1000201',
    context: { addPath: [4] },
    says: '193.0.2.1/32#16909060 via 10.0.0.1 igp path  pref 100 extended rt:72:1',
  },
  {
    from: 'ExaBGP conf-no-asn4',
    bytes: '0034 02 0000 0019 40010100 400204 0201 0064 400304 0a00fffe 400504 00000064 18 0a0001',
    context: { isFourOctetAs: false },
    says: '10.0.1.0/24 via 10.0.255.254 igp path 100 pref 100',
  },
  {
    from: 'ExaBGP conf-llnh-update',
    bytes: `005e 02 0000 0047 40010100 400200 400504 00000064
      800e36 0002 01 20 20010db800000000000000000000ffff fe800000000000000000000000000001 00 80 20010db8000100000000000000000001`,
    says: '2001:db8:1::1/128 via 2001:db8::ffff and fe80::1 igp path  pref 100',
    isWrittenOtherwise: true,
  },
]

function describe(message: Message): string {
  if (message.kind === 'open') {
    const { myAs, bgpIdentifier, holdTimeS, capabilities } = message
    return `open AS ${myAs} id ${bgpIdentifier} hold ${holdTimeS}: ${capabilities.map(describeCapability).join(', ')}`
  }
  if (message.kind === 'notification') {
    return `notification ${message.code}/${message.subcode} ${Buffer.from(message.data).toString('hex')}`
  }
  return message.kind === 'update' ? describeUpdate(message) : message.kind
}

function describeUpdate({ attributes: set, ipv4, mpReach, mpUnreach, withdrawnIpv4 }: UpdateMessage): string {
  const reach = ipv4 ?? mpReach
  if (reach === undefined || set === undefined) {
    const gone = [...withdrawnIpv4, ...(mpUnreach?.prefixes ?? [])].join(' ')
    return `withdrawn ${gone === '' ? 'nothing' : gone}${mpUnreach === undefined ? '' : ` of family ${mpUnreach.family}`}`
  }
  const prefixes = reach.prefixes.map((prefix, i) =>
    reach.pathIds === undefined ? `${prefix}` : `${prefix}#${reach.pathIds[i]}`,
  )
  const linkLocal = mpReach?.linkLocalNextHop === undefined ? '' : ` and ${mpReach.linkLocalNextHop}`
  const parts = [
    `${prefixes.join(' ')} via ${reach.nextHop}${linkLocal}`,
    ['igp', 'egp', 'incomplete'][set.origin],
    `path ${set.asPathText}`,
    ...(set.localPref === undefined ? [] : [`pref ${set.localPref}`]),
    ...(set.isAtomicAggregate ? ['atomic'] : []),
    ...(set.aggregator === undefined ? [] : [`aggregator ${set.aggregator.asn} ${set.aggregator.address}`]),
    ...(set.communities.length === 0 ? [] : [`communities ${set.communities.map(formatCommunity).join(' ')}`]),
    ...(set.extendedCommunities === undefined
      ? []
      : [`extended ${formatExtendedCommunities(set.extendedCommunities).join(' ')}`]),
    ...(set.largeCommunities === undefined ? [] : [`large ${formatLargeCommunities(set.largeCommunities).join(' ')}`]),
  ]
  return parts.join(' ')
}

function decode(text: string, context: Partial<DecodeContext> = {}) {
  const bytes = hex(`${MARKER} ${text}`)
  assert.equal((bytes[16]! << 8) | bytes[17]!, bytes.length, 'the length is that of the bytes here')
  const message = { type: bytes[18]!, body: bytes.subarray(19), bytes }
  return { bytes, result: decodeMessage(message, { isFourOctetAs: true, isExternal: false, ...context }) }
}

for (const { from, bytes: text, context, says, isWrittenOtherwise } of VECTORS) {
  test(`${from}: decodes to what it says${isWrittenOtherwise === true ? '' : ', and is written the same'}`, () => {
    const { bytes, result } = decode(text, context)
    assert.ok(result.ok)
    const { value } = result
    if (value.kind === 'update') assert.deepEqual(value.errors, [])
    const message = value.kind === 'update' ? value.update : value
    assert.equal(describe(message), says)
    const again = encodeMessage(message, { isFourOctetAs: context?.isFourOctetAs ?? true })
    if (message.kind !== 'open') assert.equal(Buffer.from(again).equals(bytes), isWrittenOtherwise !== true)
  })
}

test('what is published because it is malformed gets the treatment that the RFCs ask for', () => {
  const errorOf = (text: string, context: Partial<DecodeContext>): string => {
    const { result } = decode(text, context)
    if (!result.ok) return `${result.error.code}/${result.error.subcode} ${result.error.treatment}`
    if (result.value.kind !== 'update') return result.value.kind
    return `${result.value.errors.map(({ code, subcode }) => `${code}/${subcode}`).join()} ${result.value.treatment}`
  }
  // tcpdump bgp-infinite-loop: an UPDATE that ends with its header.
  assert.equal(errorOf('0013 02', EXTERNAL), '3/1 session-reset')
  // tcpdump bgp-bgp_capabilities_print-oobr: an OPEN of version 255 with capabilities beyond its end.
  const open =
    '003b 01 ff fff8 10e4 90082004 1d 0200 0208 4000 0000 4104 0000 0002 0202 0202 e803 0207 0400 0800 0100 0080'
  assert.equal(errorOf(open, EXTERNAL), '2/1 session-reset')
  // tcpdump bgp-aigp: LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST, which mean nothing from an external peer.
  const aigp = `0064 02 0000 004d 40010102 400200 800404 00000000 400504 00000064 c00804 fde82bc1 800904 ac101504
    800a04 ac101405 801a0b 01000b00000000000007d0 900e 0011 0001 04 04 ac101405 00 38 494401 ac101504`
  assert.equal(errorOf(aigp, EXTERNAL), '3/9,3/9,3/9 attribute-discard')
})
