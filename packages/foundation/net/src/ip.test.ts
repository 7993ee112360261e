import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip } from './index.ts'

test('IPv4 text is strict dotted decimal', () => {
  assert.equal(Ip.of('203.0.113.9').word(0), 0xcb007109)
  for (const bad of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.256',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1..2.3',
  ]) {
    assert.equal(Ip.parse(bad), undefined, bad)
  }
})

test('IPv6 text is that of RFC 4291 §2.2', () => {
  const good: [string, string][] = [
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
    ['FF01:0:0:0:0:0:0:101', 'ff01::101'],
    ['0:0:0:0:0:FFFF:129.144.52.38', '::ffff:129.144.52.38'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ]
  for (const [text, canonical] of good) assert.equal(String(Ip.of(text)), canonical)
  for (const bad of [
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
  ]) {
    assert.equal(Ip.parse(bad), undefined, bad)
  }
})

test('IPv6 is printed as RFC 5952 §4 wants it', () => {
  // Leading zeros go; one group of zero is not compressed; the longest run is, the first of equals; lower case.
  assert.equal(String(Ip.of('2001:0db8::0001')), '2001:db8::1')
  assert.equal(String(Ip.of('2001:db8:0:1:1:1:1:1')), '2001:db8:0:1:1:1:1:1')
  assert.equal(String(Ip.of('2001:0:0:1:0:0:0:1')), '2001:0:0:1::1')
  assert.equal(String(Ip.of('2001:db8:0:0:1:0:0:1')), '2001:db8::1:0:0:1')
  assert.equal(String(Ip.of('fe80:0:0:0:0:0:0:0')), 'fe80::')
})

test('of throws on what parse refuses', () => {
  assert.throws(() => Ip.of('nonsense'), /not an IP address: "nonsense"/)
})

test('plus carries across bytes and wraps within the family', () => {
  assert.equal(String(Ip.of('10.0.0.255').plus(1)), '10.0.1.0')
  assert.equal(String(Ip.of('10.0.1.0').plus(-1)), '10.0.0.255')
  assert.equal(String(Ip.of('255.255.255.255').plus(1)), '0.0.0.0')
  assert.equal(String(Ip.of('0.0.0.0').plus(-1)), '255.255.255.255')
  assert.equal(String(Ip.of('fd00::ffff:ffff').plus(2)), 'fd00::1:0:1')
  assert.equal(String(Ip.of('10.0.0.0').plus(65536 * 3 + 7)), '10.3.0.7')
})

test('IPv4 sorts before IPv6, then by value', () => {
  const sorted = ['::1', '10.0.0.2', 'fe80::', '9.255.255.255', '10.0.0.1', '::']
    .map(Ip.of)
    .toSorted((a, b) => a.compare(b))
  assert.deepEqual(sorted.map(String), ['9.255.255.255', '10.0.0.1', '10.0.0.2', '::', '::1', 'fe80::'])
  assert.ok(Ip.of('::ffff:1.2.3.4').equals(Ip.of('::ffff:102:304')))
  assert.ok(!Ip.of('0.0.0.0').equals(Ip.of('::')))
})

test('bits and words count from the most significant', () => {
  const ip = Ip.of('8000:1::ffff:1')
  assert.equal(ip.bit(0), 1)
  assert.equal(ip.bit(1), 0)
  assert.equal(ip.bit(31), 1)
  assert.equal(ip.bit(127), 1)
  assert.deepEqual([ip.word(0), ip.word(1), ip.word(2), ip.word(3)], [0x80000001, 0, 0, 0xffff0001])
})

test('scopes are told by their prefixes', () => {
  const kinds = (text: string): boolean[] => {
    const ip = Ip.of(text)
    return [ip.isUnspecified, ip.isLoopback, ip.isMulticast, ip.isLinkLocal]
  }
  assert.deepEqual(kinds('0.0.0.0'), [true, false, false, false])
  assert.deepEqual(kinds('::'), [true, false, false, false])
  assert.deepEqual(kinds('127.255.0.1'), [false, true, false, false])
  assert.deepEqual(kinds('::1'), [false, true, false, false])
  assert.deepEqual(kinds('224.0.0.1'), [false, false, true, false])
  assert.deepEqual(kinds('239.255.255.255'), [false, false, true, false])
  assert.deepEqual(kinds('240.0.0.1'), [false, false, false, false])
  assert.deepEqual(kinds('ff02::1'), [false, false, true, false])
  assert.deepEqual(kinds('169.254.9.9'), [false, false, false, true])
  assert.deepEqual(kinds('febf::1'), [false, false, false, true])
  assert.deepEqual(kinds('fec0::1'), [false, false, false, false])
})

test('bytes are copied in, so that a reused buffer does not change an address', () => {
  const buffer = Uint8Array.of(0, 10, 0, 0, 1)
  const ip = Ip.fromBytes(buffer, 1, 4)
  buffer.fill(9)
  assert.equal(String(ip), '10.0.0.1')
  assert.equal(JSON.stringify({ ip }), '{"ip":"10.0.0.1"}')
  assert.equal(String(Ip.v4(0xffffffff)), '255.255.255.255')
})

test('an address does not change with the Buffer it was read from', () => {
  const buffer = Buffer.from([10, 0, 0, 1])
  const ip = Ip.fromBytes(buffer, 0, 4)
  buffer[3] = 9
  assert.equal(ip.toString(), '10.0.0.1')
})
