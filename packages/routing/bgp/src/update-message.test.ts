import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hex } from './hex.fixture.ts'
import { decodeUpdate } from './update-message.ts'

const ORIGIN = '40 01 01 00'
const AS_PATH = '40 02 06 02 01 0000fde9'
const NEXT_HOP = '40 03 04 cb007101'
const NLRI = '18 c63364' // 198.51.100.0/24
const MP_REACH = '80 0e 1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8'

function update(attributes: string, nlri = NLRI, withdrawn = ''): Uint8Array {
  const parts = [hex(withdrawn), hex(attributes), hex(nlri)] as const
  const body = new Uint8Array(4 + parts[0].length + parts[1].length + parts[2].length)
  const view = new DataView(body.buffer)
  view.setUint16(0, parts[0].length)
  body.set(parts[0], 2)
  view.setUint16(2 + parts[0].length, parts[1].length)
  body.set(parts[1], 4 + parts[0].length)
  body.set(parts[2], 4 + parts[0].length + parts[1].length)
  return body
}

const external = { isFourOctetAs: true, isExternal: true }
const internal = { isFourOctetAs: true, isExternal: false }

/** Section of RFC 7606 (or the attribute's own RFC), attributes, subcode, treatment. */
const table: [string, string, number, string, string?][] = [
  ['§7.1 ORIGIN of length 2', `40 01 02 0000 ${AS_PATH} ${NEXT_HOP}`, 5, 'treat-as-withdraw'],
  ['§7.1 ORIGIN 3', `40 01 01 03 ${AS_PATH} ${NEXT_HOP}`, 6, 'treat-as-withdraw'],
  [
    '§7.2 AS_PATH with an unknown segment type',
    `${ORIGIN} 40 02 06 09 01 0000fde9 ${NEXT_HOP}`,
    11,
    'treat-as-withdraw',
  ],
  ['§7.2 AS_PATH whose segment overruns', `${ORIGIN} 40 02 06 02 02 0000fde9 ${NEXT_HOP}`, 11, 'treat-as-withdraw'],
  ['§7.2 AS_PATH with a single byte left', `${ORIGIN} 40 02 07 02 01 0000fde9 02 ${NEXT_HOP}`, 11, 'treat-as-withdraw'],
  ['§7.2 AS_PATH with an empty segment', `${ORIGIN} 40 02 02 02 00 ${NEXT_HOP}`, 11, 'treat-as-withdraw'],
  ['§7.3 NEXT_HOP of length 16', `${ORIGIN} ${AS_PATH} 40 03 05 cb00710100`, 5, 'treat-as-withdraw'],
  ['§7.4 MED of length 3', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} 80 04 03 000000`, 5, 'treat-as-withdraw'],
  ['§7.6 ATOMIC_AGGREGATE with a value', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} 40 06 01 00`, 5, 'attribute-discard'],
  ['§7.7 AGGREGATOR of length 6', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} c0 07 06 fde90a000001`, 5, 'attribute-discard'],
  ['§7.8 COMMUNITIES of length 5', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} c0 08 05 0000000000`, 5, 'treat-as-withdraw'],
  [
    '§7.14 extended communities of length 7',
    `${ORIGIN} ${AS_PATH} ${NEXT_HOP} c0 10 07 00000000000000`,
    5,
    'treat-as-withdraw',
  ],
  [
    'RFC 8092 §5 large communities of length 11',
    `${ORIGIN} ${AS_PATH} ${NEXT_HOP} c0 20 0b 0000000000000000000000`,
    5,
    'treat-as-withdraw',
  ],
  ['§7.5 LOCAL_PREF from outside', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} 40 05 04 00000064`, 9, 'attribute-discard'],
  ['§7.9 ORIGINATOR_ID from outside', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} 80 09 04 00000064`, 9, 'attribute-discard'],
  ['§7.10 CLUSTER_LIST from outside', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} 80 0a 04 00000064`, 9, 'attribute-discard'],
  ['§3 c flags of ORIGIN', `c0 01 01 00 ${AS_PATH} ${NEXT_HOP}`, 4, 'treat-as-withdraw'],
  ['§3 d ORIGIN missing', `${AS_PATH} ${NEXT_HOP}`, 3, 'treat-as-withdraw'],
  ['§3 d AS_PATH missing', `${ORIGIN} ${NEXT_HOP}`, 3, 'treat-as-withdraw'],
  ['§3 d NEXT_HOP missing', `${ORIGIN} ${AS_PATH}`, 3, 'treat-as-withdraw'],
  ['§3 g a second MED', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} 80 04 04 00000001 80 04 04 00000002`, 1, 'attribute-discard'],
  ['§4 an attribute that overruns the field', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} 80 04 09 00`, 1, 'treat-as-withdraw'],
  ['§3 g a second MP_REACH_NLRI', `${ORIGIN} ${AS_PATH} ${MP_REACH} ${MP_REACH}`, 1, 'session-reset', ''],
  ['RFC 4271 §6.3 an unknown well-known attribute', `${ORIGIN} ${AS_PATH} ${NEXT_HOP} 40 63 01 00`, 2, 'session-reset'],
  [
    '§7.11 MP_REACH_NLRI with a next hop of 8 bytes',
    `${ORIGIN} ${AS_PATH} 80 0e 12 0002 01 08 20010db800000000 00 20 20010db8`,
    9,
    'afi-safi-disable',
    '',
  ],
  [
    '§5.3 MP_REACH_NLRI with a /129',
    `${ORIGIN} ${AS_PATH} 80 0e 17 0002 01 10 20010db8000000000000000000000001 00 81 20`,
    9,
    'afi-safi-disable',
    '',
  ],
  ['§5.3 MP_UNREACH_NLRI cut off', `80 0f 05 0002 01 20 20`, 9, 'afi-safi-disable', ''],
  ['§5.3 a /33 in the NLRI field', `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, 10, 'session-reset', '21 c6336400 00'],
  ['§5.3 a prefix cut off in the NLRI field', `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`, 10, 'session-reset', '18 c633'],
]

