import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ip, Prefix } from './index.ts'

test('text is an address, a slash and a decimal length within the family', () => {
  for (const good of ['0.0.0.0/0', '10.1.2.3/32', '192.168.1.7/24', '::/0', 'fd00:1122:3344:100::/56', '::1/128']) {
    assert.equal(String(Prefix.of(good)), good)
  }
  for (const bad of [
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '::/129',
    '/8',
    '10.0.0.0/8/8',
    '10.0.0.0/1e1',
  ]) {
    assert.equal(Prefix.parse(bad), undefined, bad)
  }
  assert.throws(() => Prefix.of('10.0.0.0/33'), /not a prefix/)
  assert.throws(() => new Prefix(Ip.of('10.0.0.0'), 33), /out of range/)
})

test('host bits are kept until masked', () => {
  const prefix = Prefix.of('192.168.1.7/22')
  assert.equal(String(prefix), '192.168.1.7/22')
  assert.equal(String(prefix.masked()), '192.168.0.0/22')
  assert.ok(!prefix.equals(prefix.masked()))
  assert.equal(String(Prefix.of('fd00::ffff/127').masked()), 'fd00::fffe/127')
  assert.equal(String(Prefix.of('1.2.3.4/0').masked()), '0.0.0.0/0')
  assert.equal(String(Prefix.of('fd00::1:0:0/80').masked()), 'fd00::/80')
  for (const text of ['10.0.0.0/8', '0.0.0.0/0', '1.2.3.4/32', 'fc00::/7', '::1/128']) {
    const masked = Prefix.of(text)
    assert.equal(masked.masked(), masked)
  }
})

test('containment looks at the prefix bits only, and never across families', () => {
  const prefix = Prefix.of('172.30.0.5/22')
  assert.ok(prefix.contains(Ip.of('172.30.3.255')))
  assert.ok(!prefix.contains(Ip.of('172.30.4.0')))
  assert.ok(!prefix.contains(Ip.of('::ffff:172.30.0.5')))
  assert.ok(Prefix.of('::/0').contains(Ip.of('ff02::1')))
  assert.ok(!Prefix.of('::/0').contains(Ip.of('10.0.0.1')))
  assert.ok(Prefix.of('fd00::/61').contains(Ip.of('fd00:0:0:7::')))
  assert.ok(!Prefix.of('fd00::/61').contains(Ip.of('fd00:0:0:8::')))
  assert.ok(Prefix.host(Ip.of('::1')).contains(Ip.of('::1')))
  assert.ok(!Prefix.host(Ip.of('::1')).contains(Ip.of('::2')))
})

test('covers and overlaps agree with containment of the ends', () => {
  const wide = Prefix.of('10.0.0.0/8')
  const narrow = Prefix.of('10.9.0.0/16')
  assert.ok(wide.covers(narrow) && !narrow.covers(wide) && wide.covers(wide))
  assert.ok(wide.overlaps(narrow) && narrow.overlaps(wide))
  assert.ok(!narrow.overlaps(Prefix.of('10.8.0.0/16')))
  assert.ok(!wide.overlaps(Prefix.of('::/0')))
})

test('nth counts from the network address, last is the highest', () => {
  const prefix = Prefix.of('172.30.0.5/22')
  assert.equal(String(prefix.nth(0)), '172.30.0.0')
  assert.equal(String(prefix.nth(257)), '172.30.1.1')
  assert.equal(String(prefix.last()), '172.30.3.255')
  assert.equal(String(Prefix.of('fd00:1122:3344:104::/64').last()), 'fd00:1122:3344:104:ffff:ffff:ffff:ffff')
  assert.equal(String(Prefix.of('1.2.3.4/32').last()), '1.2.3.4')
})

test('prefixes sort by family, address, then length', () => {
  const sorted = ['::/0', '10.0.0.0/16', '10.0.0.0/8', '9.0.0.0/8'].map(Prefix.of).toSorted((a, b) => a.compare(b))
  assert.deepEqual(sorted.map(String), ['9.0.0.0/8', '10.0.0.0/8', '10.0.0.0/16', '::/0'])
  assert.equal(JSON.stringify([Prefix.of('::/0')]), '["::/0"]')
  assert.equal(Prefix.of('::/0').family, 6)
})
