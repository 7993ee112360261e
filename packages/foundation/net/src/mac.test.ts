import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Mac } from './index.ts'

test('text is six octets of one or two digits, with colons or hyphens', () => {
  assert.equal(String(Mac.of('A8-40-25-FF-77-77')), 'a8:40:25:ff:77:77')
  assert.equal(String(Mac.of('2:0:5e:0:1:1')), '02:00:5e:00:01:01')
  for (const bad of [
    '',
    'a8:40:25:ff:77',
    'a8:40:25:ff:77:77:00',
    'a8:40:25:ff:77:777',
    'a8:40:25:ff:77:g0',
    'a84025ff7777',
  ]) {
    assert.equal(Mac.parse(bad), undefined, bad)
  }
  assert.throws(() => Mac.of('x'), /not a MAC address: "x"/)
})

test('numbers are a round trip over all 48 bits', () => {
  for (const value of [0, 1, 0xa84025ff7777, 2 ** 48 - 1, 2 ** 32, 2 ** 31])
    assert.equal(Mac.fromNumber(value).toNumber(), value)
  assert.equal(String(Mac.fromNumber(0xa84025ff7777)), 'a8:40:25:ff:77:77')
})

test('the link-local address is that of the modified EUI-64', () => {
  assert.equal(String(Mac.of('a8:40:25:ff:77:77').linkLocal()), 'fe80::aa40:25ff:feff:7777')
  assert.equal(String(Mac.of('02:00:00:00:00:01').linkLocal()), 'fe80::ff:fe00:1')
})

test('multicast groups map to their group addresses (RFC 1112 §6.4, RFC 2464 §7)', () => {
  assert.equal(String(Mac.forMulticast(Ip.of('239.129.2.3'))), '01:00:5e:01:02:03')
  assert.equal(String(Mac.forMulticast(Ip.of('ff02::1:ff28:9c5a'))), '33:33:ff:28:9c:5a')
})

test('bytes are copied in, and equality is by value', () => {
  const buffer = Uint8Array.of(0, 1, 2, 3, 4, 5, 6)
  const mac = Mac.fromBytes(buffer, 1)
  buffer.fill(0)
  assert.equal(String(mac), '01:02:03:04:05:06')
  assert.ok(mac.equals(Mac.of('1:2:3:4:5:6')))
  assert.ok(!mac.equals(Mac.broadcast))
  assert.equal(JSON.stringify({ mac }), '{"mac":"01:02:03:04:05:06"}')
})
