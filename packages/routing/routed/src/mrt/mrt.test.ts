import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PeerIdentity } from '@lodestone/bgp'
import { Ip, Prefix } from '@lodestone/net'
import { ByteSink } from '../byte-sink.ts'
import { DaemonLab } from '../daemon.fixture.ts'
import { readMrt } from './mrt-reader.ts'
import { writeMessage, writePeerIndexTable, writeRibEntries, writeStateChange } from './mrt-record.ts'

const WALL_MS = Date.UTC(2026, 0, 31, 12, 0, 0) + 250
const IDENTITY: PeerIdentity = {
  name: 'p',
  remoteAddress: Ip.of('10.0.0.2'),
  remotePort: 179,
  remoteAsn: 65_002,
  remoteId: 0x0a000002,
  localAddress: Ip.of('10.0.0.1'),
  localPort: 40_000,
  localAsn: 65_001,
  localId: 0x0a000001,
  isFourOctetAs: true,
  interface: undefined,
}
const KEEPALIVE = Uint8Array.from([...Array.from({ length: 16 }, () => 0xff), 0, 19, 4])

function hex(write: (out: ByteSink) => void): string {
  const out = new ByteSink(8)
  write(out)
  return Buffer.from(out.take()).toString('hex')
}

// Written out by hand from RFC 6396: time 697def40 is 2026-01-31T12:00:00Z.
const TIME = '697deec0'

test('a peer index table has the bytes of RFC 6396 §4.3.1', () => {
  const bytes = hex((out) =>
    writePeerIndexTable(out, WALL_MS, 0x0a000001, 'v', [
      { id: 0x0a000002, address: Ip.of('10.0.0.2'), asn: 65_002 },
      { id: 0x0a000003, address: Ip.of('2001:db8::3'), asn: 4_200_000_000 },
    ]),
  )
  assert.equal(
    bytes,
    [
      `${TIME}000d0001`,
      '0000002f',
      '0a000001 0001 76 0002',
      '02 0a000002 0a000002 0000fdea',
      '03 0a000003 20010db8000000000000000000000003 fa56ea00',
    ]
      .join('')
      .replaceAll(' ', ''),
  )
})

test('table entries have the bytes of RFC 6396 §4.3.2, with path identifiers those of RFC 8050', () => {
  const attributes = Uint8Array.from([0x40, 1, 1, 0])
  const entry = { peerIndex: 1, originatedS: 0x01020304, pathId: 0, attributes }
  assert.equal(
    hex((out) => writeRibEntries(out, WALL_MS, 7, Prefix.of('198.51.96.0/20'), [entry])),
    `${TIME}000d000200000016 00000007 14 c63360 0001 0001 01020304 0004 40010100`.replaceAll(' ', ''),
  )
  assert.equal(
    hex((out) => writeRibEntries(out, WALL_MS, 8, Prefix.of('2001:db8::/32'), [{ ...entry, pathId: 9 }])),
    `${TIME}000d000a0000001b 00000008 20 20010db8 0001 0001 01020304 00000009 0004 40010100`.replaceAll(' ', ''),
  )
  assert.equal(
    hex((out) => writeRibEntries(out, WALL_MS, 9, Prefix.of('0.0.0.0/0'), [])),
    `${TIME}000d000200000007 00000009 00 0000`.replaceAll(' ', ''),
  )
})

test('messages and changes of state have the bytes of RFC 6396 §4.4, with microseconds', () => {
  const head = '0003d090' // 250 000 microseconds
  const session = '0000fdea 0000fde9 0000 0001 0a000002 0a000001'
  const message = 'ffffffffffffffffffffffffffffffff 0013 04'
  const cases = [
    [true, 'received', false, '0004'],
    [true, 'sent', false, '0007'],
    [true, 'received', true, '0009'],
    [true, 'sent', true, '000b'],
  ] as const
  for (const [isFourOctetAs, direction, hasPathIds, subtype] of cases) {
    const identity = { ...IDENTITY, isFourOctetAs }
    assert.equal(
      hex((out) => writeMessage(out, WALL_MS, identity, direction, KEEPALIVE, hasPathIds)),
      `${TIME}0011${subtype}0000002b${head}${session}${message}`.replaceAll(' ', ''),
    )
  }
  assert.equal(
    hex((out) => writeMessage(out, WALL_MS, { ...IDENTITY, isFourOctetAs: false }, 'received', KEEPALIVE, false)),
    `${TIME}0011000100000027${head}fdeafde9 0000 0001 0a000002 0a000001${message}`.replaceAll(' ', ''),
  )
  assert.equal(
    hex((out) => writeStateChange(out, WALL_MS, IDENTITY, 'OpenConfirm', 'Established')),
    `${TIME}001100050000001c${head}${session} 0005 0006`.replaceAll(' ', ''),
  )
})

test('a file that is cut off anywhere gives what is whole and says where it ends', () => {
  const out = new ByteSink()
  writePeerIndexTable(out, WALL_MS, 1, '', [{ id: 2, address: Ip.of('10.0.0.2'), asn: 3 }])
  const second = out.length
  writeStateChange(out, WALL_MS, IDENTITY, 'Idle', 'Connect')
  const whole = out.take()
  assert.deepEqual(
    readMrt(whole).records.map(({ kind }) => kind),
    ['peer-index-table', 'state-change'],
  )
  for (let length = 0; length < whole.length; length++) {
    const { records, error } = readMrt(whole.subarray(0, length))
    assert.equal(records.length, length < second ? 0 : 1)
    assert.equal(error?.offset, length === 0 || length === second ? undefined : length < second ? 0 : second)
  }
})