for (const [name, attributes, subcode, treatment, nlri] of table) {
  test(`RFC 7606: ${name} is ${treatment} (3/${subcode})`, () => {
    const result = decodeUpdate(update(attributes, nlri ?? NLRI), external)
    const error = result.ok ? result.value.errors[0] : result.error
    assert.ok(error !== undefined, 'an error was found')
    assert.deepEqual([error.code, error.subcode, error.treatment], [3, subcode, treatment])
    assert.equal(result.ok, treatment !== 'session-reset')
    if (!result.ok) return
    const { update: value } = result.value
    if (treatment === 'treat-as-withdraw') {
      assert.equal(value.attributes, undefined)
      assert.deepEqual(value.withdrawnIpv4.map(String), ['198.51.100.0/24'])
    } else if (treatment === 'attribute-discard') {
      assert.deepEqual(value.ipv4?.prefixes.map(String), ['198.51.100.0/24'])
      assert.deepEqual(value.withdrawnIpv4, [])
    } else assert.deepEqual(result.value.disabledFamilies, [6])
  })
}

test('of two MEDs the first counts', () => {
  const result = decodeUpdate(update(`${ORIGIN} ${AS_PATH} ${NEXT_HOP} 80 04 04 00000001 80 04 04 00000002`), external)
  assert.ok(result.ok)
  assert.equal(result.value.update.attributes?.med, 1)
})

test('LOCAL_PREF counts between internal peers, and is withdrawn for when malformed', () => {
  const good = decodeUpdate(update(`${ORIGIN} ${AS_PATH} ${NEXT_HOP} 40 05 04 000000c8`), internal)
  assert.ok(good.ok)
  assert.equal(good.value.update.attributes?.localPref, 200)
  const bad = decodeUpdate(update(`${ORIGIN} ${AS_PATH} ${NEXT_HOP} 40 05 03 0000c8`), internal)
  assert.ok(bad.ok)
  assert.equal(bad.value.treatment, 'treat-as-withdraw')
})

test('a treated-as-withdraw UPDATE withdraws the prefixes of every field, both families', () => {
  const attributes = `${MP_REACH} 40 01 01 07 ${AS_PATH} ${NEXT_HOP} 80 0f 07 0001 01 18 0a0101`
  const result = decodeUpdate(update(attributes, NLRI, '10 c0a8'), external)
  assert.ok(result.ok)
  assert.deepEqual(result.value.update.withdrawnIpv4.map(String).toSorted(), [
    '10.1.1.0/24',
    '192.168.0.0/16',
    '198.51.100.0/24',
  ])
  assert.deepEqual(result.value.update.mpUnreach?.prefixes.map(String), ['2001:db8::/32'])
})

test('an unknown optional non-transitive attribute is dropped, a transitive one is kept', () => {
  const result = decodeUpdate(update(`${ORIGIN} ${AS_PATH} ${NEXT_HOP} 80 63 01 01 c0 64 01 02`), external)
  assert.ok(result.ok)
  assert.deepEqual(result.value.update.attributes?.unknown, [{ type: 100, value: hex('02') }])
})

test('lengths that contradict the message reset the session with 3/1', () => {
  for (const text of ['0009 0000', '0000 0009 40', '0001', '']) {
    const result = decodeUpdate(hex(text), external)
    assert.ok(!result.ok)
    assert.deepEqual([result.error.code, result.error.subcode], [3, 1])
  }
})

test('the routes of a family that is not ours are ignored', () => {
  // AFI 25 (L2VPN) SAFI 70 (EVPN).
  const result = decodeUpdate(update('80 0f 06 0019 46 010203', ''), external)
  assert.ok(result.ok)
  assert.deepEqual(result.value.errors, [])
})
