/**
 * UPDATEs and OPENs as other implementations send them, byte for byte: what each says, and that the same message comes out when it is
 * written again. The forms (attribute order, flags, capabilities) are those of Cisco, FRR, BIRD and GoBGP.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeCapability } from './capability.ts'
import { formatCommunity, formatExtendedCommunities, formatLargeCommunities } from './community.ts'
import { hex, MARKER, toHex } from './hex.fixture.ts'
import { decodeMessage, encodeMessage } from './message.ts'
import type { DecodeContext } from './path-attribute.ts'

function decodeHex(text: string, context: Partial<DecodeContext> = {}) {
  const bytes = hex(text)
  const result = decodeMessage(
    { type: bytes[18]!, body: bytes.subarray(19), bytes },
    { isFourOctetAs: true, isExternal: false, ...context },
  )
  assert.ok(result.ok)
  return { value: result.value, bytes }
}

test('an OPEN of FRR with graceful restart, add-path, extended next hop and enhanced refresh', () => {
  const { value, bytes } = decodeHex(`${MARKER} 005f 01
    04 fde8 00b4 0a000001   # version 4, AS 65000, hold 180 s, identifier 10.0.0.1
    42                      # 66 bytes of parameters
    02 06 01 04 0001 00 01  # IPv4 unicast
    02 02 80 00             # route refresh (Cisco)
    02 02 02 00             # route refresh
    02 02 46 00             # enhanced route refresh
    02 06 41 04 0000fde8    # four-octet AS
    02 02 06 00             # extended message
    02 06 45 04 0001 01 01  # add-path IPv4 receive
    02 08 05 06 0001 0001 0002  # extended next hop IPv4 over IPv6
    02 08 49 06 02 7231 00 00 00  # FQDN
    02 04 40 02 c078        # graceful restart: R, N, 120 s
  `)
  assert.ok(value.kind === 'open')
  assert.deepEqual(value.capabilities.map(describeCapability), [
    'multiprotocol ipv4-unicast',
    'capability 128',
    'route-refresh',
    'enhanced-route-refresh',
    'four-octet-as 65000',
    'extended-message',
    'add-path ipv4 receive',
    'extended-next-hop',
    'fqdn',
    'graceful-restart 120 s, restarting',
  ])
  assert.equal(value.holdTimeS, 180)
  // Ours puts all capabilities into one parameter; the capabilities are the same bytes.
  const again = decodeHex(toHex(encodeMessage(value)))
  assert.deepEqual(again.value, value)
  assert.equal(bytes[28], bytes.length - 29)
})

test('an UPDATE with path, MED, local preference, communities of all kinds', () => {
  const text = `${MARKER} 006e 02 0000 004f
    40 01 01 00                      # ORIGIN IGP
    40 02 0e 02 03 0000fde9 0000fdea 000186a0  # AS_PATH 65001 65002 100000
    40 03 04 c0000201                # NEXT_HOP 192.0.2.1
    80 04 04 00000064                # MED 100
    40 05 04 000000c8                # LOCAL_PREF 200
    c0 08 08 fde90064 ffffff01       # COMMUNITIES 65001:100 no-export
    c0 10 08 0002fde900000064        # EXTENDED COMMUNITIES rt:65001:100
    c0 20 0c 0000fde9 00000001 00000002  # LARGE_COMMUNITY 65001:1:2
    18 c63364 10 0a01                # 198.51.100.0/24 10.1.0.0/16
    00                               # 0.0.0.0/0
  `
  const { value, bytes } = decodeHex(text)
  assert.ok(value.kind === 'update')
  assert.deepEqual(value.errors, [])
  const set = value.update.attributes!
  assert.equal(set.asPathText, '65001 65002 100000')
  assert.deepEqual([set.med, set.localPref], [100, 200])
  assert.deepEqual(set.communities.map(formatCommunity), ['65001:100', 'noExport'])
  assert.deepEqual(formatExtendedCommunities(set.extendedCommunities!), ['rt:65001:100'])
  assert.deepEqual(formatLargeCommunities(set.largeCommunities!), ['65001:1:2'])
  assert.deepEqual(value.update.ipv4!.prefixes.map(String), ['198.51.100.0/24', '10.1.0.0/16', '0.0.0.0/0'])
  assert.equal(toHex(encodeMessage(value.update)), toHex(bytes))
})

test('an IPv6 UPDATE with global and link-local next hop', () => {
  const text = `${MARKER} 0059 02 0000 0042
    80 0e 2b 0002 01 20
      20010db8000000000000000000000001 fe800000000000000000000000000001
      00 28 20010db801
    40 01 01 02
    40 02 06 02 01 0000fde9
    80 04 04 00000000
  `
  const { value, bytes } = decodeHex(text)
  assert.ok(value.kind === 'update')
  assert.deepEqual(value.errors, [])
  const reach = value.update.mpReach!
  assert.deepEqual(reach.prefixes.map(String), ['2001:db8:100::/40'])
  assert.equal(reach.linkLocalNextHop?.toString(), 'fe80::1')
  assert.equal(toHex(encodeMessage(value.update)), toHex(bytes))
})

test('add-path NLRI: two paths to one prefix, and their withdrawal', () => {
  const text = `${MARKER} 003b 02 0000 0014
    40 01 01 00 40 02 06 02 01 0000fde9 40 03 04 c0000201
    00000001 18 c63364 00000002 18 c63364
  `
  const { value, bytes } = decodeHex(text, { addPath: [4] })
  assert.ok(value.kind === 'update')
  assert.deepEqual(value.update.ipv4!.pathIds, [1, 2])
  assert.equal(toHex(encodeMessage(value.update)), toHex(bytes))
  const gone = decodeHex(`${MARKER} 001f 02 0008 00000002 18 c63364 0000`, { addPath: [4] })
  assert.ok(gone.value.kind === 'update')
  assert.deepEqual(
    [gone.value.update.withdrawnIpv4.map(String), gone.value.update.withdrawnPathIds],
    [['198.51.100.0/24'], [2]],
  )
})

test('a two-octet speaker: AS_TRANS in the path, the real numbers in AS4_PATH', () => {
  const { value } = decodeHex(
    `${MARKER} 0036 02 0000 001d
    40 01 01 00 40 02 06 02 02 fde9 5ba0 40 03 04 c0000201
    c0 11 06 02 01 00030d40   # AS4_PATH 200000
    08 0a`,
    { isFourOctetAs: false },
  )
  assert.ok(value.kind === 'update')
  assert.deepEqual(value.errors, [])
  assert.equal(value.update.attributes!.asPathText, '65001 200000')
})

test('markers of a refresh and the end of the RIB', () => {
  const begin = decodeHex(`${MARKER} 0017 05 0002 01 01`).value
  assert.deepEqual(begin, { kind: 'route-refresh', family: 6, subtype: 1 })
  const end = decodeHex(`${MARKER} 001d 02 0000 0006 80 0f 03 0002 01`).value
  assert.ok(end.kind === 'update')
  assert.deepEqual(end.update.mpUnreach, { family: 6, prefixes: [] })
})