const ROUTER = (id: string, asn: number): string => `router: { asn: ${asn}, id: ${id}, listen: ["${id}:179"]`

test('the table and the messages of live sessions read back as what was exchanged', async () => {
  const lab = new DaemonLab()
  const a = lab.add('a', '10.0.0.1')
  const b = lab.add('b', '10.0.0.2')
  const prefixes = Array.from({ length: 300 }, (_, i) => `198.18.${i >> 8}.${i & 255}/32`)
  await lab.start(
    a,
    [
      `${ROUTER('10.0.0.1', 65_001)} }`,
      'peers: [{ address: 10.0.0.2, asn: 65002, import: accept, export: accept, next_hop_ipv6: "2001:db8::1" }]',
      'mrt: { directory: d, rib_interval_s: 60, updates: true, rotate_s: 100 }',
    ].join('\n'),
  )
  await lab.start(
    b,
    [
      `${ROUTER('10.0.0.2', 65_002)}, originate: [${prefixes.join(', ')}, "2001:db8:7::/48"] }`,
      'peers: [{ address: 10.0.0.1, asn: 65001, passive: true, import: accept, export: accept, next_hop_ipv6: "2001:db8::2" }]',
    ].join('\n'),
  )
  await lab.clock.advance(61_000)
  const [tableName] = [...a.mrt.files.keys()]
  assert.match(tableName ?? '', /^d\/rib\.\d{8}\.\d{6}\.mrt$/)
  const table = readMrt(a.mrt.files.get(tableName!)!)
  assert.equal(table.error, undefined)
  const [index, ...entries] = table.records
  assert.ok(index?.kind === 'peer-index-table')
  assert.deepEqual(
    index.peers.map(({ id, address, asn }) => `${id} ${address} ${asn}`),
    [`${0x0a000002} 10.0.0.2 65002`],
  )
  const dumped = entries.map((record) => (record.kind === 'rib' ? `${record.prefix}` : record.kind))
  assert.deepEqual(dumped.toSorted(), [...prefixes, '2001:db8:7::/48'].toSorted())
  const v4 = entries.find((record) => record.kind === 'rib' && record.prefix.family === 4)
  assert.ok(v4?.kind === 'rib')
  // ORIGIN IGP, AS_PATH of one sequence with 65002, NEXT_HOP.
  assert.equal(
    Buffer.from(v4.entries[0]!.attributes).toString('hex'),
    '400101004002060201 0000fdea 4003040a000002'.replaceAll(' ', ''),
  )
  const v6 = entries.find((record) => record.kind === 'rib' && record.prefix.family === 6)
  assert.ok(v6?.kind === 'rib')
  // MP_REACH_NLRI of nothing but the next hop.
  assert.match(Buffer.from(v6.entries[0]!.attributes).toString('hex'), /^800e111020010db8000000000000000000000002/)

  await lab.clock.advance(50_000)
  const updates = [...a.mrt.files].find(([name]) => name.includes('updates'))?.[1]
  assert.ok(updates !== undefined)
  const read = readMrt(updates)
  assert.equal(read.error, undefined)
  const messages = read.records.filter((record) => record.kind === 'message')
  assert.ok(messages.some(({ direction, message }) => direction === 'received' && message[18] === 2))
  assert.ok(
    messages.every(
      ({ remoteAsn, localAsn, isFourOctetAs }) => remoteAsn === 65_002 && localAsn === 65_001 && isFourOctetAs,
    ),
  )
  assert.ok(messages.some(({ direction, message }) => direction === 'sent' && message[18] === 4))
  lab.close()
})

test('a disk that fails loses files and says so once, and the sessions go on', async () => {
  const lab = new DaemonLab()
  const a = lab.add('a', '10.0.0.1')
  const b = lab.add('b', '10.0.0.2')
  a.mrt.isFailing = true
  const peer = (address: string, asn: number): string =>
    `peers: [{ address: ${address}, asn: ${asn}, hold_time_s: 9, import: accept, export: accept }]`
  await lab.start(
    a,
    [
      `${ROUTER('10.0.0.1', 65_001)} }`,
      peer('10.0.0.2', 65_002),
      'mrt: { directory: d, rib_interval_s: 5, updates: true }',
    ].join('\n'),
  )
  await lab.start(b, [`${ROUTER('10.0.0.2', 65_002)} }`, peer('10.0.0.1', 65_001)].join('\n'))
  await lab.clock.advance(30_000)
  assert.deepEqual(a.established(), ['10.0.0.2'])
  assert.equal(a.mrt.files.size, 0)
  const text = await a.client.metrics()
  assert.ok(text.ok)
  const metrics = await new Response(text.value).text()
  assert.match(metrics, /routed_mrt_events_total\{kind="failures"\} [1-9]/)
  a.mrt.isFailing = false
  await lab.clock.advance(10_000)
  assert.ok(a.mrt.files.size > 0)
  lab.close()
})
